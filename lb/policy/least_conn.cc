// least_conn: the fewest requests in flight for its weight, among equals by round robin (SEMANTICS 2.5).
#include <numeric>
#include <vector>

#include "policy/list_balancer.h"

namespace weir::policy {
namespace {

class LeastConn final : public ListBalancer {
 public:
  LeastConn(const Cluster& cluster, Place place)
      : ListBalancer(cluster, place), primary_loads_(primaries()), backup_loads_(backups()) {}

 protected:
  Pick choose(Turn& turn) override {
    Pick pick = pick_least(turn, primaries(), primary_loads_);
    if (pick.peer == nullptr && backups().size() > 0) pick = pick_least(turn, backups(), backup_loads_);
    return pick;
  }

 private:
  // conns / weight as whole numbers: conns times what the peer's weight lacks to the least common multiple of all.
  struct Loads {
    explicit Loads(const SmoothList& list) : load(list.size()), equal(list.blank_notes()) {
      // Weights without a common multiple that fits are compared by rounded shares.
      constexpr uint64_t kMost = UINT32_MAX;
      uint64_t common = 1;
      for (size_t i = 0; i < list.size() && common <= kMost; ++i) common = std::lcm(common, uint64_t{list.weight(i)});
      for (size_t i = 0; i < list.size(); ++i) factor.push_back(std::min(common, kMost) / list.weight(i));
    }
    std::vector<uint64_t> factor;
    std::vector<uint64_t> load;
    std::vector<int32_t> equal;  // notes: kFit where the load is the least
  };

  Pick pick_least(Turn& turn, SmoothList& list, Loads& loads) {
    return pick_from(list, turn, [&list, &loads](Standing worst) {
      uint64_t* const load = loads.load.data();
      const uint64_t* const factor = loads.factor.data();
      uint64_t least = UINT64_MAX;
      size_t equals = 0;
      size_t first = PeerList::kNone;
      for (size_t i = 0; i < list.size(); ++i) {
        const bool in = list.noted(i) <= worst;
        // Kept: other workers change the count between here and the tie-break.
        load[i] = in ? list.conns(i) * factor[i] : UINT64_MAX;
        equals += load[i] == least;
        if (load[i] < least) {
          least = load[i];
          first = i;
          equals = 1;
        }
      }
      if (first == PeerList::kNone || equals == 1) return first;
      int32_t* const notes = loads.equal.data();
      for (size_t i = 0; i < list.size(); ++i)
        notes[i] = static_cast<int32_t>(load[i] == least ? Standing::kFit : Standing::kNever);
      return list.next(loads.equal, Standing::kFit);
    });
  }

  Loads primary_loads_, backup_loads_;
};

}  // namespace

std::unique_ptr<Balancer> make_least_conn(const Cluster& cluster, Place place) {
  return std::make_unique<LeastConn>(cluster, place);
}

}  // namespace weir::policy
