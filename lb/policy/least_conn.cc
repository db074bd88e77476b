// least_conn: the fewest requests in flight for its weight, among equals by round robin (SEMANTICS 2.5).
#include "policy/least_load.h"

namespace weir::policy {
namespace {

class LeastConn final : public LeastLoadBalancer {
 public:
  LeastConn(const Cluster& cluster, const Beginning& beginning) : LeastLoadBalancer(cluster, beginning, UINT32_MAX) {}

 protected:
  Pick choose(Turn& turn) override { return pick_least(turn); }
};

}  // namespace

std::unique_ptr<Balancer> make_least_conn(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<LeastConn>(cluster, beginning);
}

}  // namespace weir::policy
