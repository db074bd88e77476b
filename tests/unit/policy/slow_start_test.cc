// slow_start: a peer that came back takes its share little by little (SEMANTICS 2.7).
#include <gtest/gtest.h>

#include <map>

#include "fixture.h"

namespace weir::policy {
namespace {

constexpr MonoMs kRamp = 10'000;
const Method kRampingMethods[] = {Method::kRoundRobin, Method::kLeastConn, Method::kLeastTimeHeader,
                                  Method::kLeastTimeLastByte};

// Of `picks` spread evenly over [from, to), how many "b" got.
int picks_of_b(Group& group, MonoMs from, MonoMs to, int picks) {
  int got = 0;
  for (int i = 0; i < picks; ++i) {
    group.now = from + (to - from) * i / picks;
    got += group.name() == "b";
  }
  return got;
}

// In each tenth of the ramp: its share of the time times its share by weight, within one turn and a hundredth.
TEST(SlowStart, share_grows_from_zero_to_full) {
  for (const Method method : kRampingMethods) {
    for (const uint32_t weight : {1u, 3u}) {
      // Of idle peers the least time is the heaviest's.
      const bool by_time = method == Method::kLeastTimeHeader || method == Method::kLeastTimeLastByte;
      if (by_time && weight != 1) continue;
      SCOPED_TRACE(::testing::Message() << "method " << static_cast<int>(method) << " weight " << weight);
      Group group(method, {{"a", by_time ? 1u : 2u}, {.name = "b", .weight = weight, .slow_start = kRamp}, {"c"}});
      const MonoMs start = group.now;
      group.state(1).ramp_from = start;
      const double full = weight / ((by_time ? 2.0 : 3.0) + weight);
      for (int tenth = 0; tenth < 10; ++tenth) {
        const int got = picks_of_b(group, start + tenth * kRamp / 10, start + (tenth + 1) * kRamp / 10, 2'000);
        EXPECT_NEAR(got, 2'000 * full * (tenth + 0.5) / 10, 22) << tenth;
      }
      EXPECT_NEAR(picks_of_b(group, start + kRamp, start + kRamp + 1, 1'000), 1'000 * full, 2);
    }
  }
}

TEST(SlowStart, a_cold_peer_is_not_starved) {
  Group group(Method::kRoundRobin, {{"a"}, {.name = "b", .slow_start = 3'600'000}});
  group.state(1).ramp_from = group.now;
  EXPECT_GE(picks_of_b(group, group.now, group.now + 1, 4'000), 1);
}

TEST(SlowStart, does_not_apply_at_the_start) {
  Group group(Method::kRoundRobin, {{"a"}, {.name = "b", .slow_start = kRamp}});
  EXPECT_EQ(group.names(4), "abab");
}

TEST(SlowStart, begins_anew_with_each_recovery) {
  Group group(Method::kRoundRobin, {{"a"}, {.name = "b", .slow_start = kRamp}});
  for (int i = 0; i < 3; ++i) {
    group.state(1).check_down = true;
    EXPECT_EQ(group.names(4), "aaaa");
    group.now += 60'000;
    group.state(1).ramp_from = group.now;
    group.state(1).check_down = false;
    EXPECT_EQ(group.names(20), std::string(20, 'a'));
    group.now += kRamp;
    std::map<std::string, int> counts;
    for (int pick = 0; pick < 20; ++pick) ++counts[group.name()];
    EXPECT_EQ(counts["b"], 10);
  }
}

TEST(SlowStart, ramping_peer_is_picked_when_alone) {
  for (const Method method : kRampingMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, {{.name = "a", .max_conns = 1}, {.name = "b", .slow_start = kRamp}, {"x", 1, true}});
    group.state(1).ramp_from = group.now;
    EXPECT_EQ(group.name(), "a");
    EXPECT_EQ(group.tries(), "abx");  // before a backup, too
    group.state(0).inflight = 1;
    EXPECT_EQ(group.names(5), "bbbbb");
    group.state(0).inflight = 0;
    group.state(0).check_down = true;
    EXPECT_EQ(group.names(5), "bbbbb");
  }
}

TEST(SlowStart, all_peers_may_ramp_at_once) {
  for (const Method method : kRampingMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, {{.name = "a", .slow_start = kRamp}, {.name = "b", .slow_start = kRamp}});
    group.state(0).ramp_from = group.state(1).ramp_from = group.now;
    std::map<std::string, int> counts;
    for (int i = 0; i < 1'000; ++i, group.now += 10) ++counts[group.name()];
    EXPECT_NEAR(counts["a"], 500, 10);
  }
}

TEST(SlowStart, least_conn_uses_the_ramped_weight) {
  Group group(Method::kLeastConn, {{"a"}, {.name = "b", .slow_start = kRamp}});
  group.state(1).ramp_from = group.now;
  group.now += kRamp / 4;
  group.state(0).inflight = 8;
  group.state(1).inflight = 2;  // as much as 8 at a quarter of the weight: equals
  EXPECT_EQ(group.names(8).find('b') != std::string::npos, true);
  group.state(1).inflight = 3;
  EXPECT_EQ(group.names(100).find('b'), std::string::npos);
  group.now += kRamp;
  EXPECT_EQ(group.names(5), "bbbbb");
}

TEST(SlowStart, does_not_apply_to_hash_and_random) {
  for (const Method method : {Method::kIpHash, Method::kHash, Method::kHashConsistent, Method::kRandom,
                              Method::kRandomTwo, Method::kRandomTwoHeader}) {
    SCOPED_TRACE(static_cast<int>(method));
    Group ramping(method, {{.name = "a", .slow_start = kRamp}, {.name = "b", .slow_start = kRamp}});
    Group steady(method, {{"a"}, {"b"}});
    ramping.state(0).ramp_from = ramping.now;
    for (int i = 0; i < 50; ++i) {
      ramping.client = steady.client = *SocketAddress::from_ip("10.0." + std::to_string(i) + ".1", 1);
      EXPECT_EQ(ramping.name("key" + std::to_string(i)), steady.name("key" + std::to_string(i)));
    }
    EXPECT_EQ(ramping.names(9), steady.names(9));  // no key: round robin
  }
}

TEST(SlowStart, a_probe_is_not_held_back) {
  Group group(Method::kRoundRobin, {{"a"}, {.name = "b", .slow_start = 100 * kRamp}});
  group.state(1).passive.failure(group.now);
  group.now += 10'000;
  group.state(1).ramp_from = group.now;
  const std::string first = group.name();
  EXPECT_EQ(first + group.name(), "ab");
}

}  // namespace
}  // namespace weir::policy
