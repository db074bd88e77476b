#include "config/proxy_redirect.h"

#include <algorithm>

#include "config/builder.h"
#include "config/values.h"
#include "config/words.h"

namespace weir::config {

namespace {

// What such a one stands for only a request knows, and not what it would have to be replaced by.
bool passes_to_variables(const Call& call) {
  return call.block != nullptr && std::any_of(call.block->begin(), call.block->end(), [](const Directive& each) {
           return each.name == "proxy_pass" && each.arg(0).find('$') != std::string::npos;
         });
}

}  // namespace

void apply_proxy_redirect(Call& call) {
  auto& rules = call.scope.level->location.redirects;
  if (call.first) rules.clear();
  proxy::RedirectRule rule;
  if (call.count() == 1) {
    if (call.arg(0) == "off") {
      const auto is_another = [&](const Directive& each) { return each.name == call.directive.name; };
      if (call.block != nullptr && std::count_if(call.block->begin(), call.block->end(), is_another) > 1)
        call.error("\"proxy_redirect off\" stands beside another \"proxy_redirect\"");
      return;
    }
    if (call.arg(0) != "default") return call.invalid(0, "\"off\", \"default\" or FROM TO");
    if (passes_to_variables(call))
      return call.error(
          "\"proxy_redirect default\" cannot be used with a \"proxy_pass\" that has variables: write "
          "\"proxy_redirect FROM TO\" or delete it");
    rule.is_default = true;
    if (call.block != nullptr) rule.from = route::Template::literal(call.arg(0));  // written, and no preset's
    rules.push_back(std::move(rule));
    return;
  }
  const std::string& from = call.arg(0);
  if (from.starts_with('~')) {
    const bool ignore_case = from.starts_with("~*");
    auto regex = Regex::compile(std::string_view(from).substr(ignore_case ? 2 : 1), ignore_case);
    if (!regex) return call.error_at(0, regex.error() + " in \"" + from + "\"");
    rule.regex = std::make_shared<const Regex>(std::move(*regex));
    rule.from = route::Template::literal(from);
  } else {
    auto compiled = call.compile(0);
    if (!compiled) return;
    rule.from = std::move(*compiled);
  }
  auto to = call.compile(1);
  if (!to) return;
  rule.to = std::move(*to);
  rules.push_back(std::move(rule));
}

void check_inherited_redirect(const Call& call) {
  const bool has_own =
      call.block != nullptr && std::any_of(call.block->begin(), call.block->end(),
                                           [](const Directive& each) { return each.name == "proxy_redirect"; });
  const auto& rules = call.scope.level->location.redirects;
  const bool is_written = std::any_of(rules.begin(), rules.end(), [](const proxy::RedirectRule& rule) {
    return rule.is_default && !rule.from.empty();
  });
  if (!has_own && is_written)
    call.warning(
        "\"proxy_redirect default\" of the levels above has no effect beside a \"proxy_pass\" that has variables: "
        "write \"proxy_redirect FROM TO\" here");
}

std::vector<std::string> show_proxy_redirect(const Scope& scope) {
  const auto& rules = scope.level->location.redirects;
  if (rules.empty()) return {"off"};
  std::vector<std::string> out;
  const auto& pass = scope.level->location.pass;
  for (const proxy::RedirectRule& rule : rules)
    if (!rule.is_default || !pass || !pass->dynamic)
      out.push_back(rule.is_default ? "default" : quote_word(rule.from.text()) + " " + quote_word(rule.to.text()));
  return out;
}

}  // namespace weir::config
