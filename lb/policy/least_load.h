// What least_conn and least_time share: the least load for its weight, among equals by round robin.
#pragma once
#include <vector>

#include "policy/list_balancer.h"

namespace weir::policy {

// What the peers of one list bear for their weight: load / weight by what the weight lacks to the least common multiple
// of all. Whole numbers in doubles, so that equals are equal; beyond 2^53 they are rounded.
class Loads {
 public:
  // Weights without a common multiple up to `most` are compared by rounded shares.
  Loads(const SmoothList& list, uint64_t most);
  // least_time: each request in flight and the one to come count this much.
  void set_time(size_t i, uint32_t time);
  // Who has the least of the peers noted as `worst` or better: one of them by round robin, kNone when there are none.
  size_t least(SmoothList& list, Fitness worst);

 private:
  void scale(const SmoothList& list);
  void set_cost(size_t i, double cost);

  std::vector<double> factor_;  // for its weight
  std::vector<double> cost_;    // of a request in flight; more than 1 while the peer ramps up
  // Columns (lanes.h): load = base + conns * slope.
  std::vector<double> slope_;
  std::vector<double> base_;      // empty: 0
  std::vector<double> load_;      // NaN: cannot be had
  std::vector<uint32_t> scaled_;  // whose cost is not 1
  uint32_t ramps_version_ = 0;
};

class LeastLoadBalancer : public ListBalancer {
 protected:
  LeastLoadBalancer(const Cluster& cluster, const Beginning& beginning, uint64_t most)
      : ListBalancer(cluster, beginning), primary_loads_(primaries(), most), backup_loads_(backups(), most) {}

  Pick pick_least(Turn& turn);
  Loads& primary_loads() { return primary_loads_; }
  Loads& backup_loads() { return backup_loads_; }

 private:
  Loads primary_loads_, backup_loads_;
};

}  // namespace weir::policy
