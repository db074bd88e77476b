// Base64url without padding (RFC 4648 5, RFC 7515 2) and hex.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace weir::acme {

std::string base64url(std::string_view bytes);
// Nullopt for anything that base64url() does not write, but for padding, which some CAs write their keys with.
std::optional<std::string> decode_base64url(std::string_view text);
std::string hex(std::string_view bytes);

}  // namespace weir::acme
