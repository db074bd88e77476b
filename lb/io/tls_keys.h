// Keys that weir makes itself (ECDSA P-256), and what it signs with them: JOSE signatures, certificate requests, and
// certificates that nobody else vouches for. Any thread; an object in one at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;

namespace weir::io {

// What a certificate of weir's own says.
struct OwnCertificate {
  std::vector<std::string> names;         // DNS names, wildcards too, and addresses; the first is the common name too
  int64_t not_before = 0, not_after = 0;  // seconds since the epoch
  std::string acme_digest = {};           // 32 bytes of a tls-alpn-01 challenge (RFC 8737 3); empty: it is for clients
};

class SigningKey {
 public:
  static Result<SigningKey> make();
  // An unencrypted P-256 key in PEM.
  static Result<SigningKey> from_pem(std::string_view pem);

  std::string pem() const;  // PKCS#8, not encrypted
  struct Point {
    std::string x, y;  // 32 bytes each
  };
  Point point() const;
  // r and s, 64 bytes (RFC 7518 3.4).
  Result<std::string> sign_es256(std::string_view text) const;
  // A request for a certificate of these DNS names (PKCS#10, DER).
  Result<std::string> request(const std::vector<std::string>& names) const;
  // A certificate signed with this key itself, PEM.
  Result<std::string> certificate(const OwnCertificate& wish) const;
  // Whether the first certificate of this PEM text is of this key.
  bool belongs_to(std::string_view certificate_pem) const;

 private:
  explicit SigningKey(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;  // never null, never changed
};

std::string sha256(std::string_view bytes);  // 32 bytes

}  // namespace weir::io
