// least_conn: the fewest requests in flight for its weight, among equals by round robin (SEMANTICS 2.5).
#include <algorithm>
#include <vector>

#include "policy/list_balancer.h"

namespace weir::policy {
namespace {

class LeastConn final : public ListBalancer {
 public:
  LeastConn(const Cluster& cluster, Place place)
      : ListBalancer(cluster, place), conns_(std::max(primaries().size(), backups().size())) {}

 protected:
  Pick choose(Turn& turn) override {
    for (SmoothList* list : {&primaries(), &backups()}) {
      const Pick pick = pick_from(*list, turn, [this, list](Standing worst) { return least(*list, worst); });
      if (pick.peer != nullptr) return pick;
    }
    return {};
  }

 private:
  size_t least(SmoothList& list, Standing worst) {
    size_t best = PeerList::kNone;
    bool tied = false;
    for (size_t i = 0; i < list.size(); ++i) {
      if (list.noted(i) > worst) continue;
      // Kept: other workers change the count between here and the tie-break.
      conns_[i] = list.conns(i);
      if (best == PeerList::kNone || load(list, i, best) < load(list, best, i)) {
        best = i;
        tied = false;
      } else if (load(list, i, best) == load(list, best, i)) {
        tied = true;
      }
    }
    if (!tied) return best;
    const auto candidate = [](size_t n) { return n; };
    return list.next(list.size(), candidate, worst,
                     [this, &list, best](size_t i) { return load(list, i, best) == load(list, best, i); });
  }

  // conns / weight of `a` and of `b` compare as load(a, b) and load(b, a) do.
  uint64_t load(const SmoothList& list, size_t a, size_t b) const { return uint64_t{conns_[a]} * list.weight(b); }

  std::vector<uint32_t> conns_;
};

}  // namespace

std::unique_ptr<Balancer> make_least_conn(const Cluster& cluster, Place place) {
  return std::make_unique<LeastConn>(cluster, place);
}

}  // namespace weir::policy
