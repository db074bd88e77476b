// server{}: a virtual server.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "config/builder.h"
#include "config/dump.h"

namespace weir::config {
namespace {

SocketAddress default_address() {
  // As nginx: 80 for root, who alone may bind it.
  return *SocketAddress::from_ip("0.0.0.0", ::geteuid() == 0 ? 80 : 8000);
}

void open_server(Call& call) {
  Level level = *call.scope.level;
  ServerModel server;
  server.position = call.directive.at.to_string();
  server.at = call.directive.at;
  std::vector<PendingIf> ifs;
  std::set<std::string> places;
  Scope scope{
      .context = kServer, .main = call.scope.main, .level = &level, .server = &server, .ifs = &ifs, .places = &places};
  call.builder.apply(*call.directive.block, scope);
  read_ifs(call.builder, scope);
  if (server.listens.empty()) {
    ListenModel listen;
    listen.address = default_address();
    listen.written = listen.address.to_string();
    listen.position = server.position;
    listen.at = server.at;
    server.listens.push_back(std::move(listen));
  }
  if (server.names.empty()) server.names.emplace_back();
  server.server = level.server;
  server.resolver = level.resolver;
  server.tls = std::move(level.tls);
  server.settings = std::move(level.location);
  if (server.settings.returns && !server.locations.empty()) {
    // nginx answers a server's "return" before it looks for a location.
    call.warning("the locations of this server are never reached, its \"return\" comes first");
    server.locations.clear();
  }
  call.builder.model().servers.push_back(std::move(server));
}

void show_servers(Dump& dump, const Scope& scope) {
  for (const ServerModel& each : scope.model->servers) {
    Level level{.location = each.settings, .server = each.server, .resolver = each.resolver, .tls = each.tls};
    ServerModel copy = each;
    dump.block("server",
               {.context = kServer, .model = scope.model, .main = scope.main, .level = &level, .server = &copy});
  }
}

const Row kRows[] = {
    {
        .name = "server",
        .contexts = kHttp,
        .kind = {.form = "{ ... }", .least_args = 0, .most_args = 0},
        .help = "A virtual server.",
        .times = Times::kMany,
        .turn = Turn::kChildren,
        .open = open_server,
        .show = show_servers,
    },
};

// Upstreams that a server's locations pass to.
void collect(const std::vector<LocationModel>& locations, std::set<int>& into) {
  for (const LocationModel& each : locations) {
    if (each.settings.pass && each.settings.pass->cluster >= 0) into.insert(each.settings.pass->cluster);
    collect(each.nested, into);
  }
}

}  // namespace

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

void Builder::hint_at_trust() {
  if (trusts_ || forwarded_.empty()) return;
  const auto& [at, name] = forwarded_.front();
  diagnostics_.warning(at, "\"$" + name + "\" can be written by any client: \"set_real_ip_from ADDRESS;\" names a " +
                               "balancer in front that is trusted for X-Forwarded-*");
}

std::span<const Row> server_block_rows() {
  return kRows;
}

}  // namespace weir::config
