// A worker's hold on a snapshot: the site plus what the worker adds to it (a balancer and the pool's slots for each
// cluster). Counted with a plain int: no cache line is shared between workers on a request's path.
#pragma once
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/cluster.h"
#include "proxy/site.h"
#include "upstream/pool.h"

namespace weir::proxy {

class Core;

// A cluster's peers over TLS, by one name and on the terms of one location.
struct TlsPeers {
  std::shared_ptr<const upstream::TlsIdentity> identity;
  upstream::NamedPeers pooled;  // by Peer::index
  uint64_t used = 0;            // when, in uses
};

struct WorkerCluster {
  const SiteCluster* site = nullptr;
  std::unique_ptr<policy::Balancer> balancer;
  upstream::NamedPeers pooled;  // by Peer::index
  std::vector<TlsPeers> tls;    // as requests have asked for them
  uint64_t tls_uses = 0;
  policy::UpstreamTimes* times = nullptr;  // this worker's, of all peers together; never null
  // And of each, by Peer::index; null: it has answered nothing yet.
  std::vector<policy::AttemptTimes*> peer_times;
  policy::AttemptTimes& times_of(const policy::Peer& peer, int worker) {
    policy::AttemptTimes*& times_of_peer = peer_times[peer.index];
    if (times_of_peer == nullptr) times_of_peer = &peer.state->times.of(worker);
    return *times_of_peer;
  }
  MonoMs looked_at = 0;  // when this worker last had the queue look for places that appeared without a call
};

// The worker's part of a cluster, which outlives it. Its balancer goes on where that of `former` is (null: there is
// none); what `former` knows of TLS is not taken over.
WorkerCluster make_worker_cluster(Core& core, const SiteCluster& site, const WorkerCluster* former);
upstream::NamedPeers name_peers(Core& core, const SiteCluster& cluster,
                                const std::shared_ptr<const upstream::TlsIdentity>& tls);

class Epoch {
 public:
  // Its balancers go on where those of `former` (the epoch before it, may be null) are.
  Epoch(Core& core, std::shared_ptr<const Site> site, const Epoch* former);
  ~Epoch();
  const Site& site() const { return *site_; }
  // Null when this snapshot does not listen there.
  const ListenSite* listen(const SocketAddress& address) const { return site_->listen(address); }
  // Null when this snapshot has no upstream of that name.
  const WorkerCluster* cluster(const std::string& name) const;
  WorkerCluster& cluster(int index) { return clusters_[static_cast<size_t>(index)]; }
  // Names may be clients' words: of a cluster so many are known at once, and the one that was used longest ago is
  // forgotten for another. Valid until the next call.
  static constexpr size_t kMostTlsNames = 64;
  const upstream::NamedPeers& tls_peers(WorkerCluster& cluster, const std::string& terms, std::string_view name);

 private:
  friend class EpochRef;
  friend class Core;
  Core& core_;
  std::shared_ptr<const Site> site_;
  std::vector<WorkerCluster> clusters_;
  int refs_ = 0;
};

class EpochRef {
 public:
  EpochRef() = default;
  explicit EpochRef(Epoch& epoch) : epoch_(&epoch) { ++epoch.refs_; }
  EpochRef(EpochRef&& other) noexcept : epoch_(std::exchange(other.epoch_, nullptr)) {}
  EpochRef& operator=(EpochRef&& other) noexcept {
    std::swap(epoch_, other.epoch_);
    return *this;
  }
  ~EpochRef() { reset(); }
  void reset();  // the last one out retires the epoch, unless it is the current one
  Epoch* operator->() const { return epoch_; }
  Epoch& operator*() const { return *epoch_; }
  explicit operator bool() const { return epoch_ != nullptr; }

 private:
  Epoch* epoch_ = nullptr;
};

}  // namespace weir::proxy
