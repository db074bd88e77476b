// What peers and upstreams keep over reloads.
#include "runtime/registry.h"

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

const SocketAddress kOne = *SocketAddress::from_ip("10.0.0.1", 80);
const SocketAddress kTwo = *SocketAddress::from_ip("10.0.0.2", 80);

TEST(Registry, gives_the_same_state_to_a_used_peer) {
  Registry registry;
  const auto state = registry.peer("app", kOne, {});
  EXPECT_EQ(registry.peer("app", kOne, {}), state);
  EXPECT_NE(registry.peer("app", kTwo, {}), state);
  EXPECT_NE(registry.peer("other", kOne, {}), state);
}

TEST(Registry, forgets_an_unused_peer) {
  Registry registry;
  auto state = registry.peer("app", kOne, {});
  state->inflight = 7;
  registry.prune();
  EXPECT_EQ(registry.peers(), 1U);
  state.reset();
  registry.prune();
  EXPECT_EQ(registry.peers(), 0U);
  EXPECT_EQ(registry.peer("app", kOne, {})->inflight.load(), 0U);
}

TEST(Registry, keeps_requests_in_flight_and_budget_by_upstream) {
  Registry registry;
  const auto first = registry.upstream("app", 20, 3);
  first.inflight->store(5);
  const auto second = registry.upstream("app", 20, 3);
  EXPECT_EQ(second.inflight, first.inflight);
  EXPECT_EQ(second.budget, first.budget);
  EXPECT_NE(registry.upstream("other", 20, 3).inflight, first.inflight);
}

TEST(Registry, draws_a_start_for_each_upstream_and_process) {
  Registry registry(42);
  const uint32_t start = registry.upstream("app", 20, 3).start;
  EXPECT_EQ(registry.upstream("app", 20, 3).start, start);
  EXPECT_NE(registry.upstream("other", 20, 3).start, start);
  EXPECT_NE(Registry(43).upstream("app", 20, 3).start, start);
  EXPECT_EQ(Registry(0).upstream("app", 20, 3).start, 0U);
  int quarters[4] = {};
  for (uint64_t seed = 1; seed <= 400; ++seed) ++quarters[Registry(seed).upstream("app", 20, 3).start >> 30];
  for (const int each : quarters) EXPECT_GT(each, 60);
}

TEST(Registry, makes_a_new_budget_of_other_numbers) {
  Registry registry;
  const auto first = registry.upstream("app", 20, 3);
  const auto second = registry.upstream("app", 100, 3);
  EXPECT_EQ(second.inflight, first.inflight);
  EXPECT_NE(second.budget, first.budget);
}

TEST(Registry, keeps_a_queue_and_a_zone_while_they_are_used) {
  Registry registry;
  auto queue = registry.queue("app", {1, Millis(1)});
  EXPECT_EQ(registry.queue("app", {1, Millis(1)}), queue);
  EXPECT_NE(registry.queue("other", {1, Millis(1)}), queue);
  auto zone = registry.sessions("zone", 64 * 1024, Millis(1000));
  zone->bind("a", 7, 0);
  EXPECT_EQ(registry.sessions("zone", 64 * 1024, Millis(1000)), zone);
  zone.reset();
  registry.prune();
  EXPECT_EQ(registry.sessions("zone", 64 * 1024, Millis(1000))->find("a", 0), 0U);
}

}  // namespace
}  // namespace weir::runtime
