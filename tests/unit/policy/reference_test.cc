// Round robin, least_conn and least_time against nginx's own loops, written plainly: groups of every size up to several
// turns of the wide loops, while loads, weights, limits and failures change.
#include <gtest/gtest.h>

#include <optional>

#include "fixture.h"

namespace weir::policy {
namespace {

constexpr size_t kNobody = SIZE_MAX;

// One peer as nginx keeps it.
struct Model {
  int64_t weight, effective, current = 0;
  uint32_t conns = 0, max_conns = 0;
  uint32_t step = 1;  // least_time: 20 ms each
  bool down = false, tried = false;
  bool fit() const { return !down && !tried && (max_conns == 0 || conns < max_conns); }
};

// ngx_http_upstream_get_peer over those that `takes_part`.
template <class TakesPart>
size_t turn(std::vector<Model>& peers, TakesPart takes_part) {
  size_t best = kNobody;
  int64_t total = 0;
  for (size_t i = 0; i < peers.size(); ++i) {
    Model& peer = peers[i];
    if (!peer.fit() || !takes_part(peer)) continue;
    peer.current += peer.effective;
    total += peer.effective;
    if (peer.effective < peer.weight) ++peer.effective;
    if (best == kNobody || peer.current > peers[best].current) best = i;
  }
  if (best != kNobody) peers[best].current -= total;
  return best;
}

// ngx_http_upstream_get_least_conn_peer, with `load` for the number of connections.
template <class Load>
size_t least(std::vector<Model>& peers, Load load) {
  size_t best = kNobody;
  bool many = false;
  for (size_t i = 0; i < peers.size(); ++i) {
    if (!peers[i].fit()) continue;
    const auto mine = best == kNobody ? 0 : load(peers[i]) * peers[best].weight;
    const auto its = best == kNobody ? 1 : load(peers[best]) * peers[i].weight;
    if (mine < its) {
      best = i;
      many = false;
    } else if (mine == its) {
      many = true;
    }
  }
  if (!many) return best;
  const Model chosen = peers[best];
  return turn(peers, [&](const Model& peer) { return load(peer) * chosen.weight == load(chosen) * peer.weight; });
}

size_t pick(std::vector<Model>& peers, Method method) {
  if (method == Method::kRoundRobin) return turn(peers, [](const Model&) { return true; });
  if (method == Method::kLeastConn) return least(peers, [](const Model& peer) { return int64_t{peer.conns}; });
  return least(peers, [](const Model& peer) { return (int64_t{peer.conns} + 1) * peer.step; });
}

class World {
 public:
  World(Method method, size_t size, uint64_t seed) : method_(method), rng_(seed) {
    std::vector<Server> servers;
    const bool weighted = seed % 2 == 0;
    const bool limited = seed % 3 == 0;
    for (size_t i = 0; i < size; ++i) {
      const uint32_t weight = weighted ? 1 + static_cast<uint32_t>(rng_.below(6)) : 1;
      const uint32_t limit = limited ? static_cast<uint32_t>(rng_.below(4)) : 0;
      // max_fails is 2: a failure in the balancer's books takes half of the weight.
      servers.push_back({std::to_string(i), weight, false, false, limit, 2});
      Model peer{.weight = weight, .effective = weight};
      peer.max_conns = limit;
      peers_.push_back(peer);
    }
    group_.emplace(method, servers);
  }

  void change() {
    const size_t i = rng_.below(peers_.size());
    Model& peer = peers_[i];
    switch (rng_.below(6)) {
      case 0: peer.down = !peer.down; break;
      case 1:
      case 2: peer.conns = static_cast<uint32_t>(rng_.below(4)); break;
      case 3: peer.step = 1 + static_cast<uint32_t>(rng_.below(3)); break;
      case 4: fail(i); return;
      default: return;
    }
    group_->state(i).check_down = peer.down;
    group_->state(i).inflight = peer.conns;
    group_->state(i).stats.header_time = (peer.step - 1) * 20'000 + 1;
    ++group_->now;
  }

  // One request that tries up to three peers.
  void request() {
    for (int tries = 0; tries < 3; ++tries) {
      const size_t expected = ::weir::policy::pick(peers_, method_);
      ASSERT_EQ(group_->name(), expected == kNobody ? "-" : std::to_string(expected));
      if (expected == kNobody) break;
      peers_[expected].tried = true;
      group_->tried.add(&group_->cluster().primaries()[expected]);
      if (rng_.below(4) != 0) break;
      fail(expected);
    }
    for (Model& peer : peers_) peer.tried = false;
    group_->tried.clear();
  }

 private:
  void fail(size_t i) {
    if (peers_.size() == 1) return;
    Model& peer = peers_[i];
    peer.effective = std::max<int64_t>(peer.effective - peer.weight / 2, 0);
    group_->balancer().failed(group_->cluster().primaries()[i]);
  }

  Method method_;
  Rng rng_;
  std::vector<Model> peers_;
  std::optional<Group> group_;
};

void check(Method method, size_t most_peers) {
  for (size_t size = 1; size <= most_peers; size += size < 20 ? 1 : 7) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(::testing::Message() << size << " peers, seed " << seed);
      World world(method, size, seed);
      for (int i = 0; i < 200; ++i) {
        if (i % 3 == 0) world.change();
        ASSERT_NO_FATAL_FAILURE(world.request());
      }
    }
  }
}

TEST(RoundRobin, agrees_with_nginx_in_groups_of_every_size) {
  check(Method::kRoundRobin, 70);
}

TEST(LeastConn, agrees_with_nginx_in_groups_of_every_size) {
  check(Method::kLeastConn, 70);
}

TEST(LeastTime, picks_the_least_in_groups_of_every_size) {
  check(Method::kLeastTimeHeader, 70);
}

TEST(LeastConn, distinguishes_close_loads_of_odd_weights) {
  // Seventeenths against nineteenths: the common multiple is 323.
  Group group(Method::kLeastConn, {{"a", 17}, {"b", 19}});
  group.state(0).inflight = 8;
  group.state(1).inflight = 9;  // 0.47059 against 0.47368
  EXPECT_EQ(group.names(2), "aa");
  group.state(0).inflight = 1'700'000;
  group.state(1).inflight = 1'900'000;
  EXPECT_NE(group.names(4), "aaaa");
  group.state(0).inflight = 1'700'001;
  EXPECT_EQ(group.names(2), "bb");
}

// A long list's times are looked at in turn.
TEST(LeastTime, large_groups_see_a_change_within_eight_milliseconds) {
  std::vector<Server> servers;
  for (int i = 0; i < 1'000; ++i) servers.push_back({std::to_string(i)});
  for (const size_t faster : {0u, 499u, 999u}) {
    Group group(Method::kLeastTimeHeader, servers);
    for (size_t i = 0; i < servers.size(); ++i) group.state(i).stats.header_time = 100'000;
    group.name();
    group.state(faster).stats.header_time = 10'000;
    for (int ms = 0; ms < 8; ++ms) {
      ++group.now;
      group.name();
    }
    EXPECT_EQ(group.name(), std::to_string(faster));
    group.state(faster).stats.header_time = 500'000;
    group.now += 8;
    EXPECT_NE(group.name(), std::to_string(faster));
  }
}

}  // namespace
}  // namespace weir::policy
