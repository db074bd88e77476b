// Smooth weighted round robin, the default (SEMANTICS 2.1).
#include "policy/list_balancer.h"

namespace weir::policy {
namespace {

class RoundRobin final : public ListBalancer {
 public:
  RoundRobin(const Cluster& cluster, const Beginning& beginning) : ListBalancer(cluster, beginning) {}

 protected:
  Pick choose(Turn& turn) override { return round_robin(turn); }
};

}  // namespace

std::unique_ptr<Balancer> make_round_robin(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<RoundRobin>(cluster, beginning);
}

}  // namespace weir::policy
