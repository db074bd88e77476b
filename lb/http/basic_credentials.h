// `Authorization: Basic` (RFC 7617): base64 of USER:PASSWORD.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

struct BasicCredentials {
  std::string user, password;
};

// Nullopt where the field's value is another scheme's, is no base64, or lacks the colon or the user.
std::optional<BasicCredentials> basic_credentials(std::string_view authorization);

}  // namespace weir::http
