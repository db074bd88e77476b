// Requests as ACME wants them signed: flattened JWS with ES256 (RFC 7515, RFC 8555 6.2), and what is derived from the
// account's key.
#pragma once
#include <string>

#include "acme/options.h"
#include "base/result.h"
#include "io/tls_keys.h"

namespace weir::acme {

// The public key as JSON in its canonical form (RFC 7638 3.2).
std::string public_jwk(const io::SigningKey& key);
std::string thumbprint(const io::SigningKey& key);
// What a challenge asks for (RFC 8555 8.1).
std::string key_authorization(const io::SigningKey& key, const std::string& token);

struct JwsHead {
  std::string account;  // its URL; empty: the public key itself stands there
  std::string nonce;
  std::string url;
};
// The body of a request. An empty payload is a POST-as-GET.
Result<std::string> sign_jws(const io::SigningKey& key, const JwsHead& head, const std::string& payload);
// The binding of a new account to one with the CA (RFC 8555 7.3.4), JSON. `url`: newAccount.
std::string bind_external(const io::SigningKey& key, const AcmeOptions& options, const std::string& url);

}  // namespace weir::acme
