#include "io/tls_self_signed.h"

#include "io/tls_keys.h"

namespace weir::io {

Result<SelfSignedBook::Pair> SelfSignedBook::find(const std::vector<std::string>& names, int64_t now) {
  const std::lock_guard lock(mutex_);
  Pair& known = made_[names];
  if (now < known.not_after - kRenewBefore) return known;
  const auto key = SigningKey::make();
  if (!key) return Unexpected{key.error()};
  // A client's clock may be a little behind.
  const OwnCertificate wish{.names = names, .not_before = now - kDay, .not_after = now - kDay + kLifetime};
  const auto certificate = key->certificate(wish);
  if (!certificate) return Unexpected{certificate.error()};
  known = {*certificate, key->pem(), wish.not_after};
  return known;
}

}  // namespace weir::io
