// random: a weighted draw; random two: the less loaded of two draws (SEMANTICS 2.5; Mitzenmacher 2001, the power of two
// choices).
#include "policy/list_balancer.h"

namespace weir::policy {
namespace {

constexpr int kMostMisses = 20;

class Random final : public ListBalancer {
 public:
  Random(const Cluster& cluster, Place place, bool two) : ListBalancer(cluster, place), two_(two) {}

 protected:
  Pick choose(Turn& turn) override {
    if (primaries().size() < 2 || turn.ctx.rng == nullptr) return round_robin(turn);
    size_t first = PeerList::kNone;
    for (int misses = 0; misses <= kMostMisses; ++misses) {
      const size_t i = primaries().peer_at(turn.ctx.rng->below(primaries().total_weight()));
      if (i == first || !usable(i, turn)) continue;
      if (two_ && first == PeerList::kNone) {
        first = i;
        continue;
      }
      const Pick pick = claim(two_ ? less_loaded(first, i) : i, turn);
      if (pick.peer != nullptr) return pick;
      first = PeerList::kNone;
    }
    return round_robin(turn);
  }

 private:
  size_t less_loaded(size_t first, size_t second) {
    const uint64_t of_first = uint64_t{primaries().conns(first)} * primaries().weight(second);
    const uint64_t of_second = uint64_t{primaries().conns(second)} * primaries().weight(first);
    return of_second > of_first ? first : second;
  }

  bool two_;
};

}  // namespace

std::unique_ptr<Balancer> make_random(const Cluster& cluster, Place place) {
  return std::make_unique<Random>(cluster, place, false);
}

std::unique_ptr<Balancer> make_random_two(const Cluster& cluster, Place place) {
  return std::make_unique<Random>(cluster, place, true);
}

}  // namespace weir::policy
