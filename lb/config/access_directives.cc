// allow and deny: one list, in the order that both are written in.
#include <algorithm>

#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using filter::AccessRule;

std::vector<AccessRule>& rules_of(const Scope& scope) {
  return scope.level->location.access.rules;
}

bool is_rule(const Directive& directive) {
  return directive.name == "allow" || directive.name == "deny";
}

void apply_rule(Call& call) {
  std::vector<AccessRule>& rules = rules_of(call.scope);
  const auto first = std::find_if(call.block->begin(), call.block->end(), is_rule);
  if (&*first == &call.directive) {
    rules.clear();
    if (call.scope.level->location.returns)
      call.warning("\"" + call.directive.name + "\" is without effect beside \"return\", which answers before it");
  }
  AccessRule rule;
  rule.allow = call.directive.name == "allow";
  if (call.arg(0) != "all") {
    rule.range = Cidr::parse(call.arg(0));
    if (!rule.range) return call.invalid(0, "an address, a CIDR block, \"unix:\" or \"all\"");
  }
  rules.push_back(rule);
}

// The rows of both show what one field holds.
void show_rules(Dump& dump, const Scope& scope) {
  if (scope.context == kHttp) return;  // handed down, and shown there
  for (const AccessRule& rule : rules_of(scope))
    dump.line(std::string(rule.allow ? "allow " : "deny ") + (rule.range ? rule.range->to_string() : "all") + ";");
}

void apply_satisfy(Call& call) {
  if (call.arg(0) != "all" && call.arg(0) != "any") return call.invalid(0, "\"all\" or \"any\"");
  call.scope.level->location.access.satisfy_any = call.arg(0) == "any";
}
std::vector<std::string> show_satisfy(const Scope& scope) {
  return {scope.level->location.access.satisfy_any ? "any" : "all"};
}

constexpr Kind kRule{.form = "ADDRESS | CIDR | unix: | all", .apply = apply_rule};

const Row kRows[] = {
    {
        .name = "satisfy",
        .contexts = kAnywhere,
        .kind = {.form = "all | any", .apply = apply_satisfy, .show = show_satisfy},
        .weir_default = "all",
        .nginx_default = "all",
        .help =
            "Whether allow and deny, auth_basic and auth_request must all let a client in, or one of them is enough.",
    },
    {
        .name = "allow",
        .contexts = kAnywhere | kLimitExcept,
        .kind = kRule,
        .help = "Lets clients in, by the address after real_ip: the first \"allow\" or \"deny\" that a client meets "
                "decides, a client that meets none is served. A level's own rules replace those that it inherits. Not "
                "for \"return\", which answers before them.",
        .times = Times::kMany,
        .turn = Turn::kWhole,
        .show = show_rules,
    },
    {
        .name = "deny",
        .contexts = kAnywhere | kLimitExcept,
        .kind = kRule,
        .help = "Answers clients 403: see \"allow\".",
        .times = Times::kMany,
        .turn = Turn::kWhole,
    },
};

}  // namespace

std::span<const Row> access_rows() {
  return kRows;
}

}  // namespace weir::config
