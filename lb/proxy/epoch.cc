#include "proxy/epoch.h"

#include "proxy/core.h"

namespace weir::proxy {

Epoch::Epoch(Core& core, std::shared_ptr<const Site> site, const Epoch* former) : core_(core), site_(std::move(site)) {
  clusters_.reserve(site_->clusters.size());
  for (const SiteCluster& cluster : site_->clusters) {
    const WorkerCluster* const before = former == nullptr ? nullptr : former->cluster(cluster.cluster->name());
    WorkerCluster& mine = clusters_.emplace_back(make_worker_cluster(core, cluster, before));
    if (before == nullptr) continue;
    // What is kept open, and the sessions, go on where the new snapshot speaks on the same terms.
    for (const TlsPeers& each : before->tls)
      if (site_->tls_terms.count(each.identity->terms) != 0)
        mine.tls.push_back({each.identity, name_peers(core, cluster, each.identity)});
  }
}

WorkerCluster make_worker_cluster(Core& core, const SiteCluster& site, const WorkerCluster* former) {
  WorkerCluster made;
  made.site = &site;
  made.balancer = policy::make_balancer(*site.cluster, {core.options().worker, core.options().share.workers,
                                                        former == nullptr ? nullptr : former->balancer.get()});
  made.pooled = name_peers(core, site, nullptr);
  made.times = &site.times->of(core.options().worker);
  made.peer_times.resize(site.cluster->options().peers.size());
  return made;
}

upstream::NamedPeers name_peers(Core& core, const SiteCluster& cluster,
                                const std::shared_ptr<const upstream::TlsIdentity>& tls) {
  const policy::Cluster& of = *cluster.cluster;
  std::vector<upstream::PeerIdentity> peers;
  for (const policy::PeerOptions& peer : of.options().peers) peers.push_back({peer.address, tls});
  return core.pool().name(of.name(), cluster.settings.pool, peers);
}

const upstream::NamedPeers& Epoch::tls_peers(WorkerCluster& cluster, const std::string& terms, std::string_view name) {
  TlsPeers* oldest = nullptr;
  for (TlsPeers& each : cluster.tls) {
    if (each.identity->name == name && each.identity->terms == terms) {
      each.used = ++cluster.tls_uses;
      return each.pooled;
    }
    if (oldest == nullptr || each.used < oldest->used) oldest = &each;
  }
  const auto identity = std::make_shared<const upstream::TlsIdentity>(upstream::TlsIdentity{std::string(name), terms});
  TlsPeers fresh{identity, name_peers(core_, *cluster.site, identity), ++cluster.tls_uses};
  if (cluster.tls.size() >= kMostTlsNames) {
    *oldest = std::move(fresh);
    return oldest->pooled;
  }
  return cluster.tls.emplace_back(std::move(fresh)).pooled;
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
