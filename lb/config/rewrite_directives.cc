// set, rewrite, break, return, if: steps that run in the order of the file, of the server{} before a location is looked
// for, of the location{} behind that.
#include <algorithm>

#include "base/regex.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

using proxy::RewriteStep;
using proxy::RewriteSteps;

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
  if (!location.rewrite.empty() || (call.scope.context & kAnyIf) != 0)
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

// The words of "(A = B)" without the parentheses.
std::vector<std::string> words_of_condition(const Call& call) {
  std::vector<std::string> words;
  for (size_t i = 0; i < call.count(); ++i) words.push_back(call.arg(i));
  if (!words.front().starts_with('(') || !words.back().ends_with(')')) return {};
  words.back().pop_back();
  if (words.back().empty()) words.pop_back();
  if (words.empty() || words.front().empty()) return {};
  words.front().erase(0, 1);
  if (words.front().empty()) words.erase(words.begin());
  return words;
}

struct FileTest {
  std::string_view text;
  proxy::Condition::Kind kind;
};
constexpr FileTest kFileTests[] = {{"-f", proxy::Condition::Kind::kRegularFile},
                                   {"-d", proxy::Condition::Kind::kDirectory},
                                   {"-e", proxy::Condition::Kind::kExists},
                                   {"-x", proxy::Condition::Kind::kExecutable}};

bool read_condition(Call& call, proxy::Condition& condition) {
  using Kind = proxy::Condition::Kind;
  const std::vector<std::string> words = words_of_condition(call);
  const auto fail = [&](std::string text) {
    call.error(std::move(text));
    return false;
  };
  const auto compile = [&](std::string_view text, route::Template& into) {
    auto compiled = route::Template::compile(text, call.builder.names());
    if (!compiled) return fail(std::move(compiled.error()));
    into = std::move(*compiled);
    return true;
  };
  if (words.empty())
    return fail(
        "invalid condition, it is written: if ($VARIABLE [= | != | ~ | ~* | !~ | !~* TEXT]), "
        "or if (-f | -d | -e | -x FILE)");
  const std::string_view first = words[0];
  if (first.starts_with('-') || first.starts_with("!-")) {
    condition.negated = first.starts_with('!');
    const std::string_view test = condition.negated ? first.substr(1) : first;
    const auto* const known = std::find_if(std::begin(kFileTests), std::end(kFileTests),
                                           [&](const FileTest& each) { return each.text == test; });
    if (known == std::end(kFileTests) || words.size() != 2)
      return fail("invalid condition \"" + std::string(first) + "\"");
    condition.kind = known->kind;
    return compile(words[1], condition.subject);
  }
  if (!first.starts_with('$') || words.size() == 2 || words.size() > 3)
    return fail("invalid condition \"" + std::string(first) + "\"");
  if (std::any_of(first.begin() + 1, first.end(), [](char c) { return c != '_' && !is_alpha(c) && !is_digit(c); }))
    return fail("invalid condition \"" + std::string(first) + "\", a variable is a word of its own");
  if (!compile(first, condition.subject)) return false;
  if (words.size() == 1) return true;
  std::string_view how = words[1];
  if (how == "=" || how == "!=") {
    condition.kind = Kind::kEqual;
    condition.negated = how == "!=";
    return compile(words[2], condition.value);
  }
  condition.negated = how.starts_with('!');
  if (condition.negated) how.remove_prefix(1);
  if (how != "~" && how != "~*") return fail("unexpected \"" + words[1] + "\" in condition");
  auto regex = Regex::compile(words[2], how == "~*");
  if (!regex) return fail(regex.error() + " in \"" + words[2] + "\"");
  condition.kind = Kind::kMatch;
  condition.regex = std::make_shared<Regex>(std::move(*regex));
  return true;
}

void open_if(Call& call) {
  RewriteStep step{.kind = RewriteStep::Kind::kIf};
  if (!read_condition(call, step.condition)) return;
  RewriteSteps& steps = call.scope.level->location.rewrite;
  const size_t place = steps.size();
  add_step(call, std::move(step));
  if (steps.size() > place) call.scope.ifs->push_back({place, &call.directive});
}

// All steps, in their order: one row shows them for the others too.
void show_steps(Dump& dump, const Scope& scope) {
  if (scope.level == nullptr || scope.level->location.rewrite.empty()) return;
  const Level outer = level_below(*scope.level);
  for (const RewriteStep& step : scope.level->location.rewrite) {
    if (step.kind != RewriteStep::Kind::kIf) {
      dump.statement(step.written);
      continue;
    }
    Level inside = outer;
    if (step.settings != nullptr) inside.location = *step.settings;
    inside.location.rewrite = step.inside;
    dump.block(step.written,
               {.context = scope.context == kLocation ? kIfLocation : kIfServer,
                .model = scope.model,
                .main = scope.main,
                .level = &inside,
                .location = scope.location},
               &outer);
  }
}

const Row kRows[] = {
    {
        .name = "return",
        .contexts = kServer | kLocation | kAnyIf,
        .kind = {.form = "CODE [TEXT] | CODE URL | URL", .most_args = 2, .apply = apply_return, .show = show_return},
        .help = "Answers at once. 444 closes the connection without an answer.",
        .times = Times::kMany,
    },
    {
        .name = "set",
        .contexts = kServer | kLocation | kAnyIf,
        .kind = {.form = "$VARIABLE VALUE", .least_args = 2, .most_args = 2, .apply = apply_set},
        .help = "Gives a variable of the request a value; $args and $limit_rate may be set too.",
        .times = Times::kMany,
        .show = show_steps,
    },
    {
        .name = "rewrite",
        .contexts = kServer | kLocation | kAnyIf,
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
        .contexts = kServer | kLocation | kAnyIf,
        .kind = {.form = "", .least_args = 0, .most_args = 0, .apply = apply_break},
        .help = "Ends the steps of set, rewrite and return in this block.",
        .times = Times::kMany,
    },
    {
        .name = "if",
        .contexts = kServer | kLocation,
        .kind = {.form = "($VARIABLE [= | != | ~ | ~* | !~ | !~* TEXT]) | ([!]-f | -d | -e | -x FILE) { ... }",
                 .least_args = 1,
                 .most_args = -1},
        .help =
            "Steps for requests that meet the condition. Inside a location its settings are those of the block from "
            "there on, proxy_pass and add_header among them. -f: the file is there, -d: the directory, -e: either, -x: "
            "it may "
            "be run.",
        .times = Times::kMany,
        .open = open_if,
    },
    {
        .name = "rewrite_log",
        .contexts = kAnywhere | kIfLocation,
        .kind = kFlag<&Level::location, &proxy::Location::rewrite_log>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Writes each rewrite to the error log, at the level notice.",
    },
    {
        .name = "uninitialized_variable_warn",
        .contexts = kAnywhere | kIfLocation,
        .kind = kFlag<&Level::location, &proxy::Location::uninitialized_warn>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Warns in the error log of variables that are used before they are set.",
    },
};

}  // namespace

void read_ifs(Builder& builder, Scope& scope) {
  for (const PendingIf& each : *scope.ifs) {
    const bool is_in_location = scope.context == kLocation;
    Level level = level_below(*scope.level);  // with all that is written around it, also behind it
    level.location.returns.reset();
    level.location.limit_except.reset();
    level.location.files.tries.reset();  // as in nginx
    Scope inside{.context = is_in_location ? kIfLocation : kIfServer,
                 .main = scope.main,
                 .level = &level,
                 .server = scope.server,
                 .location = scope.location};
    level.tls_to_peers.targets.clear();
    builder.apply(*each.directive->block, inside);
    builder.finish_tls_to_peers(level);
    RewriteStep& step = scope.level->location.rewrite[each.step];
    step.inside = std::move(level.location.rewrite);
    level.location.rewrite.clear();
    if (is_in_location) step.settings = std::make_shared<proxy::Location>(std::move(level.location));
  }
}

std::span<const Row> rewrite_rows() {
  return kRows;
}

}  // namespace weir::config
