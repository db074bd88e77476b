// hash KEY consistent: a key belongs to the next point of the ring; a change of the list moves few keys
// (SEMANTICS 2.4).
#include <algorithm>
#include <span>

#include "base/hash.h"
#include "policy/list_balancer.h"
#include "policy/ring.h"

namespace weir::policy {
namespace {

constexpr int kMostMisses = 20;

class HashConsistent final : public ListBalancer {
 public:
  HashConsistent(const Cluster& cluster, const Beginning& beginning)
      : ListBalancer(cluster, beginning), ring_(*cluster.ring()) {}

 protected:
  Pick choose(Turn& turn) override {
    if (turn.ctx.key.empty() || primaries().size() < 2) return round_robin(turn);
    const auto& points = ring_.points();
    size_t at = ring_.find(crc32(turn.ctx.key));
    for (int misses = 0; misses <= kMostMisses; ++misses) {
      const Pick pick = pick_address(turn, ring_.peers_of(points[at]));
      if (pick.peer != nullptr) return pick;
      at = at + 1 == points.size() ? 0 : at + 1;
    }
    return round_robin(turn);
  }

 private:
  // Several addresses of one name take turns.
  Pick pick_address(Turn& turn, std::span<const uint32_t> peers) {
    FitnessSet seen;
    for (const uint32_t i : peers) {
      const Fitness fitness = primaries().fitness(i, turn.ctx.now, turn.ctx.tried);
      primaries().note(i, fitness);
      seen.add(fitness);
    }
    return settle(primaries(), turn, worst_of(seen, turn),
                  [this, peers](Fitness worst) { return primaries().next_of(peers, worst); });
  }

  const Ring& ring_;
};

}  // namespace

std::unique_ptr<Balancer> make_hash_consistent(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<HashConsistent>(cluster, beginning);
}

}  // namespace weir::policy
