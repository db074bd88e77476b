// upstream{}: a group of servers.
#include <map>

#include "base/bytes.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/words.h"
#include "policy/ring.h"

namespace weir::config {
namespace {

bool has_server_of(const UpstreamModel& a, const UpstreamModel& b) {
  return std::all_of(a.servers.begin(), a.servers.end(), [&](const UpstreamServer& each) {
    return std::any_of(b.servers.begin(), b.servers.end(),
                       [&](const UpstreamServer& other) { return other.written == each.written; });
  });
}

// A cookie's value stands for a server in all upstreams: where they have others, each takes the client's from it.
void warn_of_shared_cookie(const Call& call, const UpstreamModel& upstream) {
  using Kind = proxy::StickyOptions::Kind;
  const proxy::StickyOptions& sticky = upstream.sticky;
  if (sticky.kind != Kind::kCookie) return;
  const auto& block = *call.directive.block;
  const auto at = std::find_if(block.begin(), block.end(), [](const Directive& each) { return each.name == "sticky"; });
  if (at == block.end()) return;
  for (const UpstreamModel& other : call.builder.model().upstreams) {
    const bool same = other.sticky.kind == Kind::kCookie && other.sticky.cookie == sticky.cookie &&
                      other.sticky.path == sticky.path && other.sticky.domain == sticky.domain;
    if (!same || (has_server_of(upstream, other) && has_server_of(other, upstream))) continue;
    call.builder.diagnostics().warning(
        at->at, "upstream \"" + other.name + "\" has other servers and the same cookie \"" + sticky.cookie +
                    "\": a client of both loses its server with each change, give them two names");
    return;
  }
}

// As the ring counts it: a name that stands in several lines has the greatest weight of them.
void warn_of_great_weights(const Call& call, const UpstreamModel& upstream) {
  if (upstream.method != policy::Method::kHashConsistent) return;
  const auto& block = *call.directive.block;
  const auto at = std::find_if(block.begin(), block.end(), [](const Directive& each) { return each.name == "hash"; });
  if (at == block.end()) return;
  std::map<std::string_view, uint32_t> weights;
  for (const UpstreamServer& each : upstream.servers) {
    uint32_t& weight = weights[each.written];
    weight = std::max(weight, each.options.weight);
  }
  uint64_t sum = 0;
  for (const auto& [name, weight] : weights) sum += weight;
  if (sum <= policy::Ring::kMostWeight) return;
  call.builder.diagnostics().warning(at->at,
                                     "weights of upstream \"" + upstream.name + "\" are " + std::to_string(sum) +
                                         " together: \"hash ... consistent\" divides them all, so that they are " +
                                         std::to_string(policy::Ring::kMostWeight) + " at most, nginx does not");
}

void open_upstream(Call& call) {
  Builder& builder = call.builder;
  UpstreamModel upstream;
  upstream.name = call.arg(0);
  upstream.position = call.directive.at.to_string();
  builder.prepare_upstream(upstream, call.scope.level->resolver);
  Scope scope{.context = kUpstream, .main = call.scope.main, .upstream = &upstream};
  builder.apply(*call.directive.block, scope);
  const bool has_server = std::any_of(call.directive.block->begin(), call.directive.block->end(),
                                      [](const Directive& each) { return each.name == "server"; });
  if (!has_server) call.error("no servers are inside upstream \"" + upstream.name + "\"");
  const auto& servers = upstream.servers;
  if (!servers.empty() &&
      std::all_of(servers.begin(), servers.end(), [](const UpstreamServer& each) { return each.options.backup; }))
    call.error("no servers but backups are inside upstream \"" + upstream.name + "\"");
  if (builder.find_upstream(upstream.name, false) >= 0)
    return call.error("duplicate upstream \"" + upstream.name + "\"");
  warn_of_shared_cookie(call, upstream);
  warn_of_great_weights(call, upstream);
  builder.add_upstream(std::move(upstream));
}

void show_upstreams(Dump& dump, const Scope& scope) {
  for (const UpstreamModel& each : scope.model->upstreams) {
    if (each.implicit) continue;
    UpstreamModel copy = each;
    dump.block("upstream " + quote_word(each.name),
               {.context = kUpstream, .model = scope.model, .main = scope.main, .upstream = &copy});
  }
}

const Row kRows[] = {
    {
        .name = "upstream",
        .contexts = kHttp,
        .kind = {.form = "NAME { ... }"},
        .help = "A group of servers.",
        .times = Times::kMany,
        .turn = Turn::kUpstreams,
        .open = open_upstream,
        .show = show_upstreams,
    },
};

}  // namespace

void Builder::prepare_upstream(UpstreamModel& upstream, const ResolverOptions& resolver) {
  upstream.resolver = resolver;
  Scope scope{.context = kUpstream, .main = &model_.main, .upstream = &upstream};
  apply_nginx_defaults(scope);
  if (!model_.main.nginx_defaults) return;
  upstream.panic = false;
  if (upstream.implicit) upstream.settings.pool.max_idle = 0;  // its keepalive is of upstream{} alone
}

int Builder::find_upstream(std::string_view name, bool implicit) const {
  const auto& map = implicit ? implicit_ : upstreams_;
  const auto it = map.find(lowered(name));
  return it == map.end() ? -1 : it->second;
}

int Builder::add_upstream(UpstreamModel upstream) {
  const int index = static_cast<int>(model_.upstreams.size());
  (upstream.implicit ? implicit_ : upstreams_)[lowered(upstream.name)] = index;
  model_.upstreams.push_back(std::move(upstream));
  return index;
}

void Builder::note_zone(const std::string& name, std::optional<int64_t> size, const Position& at) {
  constexpr int64_t kLeast = 32 * 1024;  // nginx's: eight pages
  SharedZone& zone = shared_zones_.try_emplace(name, SharedZone{at}).first->second;
  if (!size) return;
  if (*size < kLeast) diagnostics_.error(at, "zone \"" + name + "\" is too small, the least is 32k");
  if (zone.size != 0 && zone.size != *size)
    diagnostics_.error(at, "the size of zone \"" + name + "\" conflicts with that of another upstream");
  zone.size = std::max(*size, kLeast);
}

void Builder::check_zones() {
  for (const auto& [name, zone] : shared_zones_)
    if (zone.size == 0) diagnostics_.error(zone.at, "zone \"" + name + "\" has no size at any upstream, like 64k");
}

std::span<const Row> upstream_block_rows() {
  return kRows;
}

}  // namespace weir::config
