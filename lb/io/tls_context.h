// What a virtual server shakes hands with: certificates, keys, protocols, ciphers, who may come. Made once of its
// options and shared by all workers; when a certificate's file has changed its inside is swapped while connections that
// have begun go on with the old one.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls_certificate.h"
#include "io/tls_faults.h"
#include "io/tls_options.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir::io {

class OcspSubject;
class StapleBook;
class TicketKeys;
class TlsSessionCache;

class TlsContext {
 public:
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  // Null when the report has errors; of a certificate that may be missing they are warnings. `scope` makes sessions the
  // virtual server's own (THREATS row 22): one that was made under another scope, client CA or kind of verification is
  // not resumed. The same over reloads and on every node.
  static std::shared_ptr<TlsContext> make(const TlsOptions& options, const std::string& scope, const ReadFile& read,
                                          TlsReport& report);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  const TlsOptions& options() const { return options_; }
  // What workers have in common; before the first handshake, later calls change nothing. `tickets` is left aside where
  // the options name files of keys; `cache` and `staples` may be null.
  void share(std::shared_ptr<TicketKeys> tickets, std::shared_ptr<TlsSessionCache> cache,
             std::shared_ptr<StapleBook> staples = nullptr);
  // Reads everything again. False: the report says why, and what was there goes on.
  bool renew(const ReadFile& read, TlsReport& report);
  std::vector<CertificateFacts> certificates() const;
  // Whether it has a certificate to show. Not while one that may be missing is all there is to be.
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  // Whose OCSP answers are to be put into the book that it shares.
  std::vector<std::shared_ptr<const OcspSubject>> ocsp_subjects() const;
  // Whether a session of one may be resumed at the other: the same virtual server, who trusts the same client CAs.
  bool shares_sessions(const TlsContext& other) const;
  // Whether a certificate of it is for this host.
  bool covers(std::string_view host) const;
  // Whether one of files() was written after, or in the second before, it was read.
  bool is_older_than_files() const;
  // Files that renew() would read.
  std::vector<std::string> files() const;

  // For io/: a TLS object of a server, the caller's. Null without memory.
  ssl_st* make_ssl() const;

 private:
  struct Shared;
  TlsContext(const TlsOptions& options, std::string scope);
  // `forgiving`: what may be missing is.
  bool load(const ReadFile& read, TlsReport& report, bool forgiving);

  const TlsOptions options_;
  const std::string scope_;
  const std::shared_ptr<Shared> shared_;
  mutable std::mutex mutex_;
  std::atomic<bool> ready_ = false;
  ssl_ctx_st* context_ = nullptr;
  std::vector<CertificateFacts> certificates_;
  std::vector<std::shared_ptr<const OcspSubject>> subjects_;
  int64_t read_at_ = 0;        // wall time, seconds
  std::string session_scope_;  // a digest of all that sessions are bound to
};

}  // namespace weir::io
