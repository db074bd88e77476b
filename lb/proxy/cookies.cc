#include "proxy/cookies.h"

#include "base/bytes.h"
#include "route/capture_source.h"

namespace weir::proxy {
namespace {

struct Attribute {
  std::string_view name, value;
  bool has_value = false;
  bool dropped = false;
};

std::string_view trim_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The cookie itself comes first.
std::vector<Attribute> split(std::string_view value) {
  std::vector<Attribute> out;
  for (;;) {
    const size_t end = value.find(';');
    const std::string_view part = value.substr(0, end);
    const size_t equals = part.find('=');
    Attribute made;
    made.name = trim_blanks(part.substr(0, equals));
    made.has_value = equals != std::string_view::npos;
    if (made.has_value) made.value = trim_blanks(part.substr(equals + 1));
    out.push_back(made);
    if (end == std::string_view::npos) return out;
    value.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> by_regex(const CookieRule& rule, std::string_view text,
                                         const route::VariableSource& variables, Arena& arena) {
  RegexMatch match;
  if (!rule.regex->match(text, &match)) return std::nullopt;
  return rule.to.render(route::CaptureSource(variables, *rule.regex, match), arena);
}

std::optional<std::string_view> new_domain(const std::vector<CookieRule>& rules, std::string_view domain,
                                           const route::VariableSource& variables, Arena& arena) {
  const std::string_view dot = domain.starts_with('.') ? domain.substr(0, 1) : std::string_view();
  for (const CookieRule& rule : rules) {
    if (rule.regex != nullptr) {
      if (const auto made = by_regex(rule, domain, variables, arena)) return made;
    } else if (iequals(rule.from.render(variables, arena), domain.substr(dot.size()))) {
      return arena.concat({dot, rule.to.render(variables, arena)});
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> new_path(const std::vector<CookieRule>& rules, std::string_view path,
                                         const route::VariableSource& variables, Arena& arena) {
  for (const CookieRule& rule : rules) {
    if (rule.regex != nullptr) {
      if (const auto made = by_regex(rule, path, variables, arena)) return made;
      continue;
    }
    const std::string_view from = rule.from.render(variables, arena);
    if (path.starts_with(from)) return arena.concat({rule.to.render(variables, arena), path.substr(from.size())});
  }
  return std::nullopt;
}

// What a cookie is to have; `kOff`: what it must not.
enum class Flagged : uint8_t { kAsItIs, kOn, kOff };
struct Edit {
  Flagged secure = Flagged::kAsItIs, http_only = Flagged::kAsItIs, same_site = Flagged::kAsItIs;
  std::string_view site;
};

struct FlagName {
  std::string_view name;
  Flagged Edit::*field;
  Flagged wanted;
  std::string_view site = {};
};
constexpr FlagName kFlags[] = {{"secure", &Edit::secure, Flagged::kOn},
                               {"nosecure", &Edit::secure, Flagged::kOff},
                               {"httponly", &Edit::http_only, Flagged::kOn},
                               {"nohttponly", &Edit::http_only, Flagged::kOff},
                               {"samesite=strict", &Edit::same_site, Flagged::kOn, "Strict"},
                               {"samesite=lax", &Edit::same_site, Flagged::kOn, "Lax"},
                               {"samesite=none", &Edit::same_site, Flagged::kOn, "None"},
                               {"nosamesite", &Edit::same_site, Flagged::kOff}};

const CookieFlags* find_flags(const std::vector<CookieFlags>& all, std::string_view cookie,
                              const route::VariableSource& variables, Arena& arena) {
  for (const CookieFlags& each : all) {
    RegexMatch match;
    if (each.regex != nullptr ? each.regex->match(cookie, &match) : iequals(each.name.render(variables, arena), cookie))
      return &each;
  }
  return nullptr;
}

bool edit_flags(std::vector<Attribute>& attributes, const CookieFlags& flags, const route::VariableSource& variables,
                Arena& arena) {
  Edit edit;
  bool any = false;
  for (const route::Template& text : flags.flags) {
    const std::string_view flag = text.render(variables, arena);
    for (const FlagName& each : kFlags) {
      if (!iequals(each.name, flag)) continue;
      edit.*each.field = each.wanted;
      if (each.wanted == Flagged::kOn && !each.site.empty()) edit.site = each.site;
      any = true;
    }
  }
  if (!any) return false;
  const auto apply = [](Attribute& attribute, Flagged& wanted) {
    attribute.dropped = attribute.dropped || wanted == Flagged::kOff;
    if (wanted == Flagged::kOn) wanted = Flagged::kAsItIs;
  };
  for (size_t i = 1; i < attributes.size(); ++i) {
    Attribute& each = attributes[i];
    if (iequals(each.name, "secure")) apply(each, edit.secure);
    if (iequals(each.name, "httponly")) apply(each, edit.http_only);
    if (!iequals(each.name, "samesite")) continue;
    if (edit.same_site == Flagged::kOn) each = {"SameSite", edit.site, true, false};
    apply(each, edit.same_site);
  }
  if (edit.secure == Flagged::kOn) attributes.push_back({"Secure", {}, false, false});
  if (edit.http_only == Flagged::kOn) attributes.push_back({"HttpOnly", {}, false, false});
  if (edit.same_site == Flagged::kOn) attributes.push_back({"SameSite", edit.site, true, false});
  return true;
}

}  // namespace

bool is_cookie_flag(std::string_view text) {
  for (const FlagName& each : kFlags)
    if (iequals(each.name, text)) return true;
  return false;
}

std::optional<std::string_view> rewrite_cookie(const CookieRules& rules, std::string_view value,
                                               const route::VariableSource& variables, Arena& arena) {
  std::vector<Attribute> attributes = split(value);
  if (!attributes.front().has_value) return std::nullopt;
  bool changed = false;
  for (size_t i = 1; i < attributes.size(); ++i) {
    Attribute& each = attributes[i];
    if (!each.has_value) continue;
    std::optional<std::string_view> made;
    if (iequals(each.name, "domain")) made = new_domain(rules.domains, each.value, variables, arena);
    if (iequals(each.name, "path")) made = new_path(rules.paths, each.value, variables, arena);
    if (!made) continue;
    each.value = *made;
    changed = true;
  }
  if (const CookieFlags* flags = find_flags(rules.flags, attributes.front().name, variables, arena))
    changed = edit_flags(attributes, *flags, variables, arena) || changed;
  if (!changed) return std::nullopt;
  std::string_view out;
  for (const Attribute& each : attributes)
    if (!each.dropped)
      out = arena.concat({out, out.empty() ? "" : "; ", each.name, each.has_value ? "=" : "", each.value});
  return out;
}

}  // namespace weir::proxy
