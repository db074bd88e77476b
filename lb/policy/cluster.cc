// A cluster from its options, and which balancer a method asks for.
#include "policy/cluster.h"

#include <cassert>

#include "policy/balancers.h"
#include "policy/ring.h"

namespace weir::policy {

Cluster::Cluster(ClusterOptions options, std::vector<std::shared_ptr<PeerState>> states)
    : options_(std::move(options)), name_(options_.name), method_(options_.method), panic_(options_.panic) {
  assert(states.size() == options_.peers.size());
  for (size_t i = 0; i < options_.peers.size(); ++i) {
    const PeerOptions& peer = options_.peers[i];
    (peer.backup ? backups_ : primaries_).push_back(Peer{peer, std::move(states[i]), i});
  }
  if (method_ == Method::kHashConsistent) ring_ = std::make_unique<const Ring>(primaries_);
}

Cluster::~Cluster() = default;
Cluster::Cluster(Cluster&&) noexcept = default;

std::unique_ptr<Balancer> make_balancer(const Cluster& cluster, const Beginning& beginning) {
  switch (cluster.method()) {
    case Method::kRoundRobin: return make_round_robin(cluster, beginning);
    case Method::kIpHash: return make_ip_hash(cluster, beginning);
    case Method::kLeastConn: return make_least_conn(cluster, beginning);
    case Method::kLeastTimeHeader:
    case Method::kLeastTimeLastByte: return make_least_time(cluster, beginning);
    case Method::kHash: return make_hash(cluster, beginning);
    case Method::kHashConsistent: return make_hash_consistent(cluster, beginning);
    case Method::kRandom:
    case Method::kRandomTwo:
    case Method::kRandomTwoHeader:
    case Method::kRandomTwoLastByte: return make_random(cluster, beginning);
  }
  return nullptr;
}

}  // namespace weir::policy
