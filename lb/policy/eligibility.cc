// What the inner loops do not need inline.
#include "policy/eligibility.h"

#include <algorithm>
#include <functional>

namespace weir::policy {

PeerList::PeerList(const std::vector<Peer>& peers, bool ignore_passive)
    : peers_(peers), ignore_passive_(ignore_passive) {
  rows_.reserve(peers.size());
  loads_.reserve(peers.size());
  ends_.reserve(peers.size());
  uint64_t end = 0;
  for (const Peer& peer : peers) {
    const uint32_t weight = std::max(peer.options.weight, 1u);
    rows_.push_back({peer.state.get(), weight, peer.options.max_conns, peer.options.down || peer.options.drain});
    loads_.push_back(&peer.state->inflight);
    ends_.push_back(end += weight);
  }
}

size_t PeerList::index_of(const Peer* peer) const {
  const std::less<const Peer*> before;
  const Peer* const first = peers_.data();
  if (before(peer, first) || !before(peer, first + peers_.size())) return kNone;
  return static_cast<size_t>(peer - first);
}

size_t PeerList::peer_at(uint64_t at) const {
  return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
}

bool PeerList::any_fit(MonoMs now, const TriedSet* tried) const {
  for (size_t i = 0; i < size(); ++i)
    if (fitness(i, now, tried) == Fitness::kFit) return true;
  return false;
}

}  // namespace weir::policy
