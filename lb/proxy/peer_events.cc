// What control says of one peer while requests and WebSockets are on it: a check took it down, the operator drains it.
#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/session.h"
#include "proxy/subrequest.h"
#include "proxy/tunnel.h"
#include "upstream/pool.h"

namespace weir::proxy {

void Core::peer_down(const policy::PeerState& state) {
  for (const auto& epoch : epochs_) {
    const Site& site = epoch->site();
    for (size_t i = 0; i < site.clusters.size(); ++i) {
      const auto close_idle = [&](const policy::Peer& peer) {
        if (peer.state.get() != &state) return;
        const WorkerCluster& mine = epoch->cluster(static_cast<int>(i));
        mine.pooled.group().close_idle(mine.pooled.slot(peer.index));
        for (const TlsPeers& each : mine.tls) each.pooled.group().close_idle(each.pooled.slot(peer.index));
      };
      const policy::Cluster& cluster = *site.clusters[i].cluster;
      std::for_each(cluster.primaries().begin(), cluster.primaries().end(), close_idle);
      std::for_each(cluster.backups().begin(), cluster.backups().end(), close_idle);
    }
  }
  sessions_.for_each([&](Session& session) { session.peer_down(state); });
  IntrusiveList<SubrequestLink> waiting;  // one that moves on may end others, or begin some
  waiting.take_all(subrequests_);
  while (SubrequestLink* link = waiting.front()) {
    subrequests_.push_back(*link);
    link->subrequest.peer_down(state);
  }
  IntrusiveList<LoneFetch> alone;  // likewise
  alone.take_all(lone_fetches_);
  while (LoneFetch* fetch = alone.front()) {
    lone_fetches_.push_back(*fetch);
    fetch->peer_down(state);
  }
}

void Core::close_tunnels(const std::shared_ptr<policy::PeerState>& state, uint16_t code, Millis spread) {
  close_tunnels_of(state.get(), code, spread);
}

void Core::close_all_tunnels(uint16_t code, Millis spread) {
  keep_tunnels_ = false;
  close_tunnels_of(nullptr, code, spread);
}

// Null: of every peer.
void Core::close_tunnels_of(const policy::PeerState* state, uint16_t code, Millis spread) {
  const auto is_one = [state](const Tunnel& tunnel) { return state == nullptr || tunnel.is_on(*state); };
  MonoMs count = 0;
  tunnels_.for_each([&](const Tunnel& tunnel) { count += is_one(tunnel) ? 1 : 0; });
  MonoMs index = 0;
  tunnels_.for_each([&](Tunnel& tunnel) {
    if (!is_one(tunnel)) return;
    const MonoMs wait = spread.count() * index++ / count;
    wait == 0 ? tunnel.drain(code) : tunnel.drain_at(loop_.now() + wait, code);
  });
}

void Session::peer_down(const policy::PeerState& state) {
  if (state_ == State::kBusy && busy_->exchange != nullptr) busy_->exchange->peer_down(state);
}

// Rule (d) of SEMANTICS 2.6. Who may not be sent again, or could go nowhere, waits on: the peer may come back to its
// senses before the timeout.
void ProxyContent::peer_down(const policy::PeerState& state) {
  if (attempt_.peer == nullptr || attempt_.peer->state.get() != &state) return;
  if (attempt_.is_leased() && attempt_.lease.bytes_received() > 0) return;
  if (would_go_elsewhere(ErrorKind::kDeclaredDown)) attempt_failed(ErrorKind::kDeclaredDown);
}

}  // namespace weir::proxy
