// What weir shakes hands with towards peers: whom it trusts, what it shows, protocols and ciphers. Made once of its
// options and shared by all workers; another one takes its place when the configuration is read anew, or its files have
// changed. So connections and sessions are never of two contents of a file.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls_certificate.h"
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
  static std::shared_ptr<TlsPeerContext> make(const TlsPeerOptions& options, const ReadFile& read, TlsReport& report);
  // The one that stands for `configured` now: what its last renew() has made, or itself. Null for null.
  static std::shared_ptr<const TlsPeerContext> in_force(const std::shared_ptr<const TlsPeerContext>& configured);
  // Equal for options that make equal contexts, as long as no file changes.
  static std::string settings_of(const TlsPeerOptions& options);
  ~TlsPeerContext();
  TlsPeerContext(const TlsPeerContext&) = delete;
  TlsPeerContext& operator=(const TlsPeerContext&) = delete;

  // A digest of all that a connection was made under, the contents of files too: connections and sessions of equal
  // terms and equal names may stand for each other, over reloads as well.
  const std::string& terms() const { return terms_; }
  // The options alone, whatever is in the files.
  std::string settings() const { return settings_of(options_); }
  // Reads everything again, into one that in_force() gives from then on. False: the report says why, and what was there
  // goes on.
  bool renew(const ReadFile& read, TlsReport& report);
  // Files that renew() would read.
  std::vector<std::string> files() const;
  // Whether one of files() was written after, or in the second before, what is in force was read.
  bool is_older_than_files() const;
  // What it shows to peers: at most one.
  const std::vector<CertificateFacts>& certificates() const { return certificates_; }
  // Whether a peer can be asked for, and looked up in its certificate, by this name. Nothing is verified by an empty
  // one.
  bool takes_name(std::string_view name) const;

  // For io/: a TLS object of weir's own side, the caller's; it resumes a session where there is one and keeps those
  // that come. `sessions` may be null. Null without memory, or for a name that takes_name() refuses.
  ssl_st* make_ssl(const std::string& name, std::shared_ptr<TlsPeerSessions> sessions) const;
  // Whether what the handshake of that TLS object has come to is what was asked for; else why not.
  std::string fault_of(const ssl_st* ssl) const;

 private:
  explicit TlsPeerContext(const TlsPeerOptions& options) : options_(options) {}

  const TlsPeerOptions options_;
  // Final once it is made.
  ssl_ctx_st* context_ = nullptr;
  std::string terms_;
  std::vector<CertificateFacts> certificates_;
  std::vector<std::string> system_files_;  // where the system's CAs are
  int64_t read_at_ = 0;                    // wall time, seconds

  mutable std::mutex mutex_;
  std::shared_ptr<const TlsPeerContext> renewed_;  // null: it is in force itself
};

}  // namespace weir::io
