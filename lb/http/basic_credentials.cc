#include "http/basic_credentials.h"

#include "base/base64.h"
#include "base/bytes.h"

namespace weir::http {

std::optional<BasicCredentials> basic_credentials(std::string_view authorization) {
  if (!iequals(authorization.substr(0, 6), "Basic ")) return std::nullopt;
  auto pair = base64_decode(trim_ows(authorization.substr(6)));
  if (!pair) return std::nullopt;
  const size_t colon = pair->find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  return BasicCredentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

}  // namespace weir::http
