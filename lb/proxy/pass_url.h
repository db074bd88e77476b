// The text of a proxy_pass in its parts.
#pragma once
#include <string_view>

namespace weir::proxy {

struct PassUrl {
  enum class Scheme : uint8_t { kNone, kHttp, kHttps } scheme = Scheme::kNone;
  std::string_view authority;  // "app", "10.0.0.1:8080", "unix:/run/app.sock"
  std::string_view uri;        // "/x?y", "?y"; empty: none
};

// Views of `text`. The scheme counts in any case; without one the text begins with the authority.
PassUrl split_pass_url(std::string_view text);

}  // namespace weir::proxy
