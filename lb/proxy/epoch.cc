#include "proxy/epoch.h"

#include "proxy/core.h"

namespace weir::proxy {

Epoch::Epoch(Core& core, std::shared_ptr<const Site> site, const Epoch* former) : core_(core), site_(std::move(site)) {
  clusters_.reserve(site_->clusters.size());
  for (const SiteCluster& cluster : site_->clusters) {
    WorkerCluster& mine = clusters_.emplace_back();
    mine.site = &cluster;
    const WorkerCluster* const before = former == nullptr ? nullptr : former->cluster(cluster.cluster->name());
    mine.balancer = policy::make_balancer(*cluster.cluster, {core.options().worker, core.options().workers,
                                                             before == nullptr ? nullptr : before->balancer.get()});
    std::vector<upstream::PeerIdentity> peers;
    for (const policy::PeerOptions& peer : cluster.cluster->options().peers) peers.push_back({peer.address});
    mine.pooled = core.pool().name(cluster.cluster->name(), cluster.settings.pool, peers);
  }
}

Epoch::~Epoch() = default;

const WorkerCluster* Epoch::cluster(const std::string& name) const {
  const auto found = site_->cluster_by_name.find(name);
  return found == site_->cluster_by_name.end() ? nullptr : &clusters_[static_cast<size_t>(found->second)];
}

void EpochRef::reset() {
  if (epoch_ == nullptr) return;
  Epoch* epoch = std::exchange(epoch_, nullptr);
  if (--epoch->refs_ == 0) epoch->core_.epoch_unused(*epoch);
}

}  // namespace weir::proxy
