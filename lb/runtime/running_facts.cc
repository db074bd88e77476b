#include "runtime/running_facts.h"

#include <algorithm>
#include <utility>

#include "proxy/site.h"
#include "runtime/handed_state.h"
#include "runtime/runtime.h"
#include "runtime/session_table.h"

namespace weir::runtime {
namespace {

template <class Visit>
void each_peer(const policy::Cluster& cluster, Visit visit) {
  for (const auto* peers : {&cluster.primaries(), &cluster.backups()})
    for (const policy::Peer& peer : *peers) visit(peer);
}

void copy_peer(const policy::PeerState& from, const policy::Peer& peer) {
  policy::PeerState& to = *peer.state;
  to.check_down = from.check_down.load();
  to.drain = from.drain.load();
  to.admin_down = from.admin_down.load();
  to.ramp_from = from.ramp_from.load();
  to.inflight = from.inflight.load();
  to.tunnels = from.tunnels.load();
  to.check_passes = from.check_passes.load();
  to.unreachable = from.unreachable.load();
  to.stats.header_time = from.stats.header_time.load();
  to.stats.last_byte_time = from.stats.last_byte_time.load();
  if (const MonoMs until = from.passive.ejected_until(); until != 0) eject(to.passive, peer.options.passive, until);
}

}  // namespace

RunningFacts running_facts(const Runtime& runtime) {
  RunningFacts facts;
  facts.model = runtime.model;
  facts.overrides = runtime.overrides;
  facts.in_use = runtime.registry.in_use();
  facts.now = runtime.loop.now();
  for (const config::UpstreamModel& upstream : runtime.model->upstreams) {
    const auto cluster = runtime.site->cluster_by_name.find(upstream.name);
    if (cluster == runtime.site->cluster_by_name.end()) continue;
    for (const config::UpstreamServer& server : upstream.servers) {
      if (server.host.empty()) continue;
      std::vector<io::ResolvedPeer>& found = facts.names[question_of(upstream, server)];
      each_peer(*runtime.site->clusters[static_cast<size_t>(cluster->second)].cluster, [&](const policy::Peer& peer) {
        if (peer.options.server != server.written) return;
        const uint32_t weight = server.service.empty() ? 0 : std::min(peer.options.weight, 65'535U);
        found.push_back({peer.options.address, static_cast<uint16_t>(weight), peer.options.backup});
      });
    }
  }
  return facts;
}

ResolveName RunningFacts::resolver() const {
  return [this](const NameQuestion& question) -> Result<std::vector<io::ResolvedPeer>> {
    const auto found = names.find(question);
    if (found == names.end() || found->second.empty()) return Unexpected{std::string("host not found")};
    return found->second;
  };
}

const policy::PeerState* RunningFacts::peer(const std::string& upstream, const policy::Peer& peer) const {
  const auto found = in_use.peers.find({upstream, peer.options.address.to_string()});
  return found == in_use.peers.end() ? nullptr : found->second.get();
}

void copy_state(const RunningFacts& facts, const proxy::Site& site) {
  for (const proxy::SiteCluster& each : site.clusters) {
    each_peer(*each.cluster, [&](const policy::Peer& peer) {
      if (const policy::PeerState* state = facts.peer(each.cluster->name(), peer)) copy_peer(*state, peer);
    });
    if (each.sticky == nullptr || each.sticky->sessions == nullptr) continue;
    const auto table = facts.in_use.sessions.find(each.sticky->options.zone);
    if (table != facts.in_use.sessions.end())
      table->second->each([&each](std::string_view session, uint64_t peer, MonoMs seen) {
        each.sticky->sessions->bind(session, peer, seen);
      });
  }
}

}  // namespace weir::runtime
