#include "proxy/redirects.h"

#include "base/bytes.h"
#include "proxy/location.h"
#include "route/capture_source.h"

namespace weir::proxy {
namespace {

// With a URI part its place is the location's; without one the root's is the root's.
std::optional<std::string_view> by_default(const ProxyPass& pass, std::string_view location_prefix,
                                           std::string_view text, Arena& arena) {
  if (pass.url.empty() || !text.starts_with(pass.url)) return std::nullopt;
  std::string_view rest = text.substr(pass.url.size());
  if (pass.has_uri) return arena.concat({location_prefix, rest});
  if (!rest.starts_with('/')) return std::nullopt;  // of "http://app" neither "http://app2/" nor "http://app:81/"
  return rest;
}

}  // namespace

std::optional<std::string_view> rewrite_redirect(const std::vector<RedirectRule>& rules, const ProxyPass& pass,
                                                 std::string_view location_prefix, std::string_view text,
                                                 const route::VariableSource& variables, Arena& arena) {
  for (const RedirectRule& rule : rules) {
    if (rule.is_default) {
      if (const auto made = by_default(pass, location_prefix, text, arena)) return made;
    } else if (rule.regex != nullptr) {
      RegexMatch match;
      if (rule.regex->match(text, &match))
        return rule.to.render(route::CaptureSource(variables, *rule.regex, match), arena);
    } else {
      const std::string_view from = rule.from.render(variables, arena);
      if (text.starts_with(from)) return arena.concat({rule.to.render(variables, arena), text.substr(from.size())});
    }
  }
  return std::nullopt;
}

size_t refresh_url(std::string_view value) {
  constexpr std::string_view kUrl = "url=";
  for (size_t i = 0; i + kUrl.size() <= value.size(); ++i)
    if (iequals(value.substr(i, kUrl.size()), kUrl)) return i + kUrl.size();
  return std::string_view::npos;
}

}  // namespace weir::proxy
