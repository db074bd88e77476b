// random: a weighted draw; random two: the less loaded of two draws, by requests in flight or by these and the time
// that requests take (SEMANTICS 2.5; Mitzenmacher 2001, the power of two choices).
#include <optional>

#include "policy/list_balancer.h"
#include "policy/response_time.h"

namespace weir::policy {
namespace {

constexpr int kMostMisses = 20;

class Random final : public ListBalancer {
 public:
  Random(const Cluster& cluster, const Beginning& beginning)
      : ListBalancer(cluster, beginning), two_(cluster.method() != Method::kRandom) {
    if (two_ && cluster.method() != Method::kRandomTwo) times_.emplace(primaries(), cluster.method());
    const auto* const former = dynamic_cast<const Random*>(beginning.former);
    if (times_ && former != nullptr && former->times_)
      times_->inherit(*former->times_, primaries().indices_in(former->primaries()));
  }

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
      const Pick pick = claim(two_ ? less_loaded(first, i, turn.ctx.now) : i, turn);
      if (pick.peer != nullptr) return pick;
      first = PeerList::kNone;
    }
    return round_robin(turn);
  }

  void picked(const Peer& peer, MonoMs now) override {
    if (!times_) return;
    if (const size_t i = primaries().index_of(&peer); i != PeerList::kNone) times_->picked(i, now);
  }

 private:
  size_t less_loaded(size_t first, size_t second, MonoMs now) {
    const uint64_t of_first = load(first, now) * primaries().weight(second);
    const uint64_t of_second = load(second, now) * primaries().weight(first);
    return of_second > of_first ? first : second;
  }

  uint64_t load(size_t i, MonoMs now) {
    const uint64_t conns = primaries().conns(i);
    return times_ ? (conns + 1) * times_->step(i, now) : conns;
  }

  bool two_;
  std::optional<ResponseTimes> times_;  // with least_time=
};

}  // namespace

std::unique_ptr<Balancer> make_random(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<Random>(cluster, beginning);
}

}  // namespace weir::policy
