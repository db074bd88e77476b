// Base64 (RFC 4648 section 4).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace weir {

std::string base64_encode(std::string_view bytes);
// As nginx reads it: padding at the end may be missing, nothing may follow it. Nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace weir
