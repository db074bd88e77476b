// A cluster with its peers' states and one balancer, for the tests of this folder.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sockaddr.h"
#include "policy/cluster.h"

namespace weir::policy {

struct Server {
  std::string name;
  uint32_t weight = 1;
  bool backup = false;
  bool down = false;
  uint32_t max_conns = 0;
  uint32_t max_fails = 1;
  bool drain = false;
  MonoMs slow_start = 0;
  std::string route = {};
};

class Group {
 public:
  Group(Method method, const std::vector<Server>& servers, bool panic = true, int worker = 0, int workers = 1,
        uint32_t start = 0)
      : Group(method, servers, panic, worker, workers, start, nullptr) {}
  // The next snapshot's group: peers of the same name have the same state.
  Group(Method method, const std::vector<Server>& servers, const Group& former)
      : Group(method, servers, true, 0, 1, 0, &former) {}

  Pick pick(std::string_view key = {}) {
    PickContext ctx;
    ctx.now = now;
    ctx.rng = &rng;
    ctx.client = client.empty() ? nullptr : &client;
    ctx.key = key;
    ctx.tried = &tried;
    ctx.bound = bound != nullptr ? BoundPeers(&bound, 1) : BoundPeers(several);
    ctx.bound_goes_home = goes_home;
    return balancer_->pick(ctx);
  }
  // The picked peer's name, "-" when there is none.
  std::string name(std::string_view key = {}) {
    const Peer* peer = pick(key).peer;
    return peer == nullptr ? "-" : peer->options.name;
  }
  // `count` picks in a row.
  std::string names(int count, std::string_view key = {}) {
    std::string all;
    for (int i = 0; i < count; ++i) all += name(key);
    return all;
  }
  // What one request gets that tries every peer it is given, until there is none.
  std::string tries(std::string_view key = {}) {
    std::string all;
    while (const Peer* peer = pick(key).peer) {
      all += peer->options.name;
      tried.add(peer);
    }
    tried.clear();
    return all;
  }
  // In configuration order.
  PeerState& state(size_t i) { return *states_[i]; }
  const Peer& peer(const std::string& name) {
    for (const auto* list : {&cluster_->primaries(), &cluster_->backups()})
      for (const Peer& peer : *list)
        if (peer.options.name == name) return peer;
    std::abort();
  }
  Balancer& balancer() { return *balancer_; }
  const Cluster& cluster() { return *cluster_; }

  MonoMs now = 1'000'000;
  Rng rng{42};
  SocketAddress client;
  TriedSet tried;
  const Peer* bound = nullptr;
  std::vector<const Peer*> several;  // bound to, when `bound` is null
  bool goes_home = false;

 private:
  Group(Method method, const std::vector<Server>& servers, bool panic, int worker, int workers, uint32_t start,
        const Group* former) {
    ClusterOptions options;
    options.name = "app";
    options.method = method;
    options.panic = panic;
    options.start = start;
    for (const Server& server : servers) {
      PeerOptions peer;
      peer.name = peer.server = server.name;
      peer.weight = server.weight;
      peer.backup = server.backup;
      peer.down = server.down;
      peer.max_conns = server.max_conns;
      peer.drain = server.drain;
      peer.slow_start = Millis{server.slow_start};
      peer.route = server.route;
      peer.passive.max_fails = server.max_fails;
      options.peers.push_back(peer);
      std::shared_ptr<PeerState> state = former == nullptr ? nullptr : former->state_of(server.name);
      states_.push_back(state ? std::move(state) : std::make_shared<PeerState>(peer.passive));
    }
    cluster_ = std::make_unique<Cluster>(options, states_);
    balancer_ = make_balancer(*cluster_, {worker, workers, former == nullptr ? nullptr : former->balancer_.get()});
  }
  std::shared_ptr<PeerState> state_of(const std::string& name) const {
    for (const auto* list : {&cluster_->primaries(), &cluster_->backups()})
      for (const Peer& peer : *list)
        if (peer.options.name == name) return peer.state;
    return nullptr;
  }

  std::vector<std::shared_ptr<PeerState>> states_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Balancer> balancer_;
};

}  // namespace weir::policy
