// set, rewrite, break, return: steps that run in the order of the file, of the server{} before a location is looked
// for, of the location{} behind that.
#include "base/regex.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

using proxy::RewriteStep;

bool is_address(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("$scheme");
}
bool is_redirect(int64_t status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

void add_step(Call& call, RewriteStep step) {
  proxy::Location& location = call.scope.level->location;
  if (location.returns) return;  // the first of all: nothing behind it is ever run
  step.written = head_text(call.directive);
  location.rewrite.push_back(std::move(step));
}

void apply_return(Call& call) {
  proxy::ReturnAction action;
  const auto status = parse_decimal(call.arg(0));
  size_t text = 1;
  if (status && *status <= 999) {
    action.status = static_cast<int>(*status);
    action.redirect = call.count() == 2 && is_redirect(*status);
  } else {
    if (call.count() == 2) return call.error_at(0, "invalid return code \"" + call.arg(0) + "\"");
    if (!is_address(call.arg(0))) return call.error_at(0, "invalid return code \"" + call.arg(0) + "\"");
    action.status = 302;
    action.redirect = true;
    text = 0;
  }
  if (text < call.count()) {
    auto compiled = call.compile(text);
    if (!compiled) return;
    action.text = std::move(*compiled);
    action.has_text = true;
  }
  proxy::Location& location = call.scope.level->location;
  if (!location.rewrite.empty())
    return add_step(call, {.kind = RewriteStep::Kind::kReturn, .returns = std::move(action)});
  // nginx takes the first of several.
  if (!location.returns) location.returns = std::move(action);
}
std::vector<std::string> show_return(const Scope& scope) {
  const auto& action = scope.level->location.returns;
  if (!action) return {};
  return {std::to_string(action->status) + (action->has_text ? " " + quote_word(action->text.text()) : "")};
}

void apply_set(Call& call) {
  const std::string& variable = call.arg(0);
  if (variable.size() < 2 || variable[0] != '$') return call.error_at(0, "invalid variable name \"" + variable + "\"");
  const auto slot = call.builder.names().settable(variable.substr(1));
  if (!slot) return call.error_at(0, slot.error());
  auto value = call.compile(1);
  if (!value) return;
  add_step(call, {.kind = RewriteStep::Kind::kSet, .slot = *slot, .value = std::move(*value)});
}

void apply_break(Call& call) {
  add_step(call, {.kind = RewriteStep::Kind::kBreak});
}

// Of a new path, what stands before its "?" and what behind; a "?" at its end drops the client's arguments.
bool split_target(Call& call, RewriteStep& step) {
  std::string text = call.arg(1);
  if (text.empty()) {
    call.error_at(1, "empty replacement");
    return false;
  }
  if (text.ends_with('?')) {
    step.keeps_args = false;
    text.pop_back();
  }
  const size_t query = text.find('?');
  step.has_new_args = query != std::string::npos;
  const auto compile = [&](std::string_view part, route::Template& into) {
    auto compiled = route::Template::compile(part, call.builder.names());
    if (!compiled) {
      call.error_at(1, std::move(compiled.error()));
      return false;
    }
    into = std::move(*compiled);
    return true;
  };
  if (step.redirect_status != 0) return compile(text, step.value);
  if (!compile(std::string_view(text).substr(0, query), step.value)) return false;
  return !step.has_new_args || compile(std::string_view(text).substr(query + 1), step.new_args);
}

void apply_rewrite(Call& call) {
  RewriteStep step{.kind = RewriteStep::Kind::kRewrite};
  auto regex = Regex::compile(call.arg(0), false);
  if (!regex) return call.error_at(0, regex.error() + " in \"" + call.arg(0) + "\"");
  step.regex = std::make_shared<Regex>(std::move(*regex));
  if (is_address(call.arg(1))) step.redirect_status = 302;
  if (call.count() == 3) {
    const std::string& flag = call.arg(2);
    if (flag == "last") {
      step.after = RewriteStep::After::kLast;
    } else if (flag == "break") {
      step.after = RewriteStep::After::kBreak;
    } else if (flag == "redirect") {
      step.redirect_status = 302;
    } else if (flag == "permanent") {
      step.redirect_status = 301;
    } else {
      return call.invalid(2, "last, break, redirect or permanent");
    }
  }
  if (split_target(call, step)) add_step(call, std::move(step));
}

// All steps, in their order: one row shows them for the others too.
void show_steps(Dump& dump, const Scope& scope) {
  if (scope.level == nullptr) return;
  for (const RewriteStep& step : scope.level->location.rewrite) dump.statement(step.written);
}

const Row kRows[] = {
    {
        .name = "return",
        .contexts = kServer | kLocation,
        .kind = {.form = "CODE [TEXT] | CODE URL | URL", .most_args = 2, .apply = apply_return, .show = show_return},
        .help = "Answers at once. 444 closes the connection without an answer.",
        .times = Times::kMany,
    },
    {
        .name = "set",
        .contexts = kServer | kLocation,
        .kind = {.form = "$VARIABLE VALUE", .least_args = 2, .most_args = 2, .apply = apply_set},
        .help = "Gives a variable of the request a value; $args may be set too.",
        .times = Times::kMany,
        .show = show_steps,
    },
    {
        .name = "rewrite",
        .contexts = kServer | kLocation,
        .kind = {.form = "REGEX TO [last | break | redirect | permanent]",
                 .least_args = 2,
                 .most_args = 3,
                 .apply = apply_rewrite},
        .help = "Where the path matches, puts another in its place, or sends the client there. A request changes its "
                "location ten times at most.",
        .times = Times::kMany,
    },
    {
        .name = "break",
        .contexts = kServer | kLocation,
        .kind = {.form = "", .least_args = 0, .most_args = 0, .apply = apply_break},
        .help = "Ends the steps of set, rewrite and return in this block.",
        .times = Times::kMany,
    },
    {
        .name = "rewrite_log",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &proxy::Location::rewrite_log>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Writes each rewrite to the error log, at the level notice.",
    },
    {
        .name = "uninitialized_variable_warn",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &proxy::Location::uninitialized_warn>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Warns in the error log of variables that are used before they are set.",
    },
};

}  // namespace

std::span<const Row> rewrite_rows() {
  return kRows;
}

}  // namespace weir::config
