// proxy_redirect: where a peer sends the client (Location, Refresh), in words that the client can use.
#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "route/template.h"

namespace weir::proxy {

struct ProxyPass;

struct RedirectRule {
  bool is_default = false;             // the address that proxy_pass names becomes the location's prefix
  std::shared_ptr<const Regex> regex;  // null: `from` is a prefix of the text
  route::Template from;                // of a regex: as written
  route::Template to;                  // replaces the prefix; all of the text that a regex matches
};

// `text` by the first rule that matches it (nginx's ngx_http_proxy_rewrite_redirect), in the arena; nullopt when none
// does. `location_prefix` is that of the location which has `pass`.
std::optional<std::string_view> rewrite_redirect(const std::vector<RedirectRule>& rules, const ProxyPass& pass,
                                                 std::string_view location_prefix, std::string_view text,
                                                 const route::VariableSource& variables, Arena& arena);

// Where the URL of a Refresh field begins: behind "url=". npos without one.
size_t refresh_url(std::string_view value);

}  // namespace weir::proxy
