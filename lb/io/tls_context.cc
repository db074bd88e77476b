// TlsContext: one SSL_CTX of its options, and another in its place when they are read again.
#include "io/tls_context.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "io/tls_pem.h"
#include "io/tls_sessions.h"

namespace weir::io {
namespace {

using Setting = TlsFault::Setting;

constexpr std::string_view kInline = "data:";
constexpr int kWeakRsaBits = 2048;

std::string quoted(const std::string& where) {
  return where.starts_with(kInline) ? std::string("\"data:\"") : "\"" + where + "\"";
}

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

class ContextBuilder {
 public:
  ContextBuilder(const TlsOptions& options, const TlsContext::ReadFile& read, TlsReport& report)
      : options_(options), read_(read), report_(report), context_(SSL_CTX_new(TLS_server_method())) {}

  OwnedSslContext build(const std::string& scope, const std::shared_ptr<TlsShared>& shared,
                        std::vector<CertificateFacts>& facts, std::string& session_scope) {
    const size_t before = report_.errors.size();
    use_shared(context_.get(), shared);
    set_protocols();
    set_ciphers();
    set_groups();
    add_certificates(facts);
    set_verification();
    session_scope = set_sessions(scope);
    for (const auto& [name, value] : options_.conf_commands) run_command(name, value);
    SSL_CTX_set_alpn_select_cb(context_.get(), choose_protocol, nullptr);
    ERR_clear_error();
    return report_.errors.size() == before ? std::move(context_) : nullptr;
  }

 private:
  void error(Setting setting, std::string text, size_t index = 0) {
    report_.errors.push_back({setting, index, std::move(text)});
  }
  void warning(Setting setting, std::string text, size_t index = 0) {
    report_.warnings.push_back({setting, index, std::move(text)});
  }
  Result<std::string> text_of(const std::string& where) const {
    if (where.starts_with(kInline)) return where.substr(kInline.size());
    return read_(where);
  }

  void set_protocols();
  void set_ciphers();
  void set_groups();
  void run_command(const std::string& name, const std::string& value);
  void add_certificates(std::vector<CertificateFacts>& facts);
  void add_certificate(size_t index, const std::vector<std::string>& passwords, std::vector<CertificateFacts>& facts);
  void look_at(size_t index, const std::vector<OwnedCertificate>& chain, const CertificateFacts& facts);
  void set_verification();
  std::vector<OwnedCertificate> trust(const std::string& where, Setting setting, const char* what);
  std::string set_sessions(const std::string& scope);

  const TlsOptions& options_;
  const TlsContext::ReadFile& read_;
  TlsReport& report_;
  OwnedSslContext context_;
  std::string authorities_;  // DER of who may sign client certificates
};

void ContextBuilder::set_protocols() {
  SSL_CTX* context = context_.get();
  if (!options_.tls12 && !options_.tls13) error(Setting::kProtocols, "no protocol is left");
  SSL_CTX_set_min_proto_version(context, options_.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, options_.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  uint64_t flags = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_SINGLE_ECDH_USE | SSL_OP_SINGLE_DH_USE;
  if (options_.prefer_server_ciphers) flags |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(context, flags);
  // One write() gives all it has: the BIO takes everything and never blocks.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 0);
}

void ContextBuilder::set_ciphers() {
  if (SSL_CTX_set_cipher_list(context_.get(), options_.ciphers.c_str()) != 1)
    error(Setting::kCiphers, "no cipher fits \"" + options_.ciphers + "\": " + take_tls_error());
}

void ContextBuilder::set_groups() {
  if (options_.curves != "auto" && SSL_CTX_set1_curves_list(context_.get(), options_.curves.c_str()) != 1)
    error(Setting::kCurves, "no curve list: \"" + options_.curves + "\": " + take_tls_error());
  if (options_.dhparam.empty()) return;
  const auto text = text_of(options_.dhparam);
  if (!text) return error(Setting::kDhparam, "cannot read " + quoted(options_.dhparam) + ": " + text.error());
  const OwnedBio bio = bio_of(*text);
  OwnedKey parameters(PEM_read_bio_Parameters(bio.get(), nullptr));
  if (parameters == nullptr || SSL_CTX_set0_tmp_dh_pkey(context_.get(), parameters.get()) != 1)
    return error(Setting::kDhparam, "no DH parameters in " + quoted(options_.dhparam) + ": " + take_tls_error());
  (void)parameters.release();  // the context's
}

void ContextBuilder::run_command(const std::string& name, const std::string& value) {
  std::unique_ptr<SSL_CONF_CTX, Freed<SSL_CONF_CTX_free>> command(SSL_CONF_CTX_new());
  SSL_CONF_CTX_set_flags(
      command.get(), SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS);
  SSL_CONF_CTX_set_ssl_ctx(command.get(), context_.get());
  const int done = SSL_CONF_cmd(command.get(), name.c_str(), value.c_str());
  if (done == -2) return error(Setting::kConfCommand, "OpenSSL has no command \"" + name + "\"");
  if (done <= 0 || SSL_CONF_CTX_finish(command.get()) != 1)
    error(Setting::kConfCommand, "\"" + name + "\" does not take \"" + value + "\": " + take_tls_error("bad value"));
  // Whatever was said there.
  SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(context_.get(), SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
}

void ContextBuilder::add_certificates(std::vector<CertificateFacts>& facts) {
  std::vector<std::string> passwords;
  if (!options_.password_file.empty()) {
    const auto text = read_(options_.password_file);
    if (!text) return error(Setting::kPasswords, "cannot read " + quoted(options_.password_file) + ": " + text.error());
    std::string_view left = *text;
    while (!left.empty()) {
      const size_t end = left.find('\n');
      std::string_view line = left.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) passwords.emplace_back(line);
      left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
  }
  for (size_t i = 0; i < options_.certificates.size(); ++i) add_certificate(i, passwords, facts);
}

void ContextBuilder::add_certificate(size_t index, const std::vector<std::string>& passwords,
                                     std::vector<CertificateFacts>& facts) {
  const TlsCertificateFiles& files = options_.certificates[index];
  const auto pem = text_of(files.certificate);
  if (!pem)
    return error(Setting::kCertificate, "cannot load certificate " + quoted(files.certificate) + ": " + pem.error(),
                 index);
  auto chain = read_certificates(*pem);
  if (!chain)
    return error(Setting::kCertificate, "cannot load certificate " + quoted(files.certificate) + ": " + chain.error(),
                 index);
  X509* leaf = chain->front().get();
  facts.push_back(certificate_facts(leaf, files.certificate.starts_with(kInline) ? "data:" : files.certificate));
  look_at(index, *chain, facts.back());
  const auto key_pem = text_of(files.key);
  if (!key_pem)
    return error(Setting::kKey, "cannot load certificate key " + quoted(files.key) + ": " + key_pem.error(), index);
  const auto key = read_key(*key_pem, passwords);
  if (!key) return error(Setting::kKey, "cannot load certificate key " + quoted(files.key) + ": " + key.error(), index);
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return error(Setting::kKey,
                 "key " + quoted(files.key) + " does not belong to certificate " + quoted(files.certificate), index);
  }
  if (SSL_CTX_use_certificate(context_.get(), leaf) != 1 || SSL_CTX_use_PrivateKey(context_.get(), key->get()) != 1)
    return error(Setting::kCertificate,
                 "certificate " + quoted(files.certificate) + " cannot be used: " + take_tls_error(), index);
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context_.get(), (*chain)[i].get()) != 1)
      error(Setting::kCertificate, "chain of " + quoted(files.certificate) + " cannot be used: " + take_tls_error(),
            index);
}

void ContextBuilder::look_at(size_t index, const std::vector<OwnedCertificate>& chain, const CertificateFacts& facts) {
  const std::string name = "certificate " + quoted(options_.certificates[index].certificate);
  const auto now = static_cast<int64_t>(std::time(nullptr));
  if (facts.not_after < now) warning(Setting::kCertificate, name + " has expired", index);
  if (facts.not_before > now) warning(Setting::kCertificate, name + " is not valid yet", index);
  const EVP_PKEY* key = X509_get0_pubkey(chain.front().get());
  if (key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < kWeakRsaBits)
    warning(Setting::kCertificate, name + " has a weak key (" + facts.key + ")", index);
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) == X509_V_OK) continue;
    warning(Setting::kCertificate,
            name + ": its chain is out of order, certificate " + std::to_string(i + 2) +
                " has not issued the one before it (clients may refuse it)",
            index);
    break;
  }
}

std::vector<OwnedCertificate> ContextBuilder::trust(const std::string& where, Setting setting, const char* what) {
  if (where.empty()) return {};
  const auto pem = text_of(where);
  auto all = pem ? read_certificates(*pem) : Result<std::vector<OwnedCertificate>>(Unexpected{pem.error()});
  if (!all) {
    error(setting, "cannot load " + std::string(what) + " " + quoted(where) + ": " + all.error());
    return {};
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
  for (const OwnedCertificate& each : *all) {
    X509_STORE_add_cert(store, each.get());  // one that is there twice is no fault
    unsigned char* der = nullptr;
    const int size = i2d_X509(each.get(), &der);
    if (size > 0) authorities_.append(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  ERR_clear_error();
  return std::move(*all);
}

void ContextBuilder::set_verification() {
  const auto named = trust(options_.client_certificate, Setting::kClientCertificate, "client CA certificate");
  trust(options_.trusted_certificate, Setting::kTrustedCertificate, "trusted certificate");
  if (options_.verify_client == VerifyClient::kOff) return;
  SSL_CTX* context = context_.get();
  for (const OwnedCertificate& each : named) SSL_CTX_add_client_CA(context, each.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
  SSL_CTX_set_verify_depth(context, options_.verify_depth);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (options_.crl.empty()) return;
  const auto pem = text_of(options_.crl);
  if (!pem) return error(Setting::kCrl, "cannot load CRL " + quoted(options_.crl) + ": " + pem.error());
  const OwnedBio bio = bio_of(*pem);
  int count = 0;
  while (X509_CRL* crl = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_crl(store, crl);
    X509_CRL_free(crl);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return error(Setting::kCrl, "there is no PEM CRL in " + quoted(options_.crl));
  authorities_ += *pem;
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
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
      report.errors.push_back({Setting::kTicketKey, i, "cannot load ticket key " + quoted(file) + ": " + key.error()});
      continue;
    }
    if (shared.tickets == nullptr) shared.tickets = std::make_shared<TicketKeys>();
    shared.tickets->add_fixed(*key);
    shared.fixed_tickets = true;
  }
  return made->renew(read, report) && report.errors.empty() ? made : nullptr;
}

bool TlsContext::renew(const ReadFile& read, TlsReport& report) {
  std::vector<CertificateFacts> facts;
  std::string session_scope;
  const auto began = static_cast<int64_t>(std::time(nullptr));
  OwnedSslContext fresh = ContextBuilder(options_, read, report).build(scope_, shared_, facts, session_scope);
  if (fresh == nullptr) return false;
  SSL_CTX* old = fresh.release();
  {
    const std::lock_guard lock(mutex_);
    std::swap(context_, old);
    certificates_.swap(facts);
    session_scope_.swap(session_scope);
    read_at_ = began;
  }
  SSL_CTX_free(old);
  return true;
}

void TlsContext::share(std::shared_ptr<TicketKeys> tickets, std::shared_ptr<TlsSessionCache> cache) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->shared) return;
  shared_->shared = true;
  if (!shared_->fixed_tickets) shared_->tickets = std::move(tickets);
  shared_->cache = std::move(cache);
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
  for (const std::string& file : files()) {
    struct stat found {};
    if (::stat(file.c_str(), &found) == 0 && found.st_mtim.tv_sec >= read_at) return true;
  }
  return false;
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
  add(options_.client_certificate);
  add(options_.trusted_certificate);
  add(options_.crl);
  return {all.begin(), all.end()};
}

SSL* TlsContext::make_ssl() const {
  const std::lock_guard lock(mutex_);
  return SSL_new(context_);
}

}  // namespace weir::io
