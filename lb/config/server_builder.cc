// Blocks: server and location.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/regex.h"
#include "config/builder.h"
#include "config/checks.h"
#include "config/writer.h"

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

SocketAddress default_address() {
  // As nginx: 80 for root, who alone may bind it.
  return *SocketAddress::from_ip("0.0.0.0", ::geteuid() == 0 ? 80 : 8000);
}

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

void Builder::add_listen(Call& call, ListenModel listen, bool has_options) {
  const std::string address = listen.address.to_string();
  for (const ListenModel& known : call.scope.server->listens)
    if (known.address == listen.address && listen.address.port() != 0)
      return call.error_at(0, "a duplicate listen " + address);
  ListenFacts& facts =
      listens_[listen.address.port() == 0 && !listen.address.is_unix() ? call.directive.at.to_string() : address];
  if (listen.default_server && facts.default_server) call.error("a duplicate default server for " + address);
  if (has_options && facts.options) call.error("duplicate listen options for " + address);
  facts.default_server = facts.default_server || listen.default_server;
  facts.options = facts.options || has_options;
  call.scope.server->listens.push_back(std::move(listen));
}

void Builder::build_server(const Directive& directive, const Level& parent) {
  Level level = parent;
  ServerModel server;
  server.position = directive.at.to_string();
  Scope scope;
  scope.context = kServer;
  scope.main = &main_;
  scope.level = &level;
  scope.server = &server;
  const std::vector<Child> children = apply_block(*directive.block, scope);
  if (server.listens.empty()) {
    ListenModel listen;
    listen.address = default_address();
    listen.written = listen.address.to_string();
    listen.position = server.position;
    server.listens.push_back(std::move(listen));
  }
  if (server.names.empty()) server.names.emplace_back();
  finish(level);
  server.limits = level.limits;
  server.header_timeout = level.header_timeout;
  server.settings = level.location;
  server.written = level.written;
  build_locations(children, level, nullptr, server.locations);
  if (server.settings.returns && !server.locations.empty()) {
    // nginx answers a server's "return" before it looks for a location.
    diagnostics_.warning(directive.at, "the locations of this server are never reached, its \"return\" comes first");
    server.locations.clear();
  }
  model_.servers.push_back(std::move(server));
}

void Builder::build_locations(const std::vector<Child>& children, const Level& parent, const LocationModel* outer,
                              std::vector<LocationModel>& into) {
  std::set<std::pair<LocationKind, std::string>> seen;
  for (const Child& child : children) {
    if (child.directive->name != "location") continue;
    LocationModel location = build_location(*child.directive, parent, outer);
    // A prefix is one whether it is final or not.
    LocationKind kind = location.kind;
    if (kind == LocationKind::kPrefixFinal) kind = LocationKind::kPrefix;
    if (!is_regex(kind) && !seen.emplace(kind, location.pattern).second) {
      diagnostics_.error(child.directive->at, "duplicate location \"" + location.pattern + "\"");
      continue;
    }
    into.push_back(std::move(location));
  }
}

LocationModel Builder::build_location(const Directive& directive, const Level& parent, const LocationModel* outer) {
  Level level = parent;
  LocationModel location;
  location.position = directive.at.to_string();
  if (!split_location(directive, location.kind, location.pattern))
    diagnostics_.error(directive.args[0].at, "invalid location modifier \"" + directive.arg(0) + "\"");
  check_nesting(directive, location, outer);

  proxy::Location& settings = level.location;
  settings.pattern = written(directive);
  settings.is_prefix = !is_regex(location.kind) && location.kind != LocationKind::kNamed;
  settings.prefix = settings.is_prefix ? location.pattern : "";
  settings.internal = location.kind == LocationKind::kNamed;
  settings.pass.reset();
  settings.returns.reset();

  Scope scope;
  scope.context = kLocation;
  scope.main = &main_;
  scope.level = &level;
  scope.location = &location;
  const std::vector<Child> children = apply_block(*directive.block, scope);
  finish(level);
  attach_checks(directive, settings);
  location.settings = level.location;
  location.written = level.written;
  build_locations(children, level, &location, location.nested);
  return location;
}

void Builder::check_nesting(const Directive& directive, const LocationModel& location, const LocationModel* outer) {
  const std::string quoted = "location \"" + location.pattern + "\"";
  const auto fail = [&](const std::string& text) { diagnostics_.error(directive.at, quoted + text); };
  if (is_regex(location.kind)) {
    auto regex = Regex::compile(location.pattern, location.kind == LocationKind::kRegexNoCase);
    if (!regex) diagnostics_.error(directive.args.back().at, regex.error() + " in \"" + location.pattern + "\"");
  } else if (location.kind != LocationKind::kNamed && !location.pattern.starts_with('/')) {
    diagnostics_.warning(directive.at, quoted + " does not begin with \"/\" and never matches");
  }
  if (outer == nullptr) return;
  if (outer->kind == LocationKind::kExact)
    return fail(" cannot be inside the exact location \"" + outer->pattern + "\"");
  if (outer->kind == LocationKind::kNamed)
    return fail(" cannot be inside the named location \"" + outer->pattern + "\"");
  if (location.kind == LocationKind::kNamed) return fail(" can be on the server level only");
  if (!is_regex(location.kind) && !is_regex(outer->kind) && !location.pattern.starts_with(outer->pattern))
    fail(" is outside location \"" + outer->pattern + "\"");
}

void Builder::add_location_check(upstream::CheckOptions check, const Position& at) {
  location_checks_.push_back({std::move(check), at});
}

void Builder::attach_checks(const Directive& directive, const proxy::Location& settings) {
  const std::vector<LocationCheck> checks = std::move(location_checks_);
  location_checks_.clear();
  const bool passes = std::any_of(directive.block->begin(), directive.block->end(),
                                  [](const Directive& each) { return each.name == "proxy_pass"; });
  for (const LocationCheck& each : checks) {
    if (settings.pass && settings.pass->cluster >= 0) {
      add_check(model_.upstreams[static_cast<size_t>(settings.pass->cluster)], each.check);
    } else if (settings.pass) {
      diagnostics_.error(
          each.at, "\"health_check\" does not go with a \"proxy_pass\" that has variables, write it in upstream{}");
    } else if (!passes) {  // a wrong one is reported already
      diagnostics_.error(each.at, "\"health_check\" needs a \"proxy_pass\" in its location");
    }
  }
}

namespace {

// Upstreams that a server's locations pass to.
void collect(const std::vector<LocationModel>& locations, std::set<int>& into) {
  for (const LocationModel& each : locations) {
    if (each.settings.pass && each.settings.pass->cluster >= 0) into.insert(each.settings.pass->cluster);
    collect(each.nested, into);
  }
}

}  // namespace

// The preset in server{} and that in upstream{} are two words, and half of it is soon forgotten.
void Builder::hint_at_missing_checks() {
  for (const Preset& preset : presets_) {
    if (preset.server >= model_.servers.size()) continue;
    std::set<int> clusters;
    collect(model_.servers[preset.server].locations, clusters);
    for (const int cluster : clusters) {
      const UpstreamModel& upstream = model_.upstreams[static_cast<size_t>(cluster)];
      if (upstream.checks.empty())
        diagnostics_.warning(preset.at, "upstream \"" + upstream.name +
                                            "\" has no \"health_check\", \"preset nocobase;\" in it brings one");
    }
  }
}

// What follows from other directives of the level.
void Builder::finish(Level& level) {
  proxy::Location& settings = level.location;
  settings.upstream_keepalive = true;
  if (settings.pass && settings.pass->cluster >= 0)
    settings.upstream_keepalive = model_.upstreams[static_cast<size_t>(settings.pass->cluster)].pool.max_idle != 0;
  if (!main_.nginx_defaults) return;
  if (!level.tunnel_timeout_set) settings.tunnel_timeout = settings.read_timeout;
  settings.upgrade_websocket =
      std::any_of(settings.set_headers.begin(), settings.set_headers.end(),
                  [](const proxy::HeaderSetting& h) { return h.token == http::HeaderToken::kUpgrade; });
}

}  // namespace weir::config
