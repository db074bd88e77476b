#include "proxy/epoch.h"

#include "proxy/core.h"
#include "upstream/pool.h"

namespace weir::proxy {

Epoch::Epoch(Core& core, std::shared_ptr<const Site> site) : core_(core), site_(std::move(site)) {
  clusters_.reserve(site_->clusters.size());
  for (const SiteCluster& cluster : site_->clusters) {
    WorkerCluster& mine = clusters_.emplace_back();
    mine.site = &cluster;
    mine.balancer = policy::make_balancer(*cluster.cluster, core.options().worker, core.options().workers);
    mine.group = &core.pool().group(cluster.cluster->name());
    mine.group->configure(cluster.settings.pool,
                          cluster.cluster->primaries().size() + cluster.cluster->backups().size());
  }
}

Epoch::~Epoch() = default;

void EpochRef::reset() {
  if (epoch_ == nullptr) return;
  Epoch* epoch = std::exchange(epoch_, nullptr);
  if (--epoch->refs_ == 0) epoch->core_.epoch_unused(*epoch);
}

}  // namespace weir::proxy
