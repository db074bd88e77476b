#include "proxy/epoch.h"

#include "proxy/core.h"

namespace weir::proxy {

Epoch::Epoch(Core& core, std::shared_ptr<const Site> site) : core_(core), site_(std::move(site)) {
  clusters_.reserve(site_->clusters.size());
  for (const SiteCluster& cluster : site_->clusters) {
    WorkerCluster& mine = clusters_.emplace_back();
    mine.site = &cluster;
    mine.balancer = policy::make_balancer(*cluster.cluster, core.options().worker, core.options().workers);
    std::vector<upstream::PeerIdentity> peers;
    for (const policy::PeerOptions& peer : cluster.cluster->options().peers) peers.push_back({peer.address});
    mine.pooled = core.pool().name(cluster.cluster->name(), cluster.settings.pool, peers);
  }
}

Epoch::~Epoch() = default;

void EpochRef::reset() {
  if (epoch_ == nullptr) return;
  Epoch* epoch = std::exchange(epoch_, nullptr);
  if (--epoch->refs_ == 0) epoch->core_.epoch_unused(*epoch);
}

}  // namespace weir::proxy
