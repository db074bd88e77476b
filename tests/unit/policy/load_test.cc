// least_conn, random and random two (SEMANTICS 2.5).
#include <gtest/gtest.h>

#include <map>

#include "fixture.h"

namespace weir::policy {
namespace {

TEST(LeastConn, takes_the_peer_with_the_fewest_requests) {
  Group group(Method::kLeastConn, {{"a"}, {"b"}, {"c"}});
  group.state(0).inflight = 3;
  group.state(1).inflight = 1;
  group.state(2).inflight = 2;
  EXPECT_EQ(group.names(3), "bbb");
}

TEST(LeastConn, measures_requests_against_weight) {
  Group group(Method::kLeastConn, {{"a", 4}, {"b"}});
  group.state(0).inflight = 7;
  group.state(1).inflight = 2;
  EXPECT_EQ(group.name(), "a");
  group.state(0).inflight = 9;
  EXPECT_EQ(group.name(), "b");
}

TEST(LeastConn, gives_equals_turns_by_weight) {
  Group group(Method::kLeastConn, {{"a", 5}, {"b"}, {"c"}});
  EXPECT_EQ(group.names(7), "aabacaa");
}

TEST(LeastConn, takes_turns_only_among_equals) {
  Group group(Method::kLeastConn, {{"a"}, {"b"}, {"c"}});
  group.state(1).inflight = 1;
  EXPECT_EQ(group.names(4), "acac");
}

TEST(LeastConn, chooses_among_backups_the_same_way) {
  Group group(Method::kLeastConn, {{"a"}, {"x", 1, true}, {"y", 1, true}});
  group.state(0).check_down = true;
  group.state(1).inflight = 5;
  EXPECT_EQ(group.names(2), "yy");
}

TEST(LeastConn, sends_a_single_probe_after_an_ejection) {
  Group group(Method::kLeastConn, {{"a"}, {"b"}});
  group.state(1).inflight = 9;
  group.state(0).passive.failure(group.now);
  EXPECT_EQ(group.name(), "b");
  group.now += 10'000;
  EXPECT_TRUE(group.pick().probe);
  EXPECT_EQ(group.names(2), "bb");
}

TEST(Random, shares_by_weight) {
  Group group(Method::kRandom, {{"a", 6}, {"b", 3}, {"c", 1}});
  std::map<std::string, int> counts;
  for (int i = 0; i < 10'000; ++i) ++counts[group.name()];
  EXPECT_NEAR(counts["a"], 6000, 300);
  EXPECT_NEAR(counts["b"], 3000, 300);
  EXPECT_NEAR(counts["c"], 1000, 200);
}

TEST(Random, finds_the_only_peer_left_among_many) {
  std::vector<Server> servers(200, Server{"x", 1, false, true});
  servers.push_back({"a"});
  Group group(Method::kRandom, servers);
  EXPECT_EQ(group.names(5), "aaaaa");
}

TEST(RandomTwo, prefers_the_less_loaded_of_two) {
  Group group(Method::kRandomTwo, {{"a"}, {"b"}});
  group.state(0).inflight = 5;
  EXPECT_EQ(group.names(20), std::string(20, 'b'));
}

TEST(RandomTwo, measures_load_against_weight) {
  Group group(Method::kRandomTwo, {{"a", 10}, {"b"}});
  group.state(0).inflight = 5;
  group.state(1).inflight = 1;
  EXPECT_EQ(group.names(20), std::string(20, 'a'));
}

TEST(RandomTwo, never_picks_the_most_loaded_of_three) {
  Group group(Method::kRandomTwo, {{"a"}, {"b"}, {"c"}});
  group.state(2).inflight = 9;
  EXPECT_EQ(group.names(60).find('c'), std::string::npos);
}

TEST(RandomTwo, takes_the_only_eligible_peer) {
  Group group(Method::kRandomTwo, {{"a"}, {"b"}, {"c"}});
  group.state(0).check_down = group.state(2).check_down = true;
  EXPECT_EQ(group.names(3), "bbb");
}

TEST(Random, gives_every_peer_once_and_then_the_backups) {
  for (const Method method : {Method::kRandom, Method::kRandomTwo}) {
    Group group(method, {{"a"}, {"b"}, {"x", 1, true}});
    const std::string all = group.tries();
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all.back(), 'x');
  }
}

}  // namespace
}  // namespace weir::policy
