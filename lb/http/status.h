// Status codes: reason phrases.
#pragma once
#include <string_view>

namespace weir::http {

// The standard phrase (RFC 9110 15 and the registry), empty for a code without one.
std::string_view reason_phrase(int status);
// nginx's own numbers 494 to 497 are for error_page; clients are answered 400.
constexpr int wire_status(int status) {
  return status >= 494 && status <= 497 ? 400 : status;
}

}  // namespace weir::http
