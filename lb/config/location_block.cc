// location{}: settings for the paths that match.
#include <algorithm>

#include "base/regex.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/words.h"

namespace weir::config {
namespace {

using route::LocationKind;

bool is_regex(LocationKind kind) {
  return kind == LocationKind::kRegex || kind == LocationKind::kRegexNoCase;
}

struct Modifier {
  std::string_view text;
  LocationKind kind;
};
// Longest first: "~*" is not "~".
constexpr Modifier kModifiers[] = {{"~*", LocationKind::kRegexNoCase},
                                   {"^~", LocationKind::kPrefixFinal},
                                   {"~", LocationKind::kRegex},
                                   {"=", LocationKind::kExact}};

std::string written(const Directive& directive) {
  std::string out;
  for (const Argument& argument : directive.args) out += (out.empty() ? "" : " ") + argument.text;
  return out;
}

// Where the location stands, and whether its pattern can match there.
void check_nesting(const Call& call, const LocationModel& location) {
  const LocationModel* outer = call.scope.location;
  Diagnostics& diagnostics = call.builder.diagnostics();
  const Directive& directive = call.directive;
  const std::string quoted = "location \"" + location.pattern + "\"";
  const auto fail = [&](const std::string& text) { diagnostics.error(directive.at, quoted + text); };
  if (is_regex(location.kind)) {
    auto regex = Regex::compile(location.pattern, location.kind == LocationKind::kRegexNoCase);
    if (!regex) diagnostics.error(directive.args.back().at, regex.error() + " in \"" + location.pattern + "\"");
  } else if (location.kind != LocationKind::kNamed && !location.pattern.starts_with('/')) {
    diagnostics.warning(directive.at, quoted + " does not begin with \"/\" and never matches");
  }
  if (outer == nullptr) return;
  if (outer->kind == LocationKind::kExact)
    return fail(" cannot be inside the exact location \"" + outer->pattern + "\"");
  if (outer->kind == LocationKind::kNamed)
    return fail(" cannot be inside the named location \"" + outer->pattern + "\"");
  if (location.kind == LocationKind::kNamed) return fail(" can be on the server level only");
  if (!is_regex(location.kind) && !location.pattern.starts_with(outer->pattern))
    fail(" is outside location \"" + outer->pattern + "\"");
}

// Those of the same server{} or location{}.
std::vector<LocationModel>& siblings(const Scope& scope) {
  return scope.location != nullptr ? scope.location->nested : scope.server->locations;
}

// What only one of several siblings may be: a prefix is one whether it is final or not. Regular expressions have none.
std::string place_of(const LocationModel& location) {
  switch (location.kind) {
    case LocationKind::kExact: return "=" + location.pattern;
    case LocationKind::kNamed: return location.pattern;  // "@..."
    case LocationKind::kPrefix:
    case LocationKind::kPrefixFinal: return "^" + location.pattern;
    case LocationKind::kRegex:
    case LocationKind::kRegexNoCase: break;
  }
  return {};
}

void open_location(Call& call) {
  const Directive& directive = call.directive;
  Level level = level_below(*call.scope.level);
  LocationModel location;
  location.position = directive.at.to_string();
  if (!split_location(directive, location.kind, location.pattern))
    call.error_at(0, "invalid location modifier \"" + directive.arg(0) + "\"");
  check_nesting(call, location);
  if (!is_regex(location.kind) && !call.scope.places->insert(place_of(location)).second)
    call.error("duplicate location \"" + location.pattern + "\"");

  proxy::Location& settings = level.location;
  settings.pattern = written(directive);
  settings.is_prefix = !is_regex(location.kind) && location.kind != LocationKind::kNamed;
  settings.prefix = settings.is_prefix ? location.pattern : "";
  settings.internal = location.kind == LocationKind::kNamed;
  settings.pass.reset();
  settings.returns.reset();
  settings.healthz.reset();
  settings.monitor.reset();
  settings.tls.context.reset();
  level.tls_to_peers.targets.clear();
  settings.limit_except.reset();
  settings.files.tries.reset();

  std::vector<PendingIf> ifs;
  std::set<std::string> places;
  Scope scope{.context = kLocation,
              .main = call.scope.main,
              .level = &level,
              .location = &location,
              .ifs = &ifs,
              .places = &places};
  call.builder.apply(*directive.block, scope);
  call.builder.finish_tls_to_peers(level);
  read_ifs(call.builder, scope);
  read_limit_except(call.builder, scope, *directive.block);
  location.settings = std::move(level.location);
  location.resolver = std::move(level.resolver);
  siblings(call.scope).push_back(std::move(location));
}

void show_locations(Dump& dump, const Scope& scope) {
  static constexpr std::string_view kWritten[] = {"", "= ", "^~ ", "~ ", "~* ", ""};
  Level inherited = *scope.level;
  inherited.location.pass.reset();
  inherited.location.returns.reset();
  inherited.location.healthz.reset();
  inherited.location.monitor.reset();
  inherited.location.rewrite.clear();
  inherited.location.limit_except.reset();
  inherited.location.files.tries.reset();
  for (const LocationModel& each : siblings(scope)) {
    LocationModel copy = each;
    Level level{.location = std::move(copy.settings), .server = scope.level->server, .resolver = each.resolver};
    dump.block("location " + std::string(kWritten[static_cast<size_t>(each.kind)]) + quote_word(each.pattern),
               {.context = kLocation, .model = scope.model, .main = scope.main, .level = &level, .location = &copy},
               &inherited);
  }
}

const Row kRows[] = {
    {
        .name = "location",
        .contexts = kServer | kLocation,
        .kind = {.form = "[= | ~ | ~* | ^~] PATH { ... }", .most_args = 2},
        .help = "Settings for the paths that match.",
        .times = Times::kMany,
        .turn = Turn::kChildren,
        .open = open_location,
        .show = show_locations,
    },
};

}  // namespace

bool split_location(const Directive& directive, LocationKind& kind, std::string& pattern) {
  kind = LocationKind::kPrefix;
  if (directive.args.size() == 2) {
    pattern = directive.arg(1);
    for (const Modifier& each : kModifiers) {
      if (directive.arg(0) != each.text) continue;
      kind = each.kind;
      return true;
    }
    return false;
  }
  pattern = directive.arg(0);
  if (pattern.starts_with('@')) {
    kind = LocationKind::kNamed;
    return true;
  }
  for (const Modifier& each : kModifiers) {
    if (!pattern.starts_with(each.text)) continue;
    kind = each.kind;
    pattern.erase(0, each.text.size());
    return true;
  }
  return true;
}

std::span<const Row> location_block_rows() {
  return kRows;
}

}  // namespace weir::config
