// What contexts of servers and of weir's own side towards peers have in common: what is read is put into an SSL_CTX,
// what is wrong into a report. Private to io/tls*.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/tls_certificate.h"
#include "io/tls_faults.h"
#include "io/tls_openssl.h"
#include "io/tls_options.h"

namespace weir::io {

class TlsLoader {
 protected:
  using Setting = TlsFault::Setting;
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  // `forgiving`: what is wrong with a certificate that may be missing is a warning.
  TlsLoader(const SSL_METHOD* method, const ReadFile& read, TlsReport& report, bool forgiving = false)
      : context_(SSL_CTX_new(method)),
        read_(read),
        report_(report),
        errors_before_(report.errors.size()),
        forgiving_(forgiving) {}

  // The context, or null when an error was reported.
  OwnedSslContext take();

  void error(Setting setting, std::string text, size_t index = 0) {
    report_.errors.push_back({setting, index, std::move(text)});
  }
  void warning(Setting setting, std::string text, size_t index = 0) {
    report_.warnings.push_back({setting, index, std::move(text)});
  }
  Result<std::string> text_of(const std::string& where);

  void set_protocols(bool tls12, bool tls13);
  void set_ciphers(const std::string& ciphers);
  // `side`: SSL_CONF_FLAG_SERVER or _CLIENT.
  void run_command(const std::string& name, const std::string& value, unsigned side);
  // Each with its key, and what is doubtful about it. Facts of what can be read are added.
  void add_certificates(const std::vector<TlsCertificateFiles>& all, const std::string& password_file,
                        std::vector<CertificateFacts>& facts);
  // Who vouches for others; `where` may be empty.
  std::vector<OwnedCertificate> trust(const std::string& where, Setting setting, const char* what);
  // `where` may be empty: then nobody is revoked.
  void add_revoked(const std::string& where);

  OwnedSslContext context_;
  struct Chain {
    std::string where;
    std::vector<OwnedCertificate> certificates;  // leaf first
    int key_type = 0;                            // EVP_PKEY_EC ...: OpenSSL holds one of each
  };
  std::vector<Chain> chains_;  // of all that are used
  std::string authorities_;    // DER of who is trusted, and the PEM of who is revoked

 private:
  void take_back(const std::string& command);
  bool read_passwords(const std::string& file, std::vector<std::string>& passwords);
  void add_certificate(const TlsCertificateFiles& files, size_t index, const std::vector<std::string>& passwords,
                       std::vector<CertificateFacts>& facts);
  void make_room(const std::string& name, size_t index, int key_type, std::vector<CertificateFacts>& facts);
  void look_at(const std::string& name, size_t index, const std::vector<OwnedCertificate>& chain,
               const CertificateFacts& facts);

  const ReadFile& read_;
  TlsReport& report_;
  size_t errors_before_;
  const bool forgiving_;
};

// The PEM's place for a message: "data:" without what follows.
std::string quoted_source(const std::string& where);
// Whether one of these files was written at `since` (wall time, seconds) or later.
bool is_any_newer(const std::vector<std::string>& files, int64_t since);
// How a certificate is called in lists and warnings.
std::string where_of(const TlsCertificateFiles& files);

}  // namespace weir::io
