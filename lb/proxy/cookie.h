// The value of one cookie in a Cookie field (RFC 6265 4.2), or in the first part of a Set-Cookie.
#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace weir::proxy {

// The first of that name, as nginx takes it; names match whatever their case.
inline std::optional<std::string_view> cookie_value(std::string_view field, std::string_view name) {
  while (!field.empty()) {
    const size_t semicolon = field.find(';');
    const std::string_view pair = trim_ows(field.substr(0, semicolon));
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && iequals(trim_ows(pair.substr(0, equals)), name))
      return trim_ows(pair.substr(equals + 1));
    if (semicolon == std::string_view::npos) break;
    field.remove_prefix(semicolon + 1);
  }
  return std::nullopt;
}

}  // namespace weir::proxy
