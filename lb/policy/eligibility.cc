// What the inner loops do not need inline.
#include "policy/eligibility.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

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

std::vector<size_t> PeerList::indices_in(const PeerList& other) const {
  std::vector<size_t> out(size(), kNone);
  std::unordered_multimap<const PeerState*, size_t> rest;
  for (size_t k = other.size(); k-- > 0;) rest.emplace(other.row(k).state, k);
  for (size_t i = 0; i < size(); ++i) {
    const auto [begin, end] = rest.equal_range(row(i).state);
    if (begin == end) continue;
    const auto first = std::min_element(begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    out[i] = first->second;
    rest.erase(first);
  }
  return out;
}

bool PeerList::any_fit(MonoMs now, const TriedSet* tried) const {
  for (size_t i = 0; i < size(); ++i)
    if (fitness(i, now, tried) == Fitness::kFit) return true;
  return false;
}

}  // namespace weir::policy
