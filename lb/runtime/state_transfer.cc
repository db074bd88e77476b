// The state of a running weir as a value, and back into one that is about to serve.
#include <algorithm>
#include <map>
#include <utility>

#include "io/tls_session_cache.h"
#include "runtime/handed_state.h"
#include "runtime/limit_tables.h"
#include "runtime/runtime.h"
#include "runtime/session_table.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {
namespace {

// Of all entries of zones: what does not fit any more stays behind, the least used ones of a zone first.
class Room {
 public:
  bool takes(size_t bytes) {
    if (bytes + kUpkeep > left_) return false;
    left_ -= bytes + kUpkeep;
    return true;
  }

 private:
  static constexpr size_t kUpkeep = 32;  // an entry's numbers and lengths
  size_t left_ = kMostHandedBytes / 2;
};

void gather_peers(const Registry::InUse& in_use, HandedState& state) {
  for (const auto& [key, peer] : in_use.peers) {
    HandedPeer& out = state.peers.emplace_back();
    out.upstream = key.first;
    out.address = key.second;
    out.ejected_until = peer->passive.ejected_until();
    out.check_passes = peer->check_passes.load();
    out.unreachable = peer->unreachable.load();
    out.ramp_from = peer->ramp_from.load();
    out.header_time = peer->stats.header_time.load();
    out.last_byte_time = peer->stats.last_byte_time.load();
  }
}

std::map<const policy::PeerState*, policy::PassiveOptions> passive_options(const proxy::Site& site) {
  std::map<const policy::PeerState*, policy::PassiveOptions> out;
  for (const proxy::SiteCluster& each : site.clusters)
    for (const auto* peers : {&each.cluster->primaries(), &each.cluster->backups()})
      for (const policy::Peer& peer : *peers) out.emplace(peer.state.get(), peer.options.passive);
  return out;
}

void restore_peer(const HandedPeer& from, policy::PeerState& peer, const policy::PassiveOptions& options) {
  if (from.ejected_until != 0) eject(peer.passive, options, from.ejected_until);
  peer.check_passes = from.check_passes;
  peer.unreachable = from.unreachable;
  peer.ramp_from = from.ramp_from;
  peer.stats.header_time = from.header_time;
  peer.stats.last_byte_time = from.last_byte_time;
}

}  // namespace

void eject(policy::PassiveState& passive, const policy::PassiveOptions& options, MonoMs until) {
  const MonoMs at = until - options.fail_timeout.count();
  for (uint32_t i = 0; i < options.max_fails && passive.ejected_until() == 0; ++i) passive.failure(at);
}

HandedState gather_state(const Runtime& runtime) {
  HandedState state;
  state.overrides = runtime.overrides;
  const Registry::InUse in_use = runtime.registry.in_use();
  gather_peers(in_use, state);
  state.checks = runtime.health->standings();
  state.tickets = runtime.registry.ticket_keys()->ring();
  Room room;
  for (const auto& [zone, table] : in_use.sessions)
    table->each([&room, &out = state.sessions[zone]](std::string_view session, uint64_t peer, MonoMs seen) {
      if (room.takes(session.size())) out.push_back({std::string(session), peer, seen});
    });
  for (const auto& [zone, table] : in_use.rates)
    table->each([&room, &out = state.rates[zone]](std::string_view key, const policy::Bucket& bucket) {
      if (room.takes(key.size())) out.push_back({std::string(key), bucket});
    });
  for (const auto& [zone, cache] : in_use.tls_sessions)
    cache->each(
        [&room, &out = state.tls_sessions[zone]](std::string_view id, const std::string& session, MonoMs expires) {
          if (room.takes(id.size() + session.size())) out.push_back({std::string(id), session, expires});
        });
  return state;
}

void restore_state(HandedState state, Runtime& runtime) {
  const Registry::InUse in_use = runtime.registry.in_use();
  const auto options = passive_options(*runtime.site);
  for (const HandedPeer& each : state.peers) {
    const auto peer = in_use.peers.find({each.upstream, each.address});
    if (peer == in_use.peers.end()) continue;
    const auto known = options.find(peer->second.get());
    if (known != options.end()) restore_peer(each, *peer->second, known->second);
  }
  runtime.health->restore(std::move(state.checks));
  runtime.registry.ticket_keys()->restore(std::move(state.tickets));
  for (const auto& [zone, entries] : state.sessions)
    if (const auto table = in_use.sessions.find(zone); table != in_use.sessions.end())
      std::for_each(entries.rbegin(), entries.rend(),
                    [&](const HandedSession& each) { table->second->bind(each.session, each.peer, each.seen); });
  for (const auto& [zone, entries] : state.rates)
    if (const auto table = in_use.rates.find(zone); table != in_use.rates.end())
      std::for_each(entries.rbegin(), entries.rend(),
                    [&](const HandedBucket& each) { table->second->put(each.key, each.bucket); });
  for (auto& [zone, entries] : state.tls_sessions)
    if (const auto cache = in_use.tls_sessions.find(zone); cache != in_use.tls_sessions.end())
      for (HandedTlsSession& each : entries) cache->second->put(each.id, std::move(each.session), each.expires);
}

}  // namespace weir::runtime
