// What a peer is asked instead of what the client has asked, and what the client is told instead of what the peer has
// said.
#include <algorithm>

#include "base/bytes.h"
#include "config/builder.h"
#include "config/fields.h"
#include "proxy/cookies.h"

namespace weir::config {
namespace {

using proxy::Location;
using proxy::RequestEdits;
constexpr auto kLoc = &Level::location;
constexpr auto kEdits = &Location::request_edits;

template <auto Text>
void apply_edit(Call& call) {
  auto text = call.compile(0);
  if (text) call.scope.level->location.request_edits.*Text = std::move(*text);
}
template <auto Text>
std::vector<std::string> show_edit(const Scope& scope) {
  const auto& text = scope.level->location.request_edits.*Text;
  if (!text) return {};
  return {quote_word(text->text())};
}

void apply_method(Call& call) {
  apply_edit<&RequestEdits::method>(call);
  const auto& method = call.scope.level->location.request_edits.method;
  if (!method || !method->is_literal()) return;
  const std::string& text = method->text();
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_tchar)) call.invalid(0, "a method");
}

// "~REGEX", and "~*REGEX" where `modifiers`; null and reported when it is wrong.
std::shared_ptr<const Regex> compile_regex(const Call& call, bool modifiers) {
  std::string_view text = call.arg(0);
  text.remove_prefix(1);
  bool ignore_case = !modifiers;
  if (modifiers && text.starts_with('*')) {
    text.remove_prefix(1);
    ignore_case = true;
  }
  auto regex = Regex::compile(text, ignore_case);
  if (!regex) {
    call.error_at(0, regex.error() + " in \"" + call.arg(0) + "\"");
    return nullptr;
  }
  return std::make_shared<const Regex>(std::move(*regex));
}

// `is_off`: "off" was written, and the list is empty.
bool begin_list(Call& call, auto& list, bool& is_off) {
  if (call.first) list.clear();
  is_off = call.count() == 1 && call.arg(0) == "off";
  const auto is_another = [&](const Directive& each) { return each.name == call.directive.name; };
  if (is_off && call.block != nullptr && std::count_if(call.block->begin(), call.block->end(), is_another) > 1)
    call.error("\"" + call.directive.name + " off\" stands beside others");
  return !is_off;
}

void apply_rule(Call& call, std::vector<proxy::CookieRule>& rules, bool is_domain) {
  bool is_off = false;
  if (!begin_list(call, rules, is_off)) return;
  if (call.count() == 1) return call.error_at(0, "invalid parameter \"" + call.arg(0) + "\"");
  proxy::CookieRule rule;
  const auto compile = [&](std::string_view text, size_t i, route::Template& into) {
    auto compiled = route::Template::compile(text, call.builder.names());
    if (!compiled) return call.error_at(i, std::move(compiled.error())), false;
    into = std::move(*compiled);
    return true;
  };
  std::string_view from = call.arg(0), to = call.arg(1);
  if (from.starts_with('~')) {
    rule.regex = compile_regex(call, !is_domain);
    if (rule.regex == nullptr) return;
    rule.from = route::Template::literal(call.arg(0));
  } else {
    // The dot in front of a domain says nothing.
    if (is_domain && from.starts_with('.')) from.remove_prefix(1);
    if (is_domain && to.starts_with('.')) to.remove_prefix(1);
    if (!compile(from, 0, rule.from)) return;
  }
  if (compile(to, 1, rule.to)) rules.push_back(std::move(rule));
}
std::vector<std::string> show_rules(const std::vector<proxy::CookieRule>& rules) {
  std::vector<std::string> out;
  out.reserve(rules.size());
  for (const proxy::CookieRule& each : rules)
    out.push_back(quote_word(each.from.text()) + " " + quote_word(each.to.text()));
  if (out.empty()) out.emplace_back("off");
  return out;
}

void apply_domain(Call& call) {
  apply_rule(call, call.scope.level->location.cookies.domains, true);
}
std::vector<std::string> show_domain(const Scope& scope) {
  return show_rules(scope.level->location.cookies.domains);
}
void apply_path(Call& call) {
  apply_rule(call, call.scope.level->location.cookies.paths, false);
}
std::vector<std::string> show_path(const Scope& scope) {
  return show_rules(scope.level->location.cookies.paths);
}

void apply_flags(Call& call) {
  auto& list = call.scope.level->location.cookies.flags;
  bool is_off = false;
  if (!begin_list(call, list, is_off)) return;
  if (call.count() == 1) return call.error_at(0, "invalid parameter \"" + call.arg(0) + "\"");
  proxy::CookieFlags made;
  if (call.arg(0).starts_with('~')) {
    made.regex = compile_regex(call, true);
    if (made.regex == nullptr) return;
    made.name = route::Template::literal(call.arg(0));
  } else {
    auto name = call.compile(0);
    if (!name) return;
    made.name = std::move(*name);
  }
  for (size_t i = 1; i < call.count(); ++i) {
    auto flag = call.compile(i);
    if (!flag) return;
    if (flag->is_literal() && !proxy::is_cookie_flag(call.arg(i)))
      call.warning("\"" + call.arg(i) + "\" is no flag of a cookie, it has no effect");
    made.flags.push_back(std::move(*flag));
  }
  list.push_back(std::move(made));
}
std::vector<std::string> show_flags(const Scope& scope) {
  std::vector<std::string> out;
  for (const proxy::CookieFlags& each : scope.level->location.cookies.flags) {
    std::string line = quote_word(each.name.text());
    for (const route::Template& flag : each.flags) line += " " + quote_word(flag.text());
    out.push_back(line);
  }
  if (out.empty()) out.emplace_back("off");
  return out;
}

// Those that nginx acts on.
constexpr std::string_view kActedOn[] = {"X-Accel-Redirect",  "X-Accel-Expires", "X-Accel-Limit-Rate",
                                         "X-Accel-Buffering", "X-Accel-Charset", "Expires",
                                         "Cache-Control",     "Set-Cookie",      "Vary"};

void apply_ignore_headers(Call& call) {
  auto& names = call.scope.level->location.ignore_headers;
  names.clear();
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string name = lowered(call.arg(i));
    if (std::none_of(std::begin(kActedOn), std::end(kActedOn),
                     [&](std::string_view each) { return iequals(each, name); }))
      return call.error_at(i, "invalid value \"" + call.arg(i) + "\"");
    names.push_back(name);
  }
}
std::vector<std::string> show_ignore_headers(const Scope& scope) {
  std::string out;
  for (const std::string& each : scope.level->location.ignore_headers) out += (out.empty() ? "" : " ") + each;
  if (out.empty()) return {};
  return {out};
}

const Row kRows[] = {
    {
        .name = "proxy_method",
        .contexts = kAnywhere,
        .kind = {.form = "METHOD", .apply = apply_method, .show = show_edit<&RequestEdits::method>},
        .help = "The method that peers are asked with instead of the client's.",
    },
    {
        .name = "proxy_set_body",
        .contexts = kAnywhere,
        .kind = {.form = "TEXT", .apply = apply_edit<&RequestEdits::body>, .show = show_edit<&RequestEdits::body>},
        .help = "The body that peers are sent instead of the client's.",
    },
    {
        .name = "proxy_pass_request_headers",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kEdits, &RequestEdits::pass_headers>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether the client's fields reach peers; weir's own and those of proxy_set_header do.",
    },
    {
        .name = "proxy_pass_request_body",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kEdits, &RequestEdits::pass_body>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether the client's body reaches peers.",
    },
    {
        .name = "proxy_intercept_errors",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::intercept_errors>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether error_page answers statuses of peers, from 300 on, instead of the peer's own bodies. What is "
                "answered so does not go into a cache (nginx keeps the status).",
    },
    {
        .name = "proxy_ignore_headers",
        .contexts = kAnywhere,
        .kind = {.form = "FIELD ...", .most_args = -1, .apply = apply_ignore_headers, .show = show_ignore_headers},
        .help = "Fields of a peer's answer that weir does not follow: X-Accel-Limit-Rate; the others that nginx takes "
                "here ask nothing of weir.",
    },
    {
        .name = "proxy_cookie_domain",
        .contexts = kAnywhere,
        .kind = {.form = "off | DOMAIN NEW | ~REGEX NEW", .most_args = 2, .apply = apply_domain, .show = show_domain},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Another Domain for cookies of peers. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_cookie_path",
        .contexts = kAnywhere,
        .kind = {.form = "off | PATH NEW | ~REGEX NEW", .most_args = 2, .apply = apply_path, .show = show_path},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Another Path for cookies of peers: its beginning is replaced, all of it by a regex.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_cookie_flags",
        .contexts = kAnywhere,
        .kind = {.form = "off | COOKIE [FLAG ...] | ~REGEX [FLAG ...]",
                 .most_args = -1,
                 .apply = apply_flags,
                 .show = show_flags},
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Flags of a peer's cookie: secure, httponly, samesite=strict, samesite=lax, samesite=none; with \"no\" in "
            "front (nosecure, nohttponly, nosamesite) they are taken away.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> proxy_edit_rows() {
  return kRows;
}

}  // namespace weir::config
