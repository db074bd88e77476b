// Who may be picked now: one list of peers (primaries or backups), laid out for the loops of the balancers.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/cluster.h"

namespace weir::policy {

// Why a peer can or cannot be had, least in the way first: a pick names the worst that it still takes.
enum class Fitness : uint8_t {
  kFit,
  kProbe,    // the ejection is over: for the one request that wins take_probe()
  kOut,      // passively out
  kFull,     // at max_conns
  kFullOut,  // both
  kNever,    // tried; or down by configuration, check, drain or hand
};

// Which fitnesses a survey met.
class FitnessSet {
 public:
  void add(Fitness fitness) { bits_ |= bit(fitness); }
  void add(FitnessSet others) { bits_ |= others.bits_; }
  bool has(Fitness fitness) const { return (bits_ & bit(fitness)) != 0; }
  bool has_passive() const {
    return (bits_ & (bit(Fitness::kProbe) | bit(Fitness::kOut) | bit(Fitness::kFullOut))) != 0;
  }
  bool all_fit() const { return bits_ == bit(Fitness::kFit); }

 private:
  static constexpr unsigned bit(Fitness fitness) { return 1u << static_cast<unsigned>(fitness); }
  unsigned bits_ = 0;
};

class PeerList {
 public:
  static constexpr size_t kNone = SIZE_MAX;

  // `ignore_passive`: the peers are never out passively. `peers` outlives the list.
  PeerList(const std::vector<Peer>& peers, bool ignore_passive);

  size_t size() const { return rows_.size(); }
  const Peer& peer(size_t i) const { return peers_[i]; }
  size_t index_of(const Peer* peer) const;
  uint32_t weight(size_t i) const { return row(i).weight; }
  uint32_t conns(size_t i) const { return loads_.data()[i]->load(std::memory_order_relaxed); }
  PeerState& state(size_t i) const { return *row(i).state; }
  PassiveState& passive(size_t i) const { return row(i).state->passive; }

  // Weights laid end to end, those of peers that are down too: the peer on which `at` (below total_weight) falls.
  uint64_t total_weight() const { return ends_.empty() ? 0 : ends_.back(); }
  size_t peer_at(uint64_t at) const;

  // Without a look at the load or at what was tried: kFit, kProbe, kOut or kNever.
  Fitness health(size_t i, MonoMs now) const {
    const Row& row = this->row(i);
    return row.down || row.state->hard_down() ? Fitness::kNever : passive_health(i, now);
  }
  // The same for a request that is bound to the peer.
  Fitness bound_health(size_t i, MonoMs now) const {
    return peer(i).hard_down(true) ? Fitness::kNever : passive_health(i, now);
  }
  Fitness passive_health(size_t i, MonoMs now) const {
    if (ignore_passive_) return Fitness::kFit;
    switch (passive(i).verdict(now)) {
      case PassiveState::Verdict::kIn: return Fitness::kFit;
      case PassiveState::Verdict::kProbe: return Fitness::kProbe;
      case PassiveState::Verdict::kOut: break;
    }
    return Fitness::kOut;
  }
  // Its health, less so when it is at max_conns.
  Fitness with_load(size_t i, Fitness health) const {
    const Row& row = this->row(i);
    if (row.max_conns == 0 || health == Fitness::kNever || conns(i) < row.max_conns) return health;
    return health == Fitness::kFit ? Fitness::kFull : Fitness::kFullOut;
  }
  // `tried` may be null.
  Fitness fitness(size_t i, MonoMs now, const TriedSet* tried) const {
    return is_tried(i, tried) ? Fitness::kNever : with_load(i, health(i, now));
  }
  bool is_tried(size_t i, const TriedSet* tried) const { return tried != nullptr && tried->contains(&peer(i)); }
  uint32_t max_conns(size_t i) const { return row(i).max_conns; }
  bool any_fit(MonoMs now, const TriedSet* tried) const;
  // Of each peer its index in a list of another snapshot, kNone where that has no peer of this state. Of several peers
  // with one state the first is the other's first.
  std::vector<size_t> indices_in(const PeerList& other) const;

 protected:
  const std::vector<const std::atomic<uint32_t>*>& loads() const { return loads_; }

 private:
  struct Row {
    PeerState* state;
    uint32_t weight;
    uint32_t max_conns;
    bool down;  // by configuration, its `drain` too
  };

  // Unchecked: the loops of a pick run over it.
  const Row& row(size_t i) const { return rows_.data()[i]; }

  const std::vector<Peer>& peers_;
  std::vector<Row> rows_;
  std::vector<const std::atomic<uint32_t>*> loads_;
  std::vector<uint64_t> ends_;
  bool ignore_passive_;
};

}  // namespace weir::policy
