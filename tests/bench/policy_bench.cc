// What a pick costs, by balancer and number of peers. The budget: 2 us at 1000 peers (lb/policy).
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sockaddr.h"
#include "policy/cluster.h"

namespace weir::policy {
namespace {

struct Kind {
  bool weighted = false;
  uint32_t max_conns = 0;
  Millis slow_start{0};
};

struct Setup {
  Setup(Method method, const benchmark::State& state, Kind kind = {}) {
    ClusterOptions options;
    options.method = method;
    std::vector<std::shared_ptr<PeerState>> states;
    for (int i = 0; i < state.range(0); ++i) {
      PeerOptions peer;
      peer.server = peer.name = "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250) + ":13000";
      peer.weight = kind.weighted ? static_cast<uint32_t>(1 + i % 3) : 1;
      peer.max_conns = kind.max_conns;
      peer.slow_start = kind.slow_start;
      options.peers.push_back(peer);
      states.push_back(std::make_shared<PeerState>(peer.passive));
    }
    cluster = std::make_unique<Cluster>(std::move(options), std::move(states));
    balancer = make_balancer(*cluster);
    for (uint32_t i = 0; i < 256; ++i) {
      keys.push_back("session-" + std::to_string(i * 7919));
      clients.push_back(*SocketAddress::from_ip("10." + std::to_string(i) + ".3.4", 5));
    }
    ctx.now = 1'000'000;
    ctx.rng = &rng;
    ctx.tried = &tried;
  }

  Pick pick() {
    ctx.key = keys[turn];
    ctx.client = &clients[turn];
    ++turn;
    return balancer->pick(ctx);
  }
  void run(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(pick());
  }

  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Balancer> balancer;
  std::vector<std::string> keys;
  std::vector<SocketAddress> clients;
  Rng rng{7};
  TriedSet tried;
  PickContext ctx;
  uint8_t turn = 0;
};

void pick_equal(benchmark::State& state, Method method) {
  Setup(method, state).run(state);
}

void pick_weighted(benchmark::State& state, Method method) {
  Setup(method, state, {.weighted = true}).run(state);
}

// Every peer has a limit to look at.
void pick_limited(benchmark::State& state, Method method) {
  Setup(method, state, {.weighted = true, .max_conns = 100}).run(state);
}

// One and a half requests in flight on each peer, and one ends for each that begins: another one of them.
void pick_busy(benchmark::State& state, Method method) {
  Setup setup(method, state, {.weighted = true});
  std::vector<PeerState*> held;
  const auto begin = [&setup] {
    PeerState* const peer = setup.pick().peer->state.get();
    peer->acquire(0);
    return peer;
  };
  for (int64_t i = 0; i < state.range(0) * 3 / 2; ++i) held.push_back(begin());
  Rng rng(11);
  for (auto _ : state) {
    PeerState*& ends = held[rng.below(held.size())];
    ends->release();
    ends = begin();
  }
}

// The second pick of a request, with one peer in seven passively out.
void pick_again(benchmark::State& state, Method method) {
  Setup setup(method, state, {.weighted = true});
  const std::vector<Peer>& peers = setup.cluster->primaries();
  for (size_t i = 0; i < peers.size(); i += 7) peers[i].state->passive.failure(setup.ctx.now);
  setup.tried.add(&peers[1]);
  setup.run(state);
}

// Each pick in a millisecond of its own.
void pick_seldom(benchmark::State& state, Method method) {
  Setup setup(method, state, {.weighted = true});
  for (auto _ : state) {
    ++setup.ctx.now;
    benchmark::DoNotOptimize(setup.pick());
  }
}

// One peer in seven ramps up.
void pick_ramping(benchmark::State& state, Method method) {
  Setup setup(method, state, {.weighted = true, .slow_start = Millis{30'000}});
  const std::vector<Peer>& peers = setup.cluster->primaries();
  for (size_t i = 0; i < peers.size(); i += 7) peers[i].state->ramp_from = setup.ctx.now - 15'000;
  setup.run(state);
}

#define WEIR_PICK(name, method)                                                                          \
  BENCHMARK_CAPTURE(pick_equal, name, method)->Arg(2)->Arg(32)->Arg(1000)->Arg(10000)->MinTime(0.05);    \
  BENCHMARK_CAPTURE(pick_weighted, name, method)->Arg(2)->Arg(32)->Arg(1000)->Arg(10000)->MinTime(0.05); \
  BENCHMARK_CAPTURE(pick_limited, name, method)->Arg(32)->Arg(1000)->MinTime(0.05);                      \
  BENCHMARK_CAPTURE(pick_busy, name, method)->Arg(32)->Arg(1000)->Arg(10000)->MinTime(0.05);             \
  BENCHMARK_CAPTURE(pick_again, name, method)->Arg(1000)->MinTime(0.05);                                 \
  BENCHMARK_CAPTURE(pick_seldom, name, method)->Arg(1000)->MinTime(0.05)

WEIR_PICK(round_robin, Method::kRoundRobin);
WEIR_PICK(least_conn, Method::kLeastConn);
WEIR_PICK(ip_hash, Method::kIpHash);
WEIR_PICK(hash, Method::kHash);
WEIR_PICK(hash_consistent, Method::kHashConsistent);
WEIR_PICK(random, Method::kRandom);
WEIR_PICK(random_two_least_conn, Method::kRandomTwo);
WEIR_PICK(random_two_header, Method::kRandomTwoHeader);
WEIR_PICK(random_two_last_byte, Method::kRandomTwoLastByte);
WEIR_PICK(least_time_header, Method::kLeastTimeHeader);
WEIR_PICK(least_time_last_byte, Method::kLeastTimeLastByte);
BENCHMARK_CAPTURE(pick_ramping, round_robin, Method::kRoundRobin)->Arg(1000)->MinTime(0.05);
BENCHMARK_CAPTURE(pick_ramping, least_conn, Method::kLeastConn)->Arg(1000)->MinTime(0.05);
BENCHMARK_CAPTURE(pick_ramping, least_time, Method::kLeastTimeHeader)->Arg(1000)->MinTime(0.05);

}  // namespace
}  // namespace weir::policy
