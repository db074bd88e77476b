// The TLS session that a peer has given last, for the next connection to resume: of one identity in one loop. So it is
// never resumed under another name, where other CAs are trusted, or with another certificate of weir's.
#pragma once
#include <cstdint>

struct ssl_session_st;

namespace weir::io {

class TlsPeerSessions {
 public:
  TlsPeerSessions() = default;
  ~TlsPeerSessions() { forget(); }
  TlsPeerSessions(const TlsPeerSessions&) = delete;
  TlsPeerSessions& operator=(const TlsPeerSessions&) = delete;

  bool empty() const { return newest_ == nullptr; }
  void forget();

  // For io/.
  void keep(ssl_session_st* session);  // takes it
  // Null: none, or it, or the certificate that it was verified by, is too old at `now` (wall time, seconds).
  ssl_session_st* find(int64_t now);

 private:
  ssl_session_st* newest_ = nullptr;
};

}  // namespace weir::io
