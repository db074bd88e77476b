// What the configuration says of certificates that come by themselves (ACME, RFC 8555).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace weir::acme {

enum class ChallengeKind : uint8_t { kHttp, kTlsAlpn };  // http-01 (RFC 8555 8.3), tls-alpn-01 (RFC 8737)
const char* to_string(ChallengeKind kind);

// How the terms of the CA are agreed to.
enum class Terms : uint8_t { kImplied, kAccepted, kRefused };

struct AcmeOptions {
  static constexpr const char* kLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";

  std::string directory = kLetsEncrypt;  // URL
  std::vector<std::string> contacts;     // "mailto:me@example.test"
  std::string state = "/var/lib/weir/acme";
  Terms terms = Terms::kImplied;
  std::string trusted_certificate;  // a file of CAs that the ACME server is checked with; empty: the system's
  // External account binding (RFC 8555 7.3.4); empty: none.
  std::string external_id;
  std::string external_key;                                                                 // as it is used, decoded
  std::string external_key_from;                                                            // as it is written
  std::vector<ChallengeKind> challenges = {ChallengeKind::kHttp, ChallengeKind::kTlsAlpn};  // in order of preference

  bool operator==(const AcmeOptions&) const = default;
};

// One certificate to be had. Names are lower case, each once; never empty.
struct AcmeCertificate {
  std::vector<std::string> names;
  bool operator==(const AcmeCertificate&) const = default;
};

// The part of the state directory that belongs to this CA: accounts and certificates of a test CA and of a real one
// never mix.
std::string state_of_authority(const AcmeOptions& options);
// Whether a CA may give a certificate for this name (lower case) when it is asked by http-01 or tls-alpn-01: a host
// name of letters, digits and hyphens, no address, no wildcard.
bool is_certifiable(const std::string& name);
// A name for the certificate's files: its first name, and a digest of all where it has more.
std::string file_stem(const std::vector<std::string>& names);
// Where the certificate, its chain and its key are, all in one file of PEM.
std::string certificate_file(const AcmeOptions& options, const std::vector<std::string>& names);

}  // namespace weir::acme
