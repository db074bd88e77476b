// What a pick costs, by balancer and number of peers. The budget: 2 us at 1000 peers (lb/policy).
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sockaddr.h"
#include "policy/cluster.h"

namespace weir::policy {
namespace {

struct Setup {
  Setup(Method method, int peers, uint32_t max_conns = 0, Millis slow_start = {}) {
    ClusterOptions options;
    options.method = method;
    std::vector<std::shared_ptr<PeerState>> states;
    for (int i = 0; i < peers; ++i) {
      PeerOptions peer;
      peer.server = peer.name = "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250) + ":13000";
      peer.weight = static_cast<uint32_t>(1 + i % 3);
      peer.max_conns = max_conns;
      peer.slow_start = slow_start;
      options.peers.push_back(peer);
      states.push_back(std::make_shared<PeerState>(peer.passive));
    }
    cluster = std::make_unique<Cluster>(std::move(options), std::move(states));
    balancer = make_balancer(*cluster, 0, 1);
    for (uint32_t i = 0; i < 256; ++i) {
      keys.push_back("session-" + std::to_string(i * 7919));
      clients.push_back(*SocketAddress::from_ip("10." + std::to_string(i) + ".3.4", 5));
    }
    ctx.now = 1'000'000;
    ctx.rng = &rng;
    ctx.tried = &tried;
  }

  void run(benchmark::State& state) {
    uint8_t turn = 0;
    for (auto _ : state) {
      ctx.key = keys[turn];
      ctx.client = &clients[turn];
      ++turn;
      benchmark::DoNotOptimize(balancer->pick(ctx));
    }
  }

  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Balancer> balancer;
  std::vector<std::string> keys;
  std::vector<SocketAddress> clients;
  Rng rng{7};
  TriedSet tried;
  PickContext ctx;
};

void pick(benchmark::State& state, Method method) {
  Setup setup(method, static_cast<int>(state.range(0)));
  setup.run(state);
}

// Every peer has a limit to look at.
void pick_limited(benchmark::State& state, Method method) {
  Setup setup(method, static_cast<int>(state.range(0)), 100);
  setup.run(state);
}

// The second pick of a request, with one peer in seven passively out.
void pick_again(benchmark::State& state, Method method) {
  Setup setup(method, static_cast<int>(state.range(0)));
  const std::vector<Peer>& peers = setup.cluster->primaries();
  for (size_t i = 0; i < peers.size(); i += 7) peers[i].state->passive.failure(setup.ctx.now);
  setup.tried.add(&peers[1]);
  setup.run(state);
}

// One peer in seven ramps up.
void pick_ramping(benchmark::State& state, Method method) {
  Setup setup(method, static_cast<int>(state.range(0)), 0, Millis{30'000});
  const std::vector<Peer>& peers = setup.cluster->primaries();
  for (size_t i = 0; i < peers.size(); i += 7) peers[i].state->ramp_from = setup.ctx.now - 15'000;
  setup.run(state);
}

#define WEIR_PICK(name, method)                                                        \
  BENCHMARK_CAPTURE(pick, name, method)->Arg(32)->Arg(1000)->Arg(10000)->MinTime(0.1); \
  BENCHMARK_CAPTURE(pick_limited, name, method)->Arg(1000)->MinTime(0.1);              \
  BENCHMARK_CAPTURE(pick_again, name, method)->Arg(1000)->MinTime(0.1)

WEIR_PICK(round_robin, Method::kRoundRobin);
WEIR_PICK(ip_hash, Method::kIpHash);
WEIR_PICK(least_conn, Method::kLeastConn);
WEIR_PICK(hash, Method::kHash);
WEIR_PICK(hash_consistent, Method::kHashConsistent);
WEIR_PICK(random, Method::kRandom);
WEIR_PICK(random_two, Method::kRandomTwo);
WEIR_PICK(least_time, Method::kLeastTimeHeader);
WEIR_PICK(random_two_least_time, Method::kRandomTwoHeader);
BENCHMARK_CAPTURE(pick_ramping, round_robin, Method::kRoundRobin)->Arg(1000)->MinTime(0.1);
BENCHMARK_CAPTURE(pick_ramping, least_conn, Method::kLeastConn)->Arg(1000)->MinTime(0.1);
BENCHMARK_CAPTURE(pick_ramping, least_time, Method::kLeastTimeHeader)->Arg(1000)->MinTime(0.1);

}  // namespace
}  // namespace weir::policy
