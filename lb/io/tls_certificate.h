// Certificates and keys out of PEM text, and what can be said about them before they are used.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct x509_st;

namespace weir::io {

// For `-t`, the log, metrics and `weir ctl list certificates`.
struct CertificateFacts {
  std::string where;  // the file, or "data:"
  std::vector<std::string>
      names;                    // DNS names and addresses that it is for, lower case; the common name if there are none
  std::string subject, issuer;  // RFC 2253
  std::string key;              // "RSA 2048", "EC prime256v1"
  std::string serial;           // hex
  int64_t not_before = 0, not_after = 0;  // seconds since the epoch
};

CertificateFacts certificate_facts(x509_st* certificate, std::string where);
// Of the first certificate in PEM text.
Result<CertificateFacts> certificate_facts_of_pem(std::string_view pem, std::string where = {});
// Whether a server_name as in the configuration ("a.example", "*.example", ".example") is covered by one of the names.
// A pattern is when the wildcard that it means is among them.
bool certificate_covers(const CertificateFacts& facts, std::string_view server_name);

}  // namespace weir::io
