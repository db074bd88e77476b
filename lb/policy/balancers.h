// The balancers by name, one file each. make_balancer (cluster.h) is what others use.
#pragma once
#include <memory>

#include "policy/cluster.h"

namespace weir::policy {

std::unique_ptr<Balancer> make_round_robin(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_ip_hash(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_least_conn(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_least_time(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_hash(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_hash_consistent(const Cluster& cluster, const Beginning& beginning);
std::unique_ptr<Balancer> make_random(const Cluster& cluster, const Beginning& beginning);

}  // namespace weir::policy
