#include "acme/jws.h"

#include <nlohmann/json.hpp>

#include "acme/encoding.h"
#include "base/hash.h"

namespace weir::acme {
namespace {

using Json = nlohmann::json;  // members in the order of their names

Json jwk_of(const io::SigningKey& key) {
  const io::SigningKey::Point point = key.point();
  return {{"crv", "P-256"}, {"kty", "EC"}, {"x", base64url(point.x)}, {"y", base64url(point.y)}};
}

}  // namespace

std::string public_jwk(const io::SigningKey& key) {
  return jwk_of(key).dump();
}

std::string thumbprint(const io::SigningKey& key) {
  return base64url(io::sha256(public_jwk(key)));
}

std::string key_authorization(const io::SigningKey& key, const std::string& token) {
  return token + "." + thumbprint(key);
}

Result<std::string> sign_jws(const io::SigningKey& key, const JwsHead& head, const std::string& payload) {
  Json fields = {{"alg", "ES256"}, {"nonce", head.nonce}, {"url", head.url}};
  if (head.account.empty())
    fields["jwk"] = jwk_of(key);
  else
    fields["kid"] = head.account;
  const std::string protected_head = base64url(fields.dump(-1, ' ', false, Json::error_handler_t::replace));
  const std::string body = base64url(payload);
  const auto signature = key.sign_es256(protected_head + "." + body);
  if (!signature) return Unexpected{signature.error()};
  return Json{{"protected", protected_head}, {"payload", body}, {"signature", base64url(*signature)}}.dump();
}

std::string bind_external(const io::SigningKey& key, const AcmeOptions& options, const std::string& url) {
  const Json fields = {{"alg", "HS256"}, {"kid", options.external_id}, {"url", url}};
  const std::string protected_head = base64url(fields.dump(-1, ' ', false, Json::error_handler_t::replace));
  const std::string body = base64url(public_jwk(key));
  const auto mac = hmac_sha256(options.external_key, protected_head + "." + body);
  const std::string bytes(mac.begin(), mac.end());
  return Json{{"protected", protected_head}, {"payload", body}, {"signature", base64url(bytes)}}.dump();
}

}  // namespace weir::acme
