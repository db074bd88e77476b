// The small HTML pages that weir answers by itself.
#pragma once
#include <string_view>

#include "base/arena.h"

namespace weir::http {

inline constexpr std::string_view kLocalPageType = "text/html";

// The body for an error or a redirect, in the arena. `server_tokens` adds the version.
std::string_view local_page(int status, bool server_tokens, Arena& arena);

// The Server header's value.
std::string_view server_name(bool server_tokens);

}  // namespace weir::http
