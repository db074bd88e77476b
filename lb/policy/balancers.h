// The balancers by name, one file each. make_balancer (cluster.h) is what others use.
#pragma once
#include <memory>

#include "policy/cluster.h"

namespace weir::policy {

struct Place {
  int worker = 0;
  int workers = 1;
};

std::unique_ptr<Balancer> make_round_robin(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_ip_hash(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_least_conn(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_least_time(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_hash(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_hash_consistent(const Cluster& cluster, Place place);
std::unique_ptr<Balancer> make_random(const Cluster& cluster, Place place);

}  // namespace weir::policy
