// What least_conn and least_time share: the least load for its weight, among equals by round robin.
#pragma once
#include <algorithm>
#include <numeric>
#include <vector>

#include "policy/list_balancer.h"

namespace weir::policy {

class LeastLoadBalancer : public ListBalancer {
 protected:
  // Requests in flight are counted in sixteenths, because a peer that ramps up counts them more than once.
  static constexpr uint32_t kRequest = 16;

  // Weights without a common multiple up to `most` are compared by rounded shares; `most` times a load fits in 64 bits.
  LeastLoadBalancer(const Cluster& cluster, Place place, uint64_t most)
      : ListBalancer(cluster, place), primary_loads_(primaries(), most), backup_loads_(backups(), most) {}

  // `load_of(list, i, requests)`: before weight.
  template <class LoadOf>
  Pick pick_least(Turn& turn, LoadOf load_of) {
    Pick pick = pick_least(turn, primaries(), primary_loads_, load_of);
    if (pick.peer == nullptr && backups().size() > 0) pick = pick_least(turn, backups(), backup_loads_, load_of);
    return pick;
  }

 private:
  // load / weight as whole numbers: load times what the peer's weight lacks to the least common multiple of all.
  struct Loads {
    Loads(const SmoothList& list, uint64_t most) : load(list.size()), equal(list.blank_notes()) {
      uint64_t common = 1;
      for (size_t i = 0; i < list.size() && common <= most; ++i) common = std::lcm(common, uint64_t{list.weight(i)});
      for (size_t i = 0; i < list.size(); ++i)
        factor.push_back(std::max<uint64_t>(std::min(common, most) / list.weight(i), 1));
      cost.assign(list.size(), kRequest);
    }
    // At a tenth of its weight a peer's requests count ten times.
    void scale(std::span<const SmoothList::Ramp> ramps) {
      for (const uint32_t i : scaled) cost[i] = kRequest;
      scaled.clear();
      for (const SmoothList::Ramp& ramp : ramps) {
        cost[ramp.peer] = kRequest * 1000 / ramp.share;
        scaled.push_back(ramp.peer);
      }
    }
    std::vector<uint64_t> factor;
    std::vector<uint32_t> cost;  // of a request in flight
    std::vector<uint64_t> load;
    std::vector<int32_t> equal;    // notes: kFit where the load is the least
    std::vector<uint32_t> scaled;  // whose cost is not kRequest
  };

  template <class LoadOf>
  Pick pick_least(Turn& turn, SmoothList& list, Loads& loads, LoadOf load_of) {
    return pick_from(list, turn, [&list, &loads, &load_of](Standing worst) {
      if (!list.ramps().empty() || !loads.scaled.empty()) loads.scale(list.ramps());
      if (loads.scaled.empty()) return least(list, loads, worst, load_of, [](size_t) { return kRequest; });
      return least(list, loads, worst, load_of, [&loads](size_t i) { return loads.cost[i]; });
    });
  }

  template <class LoadOf, class CostOf>
  static size_t least(SmoothList& list, Loads& loads, Standing worst, LoadOf load_of, CostOf cost_of) {
    uint64_t* const load = loads.load.data();
    const uint64_t* const factor = loads.factor.data();
    uint64_t least = UINT64_MAX;
    size_t equals = 0;
    size_t first = PeerList::kNone;
    for (size_t i = 0; i < list.size(); ++i) {
      const bool in = list.noted(i) <= worst;
      // Kept: other workers change the count between here and the tie-break.
      load[i] = in ? load_of(list, i, uint64_t{list.conns(i)} * cost_of(i)) * factor[i] : UINT64_MAX;
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
  }

  Loads primary_loads_, backup_loads_;
};

}  // namespace weir::policy
