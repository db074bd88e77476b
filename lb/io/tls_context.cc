// TlsContext: one SSL_CTX of its options, and another in its place when they are read again.
#include "io/tls_context.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "io/tls_loader.h"
#include "io/tls_ocsp.h"
#include "io/tls_sessions.h"

namespace weir::io {
namespace {

using Setting = TlsFault::Setting;

constexpr std::string_view kInline = "data:";

// Every fault of verification that optional_no_ca forgives is left for later: the handshake itself always goes on, and
// the first request is answered (495, 496), as nginx does.
int accept_any(int, X509_STORE_CTX*) {
  return 1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1\x08http/1.0";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kOurs, sizeof kOurs - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int choose_acme(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] =
      "\x0a"
      "acme-tls/1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kOurs, sizeof kOurs - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

class ContextBuilder final : private TlsLoader {
 public:
  ContextBuilder(const TlsOptions& options, const TlsContext::ReadFile& read, TlsReport& report, bool forgiving)
      : TlsLoader(TLS_server_method(), read, report, forgiving), options_(options) {}

  OwnedSslContext build(const std::string& scope, const std::shared_ptr<TlsShared>& shared,
                        std::vector<CertificateFacts>& facts, std::string& session_scope,
                        std::vector<std::shared_ptr<const OcspSubject>>& subjects) {
    use_shared(context_.get(), shared);
    set_protocols(options_.tls12, options_.tls13);
    uint64_t flags = SSL_OP_SINGLE_ECDH_USE | SSL_OP_SINGLE_DH_USE;
    if (options_.prefer_server_ciphers) flags |= SSL_OP_CIPHER_SERVER_PREFERENCE;
    SSL_CTX_set_options(context_.get(), flags);
    set_ciphers(options_.ciphers);
    set_groups();
    add_certificates(options_.certificates, options_.password_file, facts);
    set_verification();
    set_stapling(*shared, subjects);
    session_scope = set_sessions(scope);
    for (const auto& [name, value] : options_.conf_commands) run_command(name, value, SSL_CONF_FLAG_SERVER);
    SSL_CTX_set_alpn_select_cb(context_.get(), options_.proves_name ? choose_acme : choose_protocol, nullptr);
    return take();
  }

 private:
  void set_groups();
  void set_verification();
  void set_stapling(TlsShared& shared, std::vector<std::shared_ptr<const OcspSubject>>& subjects);
  std::string set_sessions(const std::string& scope);

  const TlsOptions& options_;
};

void ContextBuilder::set_groups() {
  if (options_.curves != "auto" && SSL_CTX_set1_curves_list(context_.get(), options_.curves.c_str()) != 1)
    error(Setting::kCurves, "no curve list: \"" + options_.curves + "\": " + take_tls_error());
  if (options_.dhparam.empty()) return;
  const auto text = text_of(options_.dhparam);
  if (!text) return error(Setting::kDhparam, "cannot read " + quoted_source(options_.dhparam) + ": " + text.error());
  const OwnedBio bio = bio_of(*text);
  OwnedKey parameters(PEM_read_bio_Parameters(bio.get(), nullptr));
  if (parameters == nullptr || SSL_CTX_set0_tmp_dh_pkey(context_.get(), parameters.get()) != 1)
    return error(Setting::kDhparam, "no DH parameters in " + quoted_source(options_.dhparam) + ": " + take_tls_error());
  (void)parameters.release();  // the context's
}

void ContextBuilder::set_verification() {
  const auto named = trust(options_.client_certificate, Setting::kClientCertificate, "client CA certificate");
  trust(options_.trusted_certificate, Setting::kTrustedCertificate, "trusted certificate");
  if (options_.verify_client == VerifyClient::kOff) return;
  SSL_CTX* context = context_.get();
  for (const OwnedCertificate& each : named) SSL_CTX_add_client_CA(context, each.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
  SSL_CTX_set_verify_depth(context, options_.verify_depth);
  add_revoked(options_.crl);
}

// Where there can be no answer the certificate is shown without one.
void ContextBuilder::set_stapling(TlsShared& shared, std::vector<std::shared_ptr<const OcspSubject>>& subjects) {
  if (!options_.stapling) return;
  use_staples(context_.get());
  OcspSubject::Wish wish{options_.stapling_responder, options_.stapling_verify, {}};
  if (!options_.trusted_certificate.empty())
    if (auto trusted = text_of(options_.trusted_certificate)) wish.trusted = std::move(*trusted);
  std::string answer;
  if (!options_.stapling_file.empty()) {
    auto text = text_of(options_.stapling_file);
    if (!text)
      return error(Setting::kStaplingFile,
                   "cannot load " + quoted_source(options_.stapling_file) + ": " + text.error());
    answer = std::move(*text);
    wish.responder = "http://file";  // nobody is asked
  }
  bool is_shown = false;
  for (const Chain& chain : chains_) {
    std::vector<X509*> all;
    all.reserve(chain.certificates.size());
    for (const OwnedCertificate& each : chain.certificates) all.push_back(each.get());
    auto subject = OcspSubject::make(all, chain.where, wish);
    if (!subject) {
      warning(Setting::kStapling,
              "no OCSP answer can be stapled to certificate \"" + chain.where + "\": " + subject.error());
    } else if (options_.stapling_file.empty()) {
      subjects.push_back(std::move(*subject));
    } else if (auto staple = (*subject)->judge(answer, static_cast<int64_t>(std::time(nullptr)))) {
      shared.fixed_staples.put((*subject)->certificate(), std::move(*staple));
      is_shown = true;
    } else if (chains_.size() == 1) {
      warning(Setting::kStaplingFile, quoted_source(options_.stapling_file) + " is not stapled: " + staple.error());
      is_shown = true;
    }
  }
  if (!options_.stapling_file.empty() && !is_shown && !chains_.empty())
    warning(Setting::kStaplingFile,
            quoted_source(options_.stapling_file) + " is not stapled: it is for no certificate here");
}

std::string ContextBuilder::set_sessions(const std::string& scope) {
  SSL_CTX* context = context_.get();
  std::string own = scope;
  own += '\0';
  own += static_cast<char>('0' + static_cast<int>(options_.verify_client));
  own += std::to_string(options_.verify_depth);
  own += authorities_;
  unsigned char id[SHA256_DIGEST_LENGTH];
  static_assert(sizeof id <= SSL_MAX_SID_CTX_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(own.data()), own.size(), id);
  SSL_CTX_set_session_id_context(context, id, sizeof id);
  SSL_CTX_set_timeout(context, static_cast<long>(options_.session_timeout.count() / 1000));
  switch (options_.cache) {
    case TlsSessionCacheKind::kOff: SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); break;
    case TlsSessionCacheKind::kNone:
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
      break;
    case TlsSessionCacheKind::kShared:
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
      use_session_cache(context);
      break;
  }
  if (options_.tickets) {
    use_tickets(context);
    SSL_CTX_set_num_tickets(context, 1);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, options_.cache == TlsSessionCacheKind::kShared ? 1 : 0);
  }
  return {reinterpret_cast<const char*>(id), sizeof id};
}

}  // namespace

struct TlsContext::Shared : TlsShared {};

TlsContext::TlsContext(const TlsOptions& options, std::string scope)
    : options_(options), scope_(std::move(scope)), shared_(std::make_shared<Shared>()) {}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

std::shared_ptr<TlsContext> TlsContext::make(const TlsOptions& options, const std::string& scope, const ReadFile& read,
                                             TlsReport& report) {
  std::shared_ptr<TlsContext> made(new TlsContext(options, scope));
  Shared& shared = *made->shared_;
  for (size_t i = 0; i < options.ticket_key_files.size(); ++i) {
    const std::string& file = options.ticket_key_files[i];
    const auto text = read(file);
    const auto key = text ? TicketKeys::parse(*text) : Result<TicketKey>(Unexpected{text.error()});
    if (!key) {
      report.errors.push_back(
          {Setting::kTicketKey, i, "cannot load ticket key " + quoted_source(file) + ": " + key.error()});
      continue;
    }
    if (shared.tickets == nullptr) shared.tickets = std::make_shared<TicketKeys>();
    shared.tickets->add_fixed(*key);
    shared.fixed_tickets = true;
  }
  return made->load(read, report, true) && report.errors.empty() ? made : nullptr;
}

bool TlsContext::renew(const ReadFile& read, TlsReport& report) {
  return load(read, report, false);
}

bool TlsContext::load(const ReadFile& read, TlsReport& report, bool forgiving) {
  std::vector<CertificateFacts> facts;
  std::string session_scope;
  std::vector<std::shared_ptr<const OcspSubject>> subjects;
  const auto began = static_cast<int64_t>(std::time(nullptr));
  OwnedSslContext fresh =
      ContextBuilder(options_, read, report, forgiving).build(scope_, shared_, facts, session_scope, subjects);
  if (fresh == nullptr) return false;
  SSL_CTX* old = fresh.release();
  {
    const std::lock_guard lock(mutex_);
    std::swap(context_, old);
    certificates_.swap(facts);
    ready_.store(!certificates_.empty(), std::memory_order_release);
    session_scope_.swap(session_scope);
    subjects_.swap(subjects);
    read_at_ = began;
  }
  SSL_CTX_free(old);
  return true;
}

void TlsContext::share(std::shared_ptr<TicketKeys> tickets, std::shared_ptr<TlsSessionCache> cache,
                       std::shared_ptr<StapleBook> staples) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->shared) return;
  shared_->shared = true;
  if (!shared_->fixed_tickets) shared_->tickets = std::move(tickets);
  shared_->cache = std::move(cache);
  shared_->staples = std::move(staples);
}

std::vector<std::shared_ptr<const OcspSubject>> TlsContext::ocsp_subjects() const {
  const std::lock_guard lock(mutex_);
  return subjects_;
}

std::vector<CertificateFacts> TlsContext::certificates() const {
  const std::lock_guard lock(mutex_);
  return certificates_;
}

bool TlsContext::shares_sessions(const TlsContext& other) const {
  if (this == &other) return true;
  const std::scoped_lock lock(mutex_, other.mutex_);
  return session_scope_ == other.session_scope_;
}

bool TlsContext::covers(std::string_view host) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(certificates_.begin(), certificates_.end(),
                     [host](const CertificateFacts& each) { return certificate_covers(each, host); });
}

bool TlsContext::is_older_than_files() const {
  int64_t read_at = 0;
  {
    const std::lock_guard lock(mutex_);
    read_at = read_at_;
  }
  return is_any_newer(files(), read_at);
}

std::vector<std::string> TlsContext::files() const {
  std::set<std::string> all;
  const auto add = [&all](const std::string& where) {
    if (!where.empty() && !where.starts_with(kInline)) all.insert(where);
  };
  for (const TlsCertificateFiles& each : options_.certificates) {
    add(each.certificate);
    add(each.key);
  }
  add(options_.password_file);
  add(options_.client_certificate);
  add(options_.trusted_certificate);
  add(options_.crl);
  if (options_.stapling) add(options_.stapling_file);
  return {all.begin(), all.end()};
}

SSL* TlsContext::make_ssl() const {
  const std::lock_guard lock(mutex_);
  SSL* ssl = SSL_new(context_);
  if (ssl != nullptr) SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace weir::io
