#include "io/tls_peer_context.h"

#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>
#include <utility>

#include "io/tls_loader.h"

namespace weir::io {
namespace {

constexpr std::string_view kAlpn = "\x08http/1.1";
constexpr std::string_view kInline = "data:";
constexpr size_t kLongestName = 253;

using Holder = std::shared_ptr<TlsPeerSessions>;

// A connection may outlive what its sessions are kept in (a tunnel's does): each TLS object has a share in it.
int sessions_index() {
  static const int index = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Holder*>(data); });
  return index;
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  const auto* holder = static_cast<const Holder*>(SSL_get_ex_data(ssl, sessions_index()));
  if (holder == nullptr) return 0;
  (*holder)->keep(session);
  return 1;
}

bool is_address(const std::string& name) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
}

std::string environment_or(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

class PeerContextBuilder final : private TlsLoader {
 public:
  PeerContextBuilder(const TlsPeerOptions& options, const TlsPeerContext::ReadFile& read, TlsReport& report)
      : TlsLoader(TLS_client_method(), read, report), options_(options) {}

  OwnedSslContext build(std::string& terms, std::vector<CertificateFacts>& facts,
                        std::vector<std::string>& system_files) {
    SSL_CTX* context = context_.get();
    set_protocols(options_.tls12, options_.tls13);
    set_ciphers(options_.ciphers);
    if (!options_.certificate.certificate.empty())
      add_certificates({options_.certificate}, options_.password_file, facts);
    if (options_.verify) set_trust();
    for (const auto& [name, value] : options_.conf_commands) run_command(name, value, SSL_CONF_FLAG_CLIENT);
    // Whatever was said there.
    SSL_CTX_set_verify(context, options_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_verify_depth(context, options_.verify_depth);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(kAlpn.data()), kAlpn.size());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_timeout(context, TlsPeerContext::kSessionSeconds);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    terms = digest();
    system_files = std::move(system_files_);
    return take();
  }

 private:
  void set_trust() {
    if (options_.trusted_certificate.empty()) {
      trust_system();
    } else {
      trust(options_.trusted_certificate, Setting::kTrustedCertificate, "trusted certificate");
    }
    add_revoked(options_.crl);
  }

  // Certificates of the directory are looked up by OpenSSL when a chain asks for them, those of the file are read now.
  void trust_system() {
    SSL_CTX_set_default_verify_paths(context_.get());
    ERR_clear_error();
    const std::string file = environment_or(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const std::string directory = environment_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    authorities_ += "system";
    struct stat found {};
    const bool has_file = ::stat(file.c_str(), &found) == 0 && found.st_size > 0;
    if (has_file) note(file, found);
    std::error_code none;
    const bool has_directory =
        std::filesystem::directory_iterator(directory, none) != std::filesystem::directory_iterator();
    if (has_directory && ::stat(directory.c_str(), &found) == 0) note(directory, found);
    if (!has_file && !has_directory)
      warning(Setting::kTrustedCertificate, "the system has no trusted certificates (in " + file + " and " + directory +
                                                "): no peer can be verified");
  }
  void note(const std::string& path, const struct stat& found) {
    system_files_.push_back(path);
    authorities_ += " " + path + " " + std::to_string(found.st_mtim.tv_sec) + "." +
                    std::to_string(found.st_mtim.tv_nsec) + " " + std::to_string(found.st_size);
  }

  std::string digest() {
    std::string all = authorities_;
    const auto put = [&all](std::string_view text) {
      all.append("\n" + std::to_string(text.size()) + ":").append(text);
    };
    put(std::string{options_.verify ? 'v' : '-', options_.server_name ? 'n' : '-', options_.tls12 ? '2' : '-',
                    options_.tls13 ? '3' : '-'});
    put(std::to_string(options_.verify_depth));
    put(options_.ciphers);
    put(kAlpn);
    for (const auto& [name, value] : options_.conf_commands) {
      put(name);
      put(value);
    }
    for (const std::string* where : {&options_.certificate.certificate, &options_.certificate.key})
      put(where->empty() ? std::string() : text_of(*where).value_or(""));
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), sum);
    return {reinterpret_cast<const char*>(sum), sizeof sum};
  }

  const TlsPeerOptions& options_;
  std::vector<std::string> system_files_;
};

}  // namespace

std::shared_ptr<TlsPeerContext> TlsPeerContext::make(const TlsPeerOptions& options, const ReadFile& read,
                                                     TlsReport& report) {
  std::shared_ptr<TlsPeerContext> made(new TlsPeerContext(options));
  made->read_at_ = static_cast<int64_t>(std::time(nullptr));
  made->context_ =
      PeerContextBuilder(options, read, report).build(made->terms_, made->certificates_, made->system_files_).release();
  return made->context_ != nullptr ? made : nullptr;
}

std::shared_ptr<const TlsPeerContext> TlsPeerContext::in_force(
    const std::shared_ptr<const TlsPeerContext>& configured) {
  if (configured == nullptr) return nullptr;
  const std::lock_guard lock(configured->mutex_);
  return configured->renewed_ != nullptr ? configured->renewed_ : configured;
}

bool TlsPeerContext::renew(const ReadFile& read, TlsReport& report) {
  std::shared_ptr<const TlsPeerContext> fresh = make(options_, read, report);
  if (fresh == nullptr) return false;
  const std::lock_guard lock(mutex_);
  renewed_ = std::move(fresh);
  return true;
}

std::vector<std::string> TlsPeerContext::files() const {
  std::set<std::string> all(system_files_.begin(), system_files_.end());
  const auto add = [&all](const std::string& where) {
    if (!where.empty() && !where.starts_with(kInline)) all.insert(where);
  };
  if (options_.verify) {
    add(options_.trusted_certificate);
    add(options_.crl);
  }
  if (!options_.certificate.certificate.empty()) {
    add(options_.certificate.certificate);
    add(options_.certificate.key);
    add(options_.password_file);
  }
  return {all.begin(), all.end()};
}

bool TlsPeerContext::is_older_than_files() const {
  int64_t read_at = read_at_;
  {
    const std::lock_guard lock(mutex_);
    if (renewed_ != nullptr) read_at = renewed_->read_at_;
  }
  return is_any_newer(files(), read_at);
}

std::string TlsPeerContext::settings_of(const TlsPeerOptions& options) {
  std::string text;
  const auto put = [&text](std::string_view part) { text.append(std::to_string(part.size()) + ":").append(part); };
  for (const bool each : {options.verify, options.server_name, options.tls12, options.tls13}) text += each ? '1' : '0';
  put(std::to_string(options.verify_depth));
  for (const std::string* each : {&options.trusted_certificate, &options.crl, &options.certificate.certificate,
                                  &options.certificate.key, &options.password_file, &options.ciphers})
    put(*each);
  for (const auto& [name, value] : options.conf_commands) {
    put(name);
    put(value);
  }
  return text;
}

TlsPeerContext::~TlsPeerContext() {
  SSL_CTX_free(context_);
}

bool TlsPeerContext::takes_name(std::string_view name) const {
  if (name.empty()) return !options_.verify;
  return name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; });
}

SSL* TlsPeerContext::make_ssl(const std::string& name, std::shared_ptr<TlsPeerSessions> sessions) const {
  if (!takes_name(name)) return nullptr;
  OwnedSsl ssl(SSL_new(context_));
  if (ssl == nullptr) return nullptr;
  const bool address = is_address(name);
  if (options_.verify) {
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str())
                            : X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size());
    if (set != 1) return nullptr;
  }
  // RFC 6066 3: no addresses.
  if (options_.server_name && !address && !name.empty() && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1)
    return nullptr;
  if (sessions != nullptr) {
    if (SSL_SESSION* session = sessions->find(static_cast<int64_t>(std::time(nullptr))))
      SSL_set_session(ssl.get(), session);
    auto holder = std::make_unique<Holder>(std::move(sessions));
    if (SSL_set_ex_data(ssl.get(), sessions_index(), holder.get()) == 1) (void)holder.release();
  }
  SSL_set_connect_state(ssl.get());
  ERR_clear_error();
  return ssl.release();
}

// A cipher without certificates, a session that was never verified: OpenSSL's own refusal is not all that is asked for.
std::string TlsPeerContext::fault_of(const SSL* ssl) const {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size > 0 && std::string_view(reinterpret_cast<const char*>(protocol), size) != kAlpn.substr(1))
    return "it has chosen another protocol than http/1.1";
  if (!options_.verify) return {};
  if (SSL_get0_peer_certificate(ssl) == nullptr) return "it has shown no certificate";
  const long result = SSL_get_verify_result(ssl);
  return result == X509_V_OK ? std::string() : X509_verify_cert_error_string(result);
}

}  // namespace weir::io
