// Status codes: reason phrases.
#pragma once
#include <string_view>

namespace weir::http {

// The standard phrase (RFC 9110 15 and the registry), empty for a code without one.
std::string_view reason_phrase(int status);

}  // namespace weir::http
