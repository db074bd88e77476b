// A handshake over a transport that somebody else reads from, and the TLS transport that comes out of it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "io/tls_client_hello.h"
#include "io/tls_facts.h"
#include "io/transport.h"

namespace weir::io {

class TlsContext;
class TlsEngine;
class TlsPeerContext;
class TlsPeerSessions;

class TlsHandshake {
 public:
  enum class State : uint8_t { kMore, kDone, kFailed };

  // A server's. Answers go to `transport`, which outlives it or is given to finish(). The context may go at once.
  TlsHandshake(Loop& loop, const TlsContext& context, Transport& transport);
  // weir's own towards a peer of that name, which on_bytes({}) begins. `context` outlives it; `sessions` may be null.
  TlsHandshake(Loop& loop, const TlsPeerContext& context, const std::string& name,
               std::shared_ptr<TlsPeerSessions> sessions, Transport& transport);
  ~TlsHandshake();

  // What was read of the transport; all of it is taken. Not again after another state than kMore.
  State on_bytes(std::string_view bytes);
  const std::string& why() const { return why_; }  // after kFailed; the other side has been told
  // After kFailed: the peer is not who it should be.
  bool is_unverified() const { return unverified_; }
  // After kDone, before finish().
  bool is_resumed() const;

  // After kDone, once: puts TLS around the transport it ran on. What the other side has sent behind the handshake is
  // added to `early`, in plain.
  std::unique_ptr<Transport> finish(std::unique_ptr<Transport> transport, std::string& early);
  // After kDone, before finish().
  std::shared_ptr<const TlsFacts> facts(const std::string& server_name, bool with_offer) const;

  // Tells a client, in place of a handshake, why there is none.
  static void reject(Transport& transport, TlsAlert alert);

 private:
  std::unique_ptr<TlsEngine> engine_;
  const TlsPeerContext* peer_ = nullptr;  // of weir's own side
  std::string early_;
  std::string why_;
  bool closed_ = false;
  bool unverified_ = false;
};

}  // namespace weir::io
