// proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags: a peer's Set-Cookie in words that hold for the client.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "route/template.h"

namespace weir::proxy {

// FROM TO of a cookie's Domain or Path. The first rule that matches holds.
struct CookieRule {
  std::shared_ptr<const Regex>
      regex;             // null: `from` is the whole domain (without its first dot), or a path's beginning
  route::Template from;  // of a regex: as written
  route::Template to;
};

struct CookieFlags {
  std::shared_ptr<const Regex> regex;  // of the cookie's name; null: it is `name`
  route::Template name;                // of a regex: as written
  std::vector<route::Template> flags;  // secure, nosecure, httponly, nohttponly, samesite=strict|lax|none, nosamesite
};

struct CookieRules {
  std::vector<CookieRule> domains, paths;
  std::vector<CookieFlags> flags;
  bool empty() const { return domains.empty() && paths.empty() && flags.empty(); }
};

// Whether that is a flag (either case).
bool is_cookie_flag(std::string_view text);

// The value of a Set-Cookie by these rules (nginx's ngx_http_proxy_rewrite_cookie), in the arena; nullopt: as it is.
std::optional<std::string_view> rewrite_cookie(const CookieRules& rules, std::string_view value,
                                               const route::VariableSource& variables, Arena& arena);

}  // namespace weir::proxy
