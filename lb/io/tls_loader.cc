#include "io/tls_loader.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <utility>

#include "base/bytes.h"
#include "io/tls_pem.h"

namespace weir::io {
namespace {

constexpr std::string_view kInline = "data:";
constexpr int kWeakRsaBits = 2048;
constexpr int kWeakCurveBits = 256;

bool is_weak(const EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  return (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < kWeakRsaBits) ||
         (type == EVP_PKEY_EC && EVP_PKEY_get_bits(key) < kWeakCurveBits);
}

}  // namespace

std::string quoted_source(const std::string& where) {
  return where.starts_with(kInline) ? std::string("\"data:\"") : "\"" + where + "\"";
}

bool is_any_newer(const std::vector<std::string>& files, int64_t since) {
  return std::any_of(files.begin(), files.end(), [since](const std::string& file) {
    struct stat found {};
    return ::stat(file.c_str(), &found) == 0 && found.st_mtim.tv_sec >= since;
  });
}

std::string where_of(const TlsCertificateFiles& files) {
  if (!files.label.empty()) return files.label;
  return files.certificate.starts_with(kInline) ? std::string(kInline) : files.certificate;
}

OwnedSslContext TlsLoader::take() {
  ERR_clear_error();
  return report_.errors.size() == errors_before_ ? std::move(context_) : nullptr;
}

Result<std::string> TlsLoader::text_of(const std::string& where) {
  if (where.starts_with(kInline)) return where.substr(kInline.size());
  return read_(where);
}

void TlsLoader::set_protocols(bool tls12, bool tls13) {
  SSL_CTX* context = context_.get();
  if (!tls12 && !tls13) error(Setting::kProtocols, "no protocol is left");
  SSL_CTX_set_min_proto_version(context, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A read goes on behind a message of the handshake, until the bytes that have come are used up: nothing is said of
  // those that were left.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 0);
}

void TlsLoader::set_ciphers(const std::string& ciphers) {
  if (SSL_CTX_set_cipher_list(context_.get(), ciphers.c_str()) != 1)
    error(Setting::kCiphers, "no cipher fits \"" + ciphers + "\": " + take_tls_error());
}

void TlsLoader::run_command(const std::string& name, const std::string& value, unsigned side) {
  if (iequals(name, "VerifyMode"))
    return warning(Setting::kConfCommand, "\"VerifyMode\" has no effect: verification has directives of its own");
  std::unique_ptr<SSL_CONF_CTX, Freed<SSL_CONF_CTX_free>> command(SSL_CONF_CTX_new());
  SSL_CONF_CTX_set_flags(command.get(),
                         SSL_CONF_FLAG_FILE | side | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS);
  SSL_CONF_CTX_set_ssl_ctx(command.get(), context_.get());
  const int done = SSL_CONF_cmd(command.get(), name.c_str(), value.c_str());
  if (done == -2) return error(Setting::kConfCommand, "OpenSSL has no command \"" + name + "\"");
  if (done <= 0 || SSL_CONF_CTX_finish(command.get()) != 1)
    error(Setting::kConfCommand, "\"" + name + "\" does not take \"" + value + "\": " + take_tls_error("bad value"));
  take_back(name + " " + value);
}

// What weir does not do, whatever a command has said.
void TlsLoader::take_back(const std::string& command) {
  SSL_CTX* context = context_.get();
  const auto without_effect = [&](const char* why) {
    warning(Setting::kConfCommand, "\"" + command + "\" has no effect: " + why);
  };
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  const uint64_t options = SSL_CTX_get_options(context);
  if ((options & SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION) != 0) without_effect("weir never renegotiates");
  if ((options & SSL_OP_ENABLE_KTLS) != 0) without_effect("records are made by weir, not by the kernel");
  SSL_CTX_clear_options(context, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_ENABLE_KTLS);
  if (SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION) {  // 0: any
    without_effect("protocols before TLSv1.2 are broken and not spoken by weir");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  }
  const long most = SSL_CTX_get_max_proto_version(context);
  if (most != 0 && most < SSL_CTX_get_min_proto_version(context))
    error(Setting::kConfCommand, "\"" + command + "\": no protocol is left, weir has TLSv1.2 and TLSv1.3");
}

bool TlsLoader::read_passwords(const std::string& file, std::vector<std::string>& passwords) {
  if (file.empty()) return true;
  const auto text = read_(file);
  if (!text) {
    error(Setting::kPasswords, "cannot read " + quoted_source(file) + ": " + text.error());
    return false;
  }
  std::string_view left = *text;
  while (!left.empty()) {
    const size_t end = left.find('\n');
    std::string_view line = left.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) passwords.emplace_back(line);
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return true;
}

void TlsLoader::add_certificates(const std::vector<TlsCertificateFiles>& all, const std::string& password_file,
                                 std::vector<CertificateFacts>& facts) {
  std::vector<std::string> passwords;
  if (!read_passwords(password_file, passwords)) return;
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t errors = report_.errors.size();
    const size_t known = facts.size();
    add_certificate(all[i], i, passwords, facts);
    if (!forgiving_ || !all[i].may_be_missing || report_.errors.size() == errors) continue;
    facts.resize(known);
    const auto first = report_.errors.begin() + static_cast<std::ptrdiff_t>(errors);
    for (auto each = first; each != report_.errors.end(); ++each) {
      report_.warnings.push_back(std::move(*each));
      report_.warnings.back().forgiven = true;
    }
    report_.errors.erase(first, report_.errors.end());
  }
}

void TlsLoader::add_certificate(const TlsCertificateFiles& files, size_t index,
                                const std::vector<std::string>& passwords, std::vector<CertificateFacts>& facts) {
  const std::string name = quoted_source(files.certificate);
  const auto pem = text_of(files.certificate);
  if (!pem) return error(Setting::kCertificate, "cannot load certificate " + name + ": " + pem.error(), index);
  auto chain = read_certificates(*pem);
  if (!chain) return error(Setting::kCertificate, "cannot load certificate " + name + ": " + chain.error(), index);
  X509* leaf = chain->front().get();
  facts.push_back(certificate_facts(leaf, where_of(files)));
  look_at("certificate \"" + where_of(files) + "\"", index, *chain, facts.back());
  const std::string key_name = quoted_source(files.key);
  const auto key_pem = text_of(files.key);
  if (!key_pem) return error(Setting::kKey, "cannot load certificate key " + key_name + ": " + key_pem.error(), index);
  const auto key = read_key(*key_pem, passwords);
  if (!key) return error(Setting::kKey, "cannot load certificate key " + key_name + ": " + key.error(), index);
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return error(Setting::kKey, "key " + key_name + " does not belong to certificate " + name, index);
  }
  const int key_type = EVP_PKEY_get_base_id(key->get());
  make_room(name, index, key_type, facts);
  if (SSL_CTX_use_certificate(context_.get(), leaf) != 1 || SSL_CTX_use_PrivateKey(context_.get(), key->get()) != 1)
    return error(Setting::kCertificate, "certificate " + name + " cannot be used: " + take_tls_error(), index);
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context_.get(), (*chain)[i].get()) != 1)
      error(Setting::kCertificate, "chain of " + name + " cannot be used: " + take_tls_error(), index);
  chains_.push_back({where_of(files), std::move(*chain), key_type});
}

// OpenSSL shows one certificate of a key type: the last, as nginx does. The one before is none of weir's then, and its
// chain is not to be shown behind the other.
void TlsLoader::make_room(const std::string& name, size_t index, int key_type, std::vector<CertificateFacts>& facts) {
  const auto before =
      std::find_if(chains_.begin(), chains_.end(), [key_type](const Chain& each) { return each.key_type == key_type; });
  if (before == chains_.end()) return;
  warning(Setting::kCertificate,
          "certificate " + name + " takes the place of \"" + before->where + "\": their keys are of one type", index);
  X509* leaf = before->certificates.front().get();
  const CertificateFacts shown = certificate_facts(leaf, before->where);
  const auto known = std::find_if(facts.begin(), facts.end(), [&shown](const CertificateFacts& each) {
    return each.where == shown.where && each.serial == shown.serial && each.issuer == shown.issuer;
  });
  if (known != facts.end()) facts.erase(known);
  if (SSL_CTX_select_current_cert(context_.get(), leaf) == 1) SSL_CTX_clear_chain_certs(context_.get());
  chains_.erase(before);
}

void TlsLoader::look_at(const std::string& name, size_t index, const std::vector<OwnedCertificate>& chain,
                        const CertificateFacts& facts) {
  const auto now = static_cast<int64_t>(std::time(nullptr));
  if (facts.not_after < now) warning(Setting::kCertificate, name + " has expired", index);
  if (facts.not_before > now) warning(Setting::kCertificate, name + " is not valid yet", index);
  const EVP_PKEY* key = X509_get0_pubkey(chain.front().get());
  if (key != nullptr && is_weak(key))
    warning(Setting::kCertificate, name + " has a weak key (" + facts.key + ")", index);
  for (size_t i = 1; i < chain.size(); ++i)
    if (X509_cmp_current_time(X509_get0_notAfter(chain[i].get())) < 0)
      warning(Setting::kCertificate, name + ": certificate " + std::to_string(i + 1) + " of its chain has expired",
              index);
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) == X509_V_OK) continue;
    warning(Setting::kCertificate,
            name + ": its chain is out of order, certificate " + std::to_string(i + 2) +
                " has not issued the one before it (clients may refuse it)",
            index);
    break;
  }
}

std::vector<OwnedCertificate> TlsLoader::trust(const std::string& where, Setting setting, const char* what) {
  if (where.empty()) return {};
  const auto pem = text_of(where);
  auto all = pem ? read_certificates(*pem) : Result<std::vector<OwnedCertificate>>(Unexpected{pem.error()});
  if (!all) {
    error(setting, "cannot load " + std::string(what) + " " + quoted_source(where) + ": " + all.error());
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

void TlsLoader::add_revoked(const std::string& where) {
  if (where.empty()) return;
  const auto pem = text_of(where);
  if (!pem) return error(Setting::kCrl, "cannot load CRL " + quoted_source(where) + ": " + pem.error());
  X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
  const OwnedBio bio = bio_of(*pem);
  int count = 0;
  while (X509_CRL* crl = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_crl(store, crl);
    X509_CRL_free(crl);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return error(Setting::kCrl, "there is no PEM CRL in " + quoted_source(where));
  authorities_ += *pem;
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

}  // namespace weir::io
