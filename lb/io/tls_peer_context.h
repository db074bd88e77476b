// What weir shakes hands with towards peers: whom it trusts, what it shows, protocols and ciphers. Made once of its
// options and shared by all workers; another one takes its place when the configuration is read anew.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls_faults.h"
#include "io/tls_peer_options.h"
#include "io/tls_peer_sessions.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir::io {

class TlsPeerContext {
 public:
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  // How long a session of a peer is resumed at most; what was verified then is not looked at again.
  static constexpr int kSessionSeconds = 600;

  // Null when the report has errors.
  static std::shared_ptr<const TlsPeerContext> make(const TlsPeerOptions& options, const ReadFile& read,
                                                    TlsReport& report);
  ~TlsPeerContext();
  TlsPeerContext(const TlsPeerContext&) = delete;
  TlsPeerContext& operator=(const TlsPeerContext&) = delete;

  // A digest of all that a connection was made under, the contents of files too: connections and sessions of equal
  // terms and equal names may stand for each other, over reloads as well.
  const std::string& terms() const { return terms_; }
  // Whether a peer can be asked for, and looked up in its certificate, by this name. Nothing is verified by an empty
  // one.
  bool takes_name(std::string_view name) const;

  // For io/: a TLS object of weir's own side, the caller's; it resumes a session where there is one and keeps those
  // that come. `sessions` may be null. Null without memory, or for a name that takes_name() refuses.
  ssl_st* make_ssl(const std::string& name, std::shared_ptr<TlsPeerSessions> sessions) const;
  // Whether what the handshake of that TLS object has come to is what was asked for; else why not.
  std::string fault_of(const ssl_st* ssl) const;

 private:
  TlsPeerContext(const TlsPeerOptions& options, ssl_ctx_st* context, std::string terms)
      : options_(options), context_(context), terms_(std::move(terms)) {}

  const TlsPeerOptions options_;
  ssl_ctx_st* const context_;
  const std::string terms_;
};

}  // namespace weir::io
