// Smooth weighted round robin, backups, ejection and panic (SEMANTICS 1 and 2.1).
#include <gtest/gtest.h>

#include <algorithm>

#include "fixture.h"

namespace weir::policy {
namespace {

constexpr Method kMethod = Method::kRoundRobin;

TEST(RoundRobin, gives_equal_peers_turns_in_configuration_order) {
  Group group(kMethod, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(group.names(7), "abcabca");
}

TEST(RoundRobin, spreads_weights_smoothly_as_nginx_does) {
  Group group(kMethod, {{"a", 5}, {"b"}, {"c"}});
  EXPECT_EQ(group.names(14), "aabacaaaabacaa");
}

TEST(RoundRobin, gives_each_peer_once_to_a_request_and_then_none) {
  Group group(kMethod, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(group.tries(), "abc");
}

TEST(RoundRobin, down_peers_get_no_turn) {
  Group group(kMethod, {{"a"}, {"b", 1, false, true}, {"c"}, {"d"}, {"e"}});
  group.state(2).check_down = true;
  group.state(3).drain = true;
  EXPECT_EQ(group.names(4), "aeae");
  group.state(4).admin_down = true;
  EXPECT_EQ(group.names(3), "aaa");
}

TEST(RoundRobin, skips_a_peer_at_max_conns) {
  Group group(kMethod, {{"a", 1, false, false, 2}, {"b"}});
  group.state(0).inflight = 2;
  EXPECT_EQ(group.names(3), "bbb");
  group.state(0).inflight = 1;
  EXPECT_NE(group.names(2).find('a'), std::string::npos);
}

TEST(RoundRobin, reports_full_peers_only_when_waiting_helps) {
  Group group(kMethod, {{"a", 1, false, false, 1}, {"b", 1, false, false, 1}});
  group.state(0).inflight = group.state(1).inflight = 1;
  Pick pick = group.pick();
  EXPECT_EQ(pick.peer, nullptr);
  EXPECT_TRUE(pick.any_full);
  group.state(0).check_down = group.state(1).check_down = true;
  EXPECT_FALSE(group.pick().any_full);
  group.state(0).check_down = false;
  group.tried.add(&group.peer("a"));
  EXPECT_FALSE(group.pick().any_full);
}

TEST(RoundRobin, reports_no_full_peer_with_a_pick) {
  Group group(kMethod, {{"a", 1, false, false, 1}, {"b"}});
  group.state(0).inflight = 1;
  EXPECT_FALSE(group.pick().any_full);
}

TEST(RoundRobin, walks_backups_by_weight_after_the_primaries) {
  Group group(kMethod, {{"a"}, {"x", 2, true}, {"b"}, {"y", 1, true}});
  EXPECT_EQ(group.names(3), "aba");
  EXPECT_EQ(group.tries(), "baxy");
  group.state(0).check_down = group.state(2).check_down = true;
  // The request above took a turn of each; a fresh sequence of 2:1 is x y x.
  const std::string six = group.names(6);
  EXPECT_EQ(std::count(six.begin(), six.end(), 'x'), 4);
  EXPECT_EQ(std::count(six.begin(), six.end(), 'y'), 2);
}

TEST(RoundRobin, lowers_a_failed_share_and_restores_it) {
  Group group(kMethod, {{"a", 4, false, false, 0, 2}, {"b", 4, false, false, 0, 2}});
  group.balancer().failed(group.peer("a"));
  group.balancer().failed(group.peer("a"));
  // a's effective weight is 0, 1, 2, 3, 4 in the first five turns. By hand:
  //   turn 1: a 0+0=0, b 0+4=4, total 4 -> b, b 0
  //   turn 2: a 0+1=1, b 0+4=4, total 5 -> b, b -1
  //   turn 3: a 1+2=3, b -1+4=3, total 6 -> a (first of equals), a -3
  //   turn 4: a -3+3=0, b 3+4=7, total 7 -> b, b 0
  //   turn 5: a 0+4=4, b 0+4=4, total 8 -> a
  EXPECT_EQ(group.names(5), "bbaba");
}

TEST(RoundRobin, keeps_the_share_of_a_peer_without_max_fails) {
  Group group(kMethod, {{"a", 1, false, false, 0, 0}, {"b", 1, false, false, 0, 0}});
  group.balancer().failed(group.peer("a"));
  EXPECT_EQ(group.names(4), "abab");
}

TEST(RoundRobin, leaves_an_ejected_peer_out_until_its_time_is_over) {
  Group group(kMethod, {{"a"}, {"b"}});
  ASSERT_TRUE(group.state(0).passive.failure(group.now));
  EXPECT_EQ(group.names(4), "bbbb");
  group.now += 9'999;
  EXPECT_EQ(group.names(2), "bb");
}

TEST(RoundRobin, sends_one_probe_after_an_ejection) {
  Group group(kMethod, {{"a"}, {"b"}});
  group.state(0).passive.failure(group.now);
  group.now += 10'000;
  int probes = 0;
  for (int i = 0; i < 6; ++i) {
    const Pick pick = group.pick();
    ASSERT_NE(pick.peer, nullptr);
    EXPECT_EQ(pick.probe, pick.peer->options.name == "a");
    probes += pick.probe;
  }
  EXPECT_EQ(probes, 1);
  EXPECT_TRUE(group.state(0).passive.success(group.now));
  EXPECT_FALSE(group.pick().probe);
  EXPECT_NE(group.names(2).find('a'), std::string::npos);
}

TEST(RoundRobin, ignores_ejections_when_fewer_than_half_are_in) {
  Group group(kMethod, {{"a"}, {"b"}, {"c"}, {"d"}});
  group.state(0).passive.failure(group.now);
  group.state(1).passive.failure(group.now);
  EXPECT_EQ(group.tries().size(), 2u);  // half is in: no panic
  group.state(2).passive.failure(group.now);
  EXPECT_EQ(group.tries().size(), 4u);
}

TEST(RoundRobin, counts_the_half_of_those_that_checks_and_operator_leave) {
  Group group(kMethod, {{"a"}, {"b"}, {"c"}, {"d"}});
  group.state(0).passive.failure(group.now);
  group.state(1).passive.failure(group.now);
  group.state(2).check_down = true;  // of a, b and d one is in
  EXPECT_EQ(group.tries().size(), 3u);
}

TEST(RoundRobin, never_tries_hard_down_peers_even_in_panic) {
  Group group(kMethod, {{"a"}, {"b"}});
  group.state(0).passive.failure(group.now);
  group.state(1).check_down = true;
  EXPECT_EQ(group.names(2), "aa");
  group.state(0).admin_down = true;
  EXPECT_EQ(group.name(), "-");
}

TEST(RoundRobin, has_no_panic_when_it_is_disabled) {
  Group group(kMethod, {{"a"}, {"b"}}, false);
  group.state(0).passive.failure(group.now);
  group.state(1).passive.failure(group.now);
  const Pick pick = group.pick();
  EXPECT_EQ(pick.peer, nullptr);
  EXPECT_FALSE(pick.any_full);
}

TEST(RoundRobin, prefers_a_backup_that_is_in_to_panic) {
  Group group(kMethod, {{"a"}, {"x", 1, true}});
  group.state(0).passive.failure(group.now);
  EXPECT_EQ(group.names(3), "xxx");
  group.state(1).passive.failure(group.now);
  EXPECT_EQ(group.tries(), "ax");
}

TEST(RoundRobin, panics_over_backups_when_no_primary_is_left) {
  Group group(kMethod, {{"a"}, {"x", 1, true}});
  group.state(0).check_down = true;
  group.state(1).passive.failure(group.now);
  EXPECT_EQ(group.name(), "x");
}

TEST(RoundRobin, never_ejects_the_only_server_of_a_group) {
  Group group(kMethod, {{"a"}}, false);
  group.state(0).passive.failure(group.now);
  const Pick pick = group.pick();
  ASSERT_NE(pick.peer, nullptr);
  EXPECT_FALSE(pick.probe);
  group.state(0).check_down = true;
  EXPECT_EQ(group.name(), "-");
}

TEST(RoundRobin, marks_the_probe_in_panic) {
  Group group(kMethod, {{"a"}, {"b"}});
  group.state(0).passive.failure(group.now);
  group.state(1).check_down = true;
  group.now += 10'000;
  EXPECT_TRUE(group.pick().probe);
  const Pick second = group.pick();
  ASSERT_NE(second.peer, nullptr);
  EXPECT_FALSE(second.probe);
}

TEST(RoundRobin, starts_each_worker_elsewhere_in_the_same_sequence) {
  const std::vector<Server> servers = {{"a"}, {"b"}, {"c"}, {"d"}};
  EXPECT_EQ(Group(kMethod, servers, true, 0, 4).names(4), "abcd");
  EXPECT_EQ(Group(kMethod, servers, true, 1, 4).names(4), "bcda");
  EXPECT_EQ(Group(kMethod, servers, true, 3, 4).names(4), "dabc");
}

TEST(RoundRobin, staggers_weights_with_a_common_divisor) {
  const std::vector<Server> servers = {{"a", 100}, {"b", 100}};
  EXPECT_EQ(Group(kMethod, servers, true, 1, 2).names(4), "baba");
}

TEST(RoundRobin, staggers_within_the_weighted_sequence) {
  const std::vector<Server> servers = {{"a", 5}, {"b"}, {"c"}};
  EXPECT_EQ(Group(kMethod, servers, true, 1, 2).names(7), "acaaaab");  // three picks in
}

TEST(RoundRobin, begins_elsewhere_in_the_sequence_with_another_start) {
  const std::vector<Server> servers = {{"a"}, {"b"}, {"c"}, {"d"}};
  const auto first = [&](uint32_t start, int worker) { return Group(kMethod, servers, true, worker, 4, start).name(); };
  EXPECT_EQ(first(0, 0), "a");
  EXPECT_EQ(first(UINT32_MAX / 2, 0), "b");
  EXPECT_EQ(first(UINT32_MAX, 0), "d");
  EXPECT_EQ(first(UINT32_MAX, 1), "a");
  EXPECT_EQ(Group(kMethod, {{"a", 5}, {"b"}, {"c"}}, true, 0, 1, UINT32_MAX / 2).names(7), "acaaaab");
}

TEST(RoundRobin, survives_an_empty_group) {
  Group group(kMethod, {});
  EXPECT_EQ(group.name(), "-");
}

}  // namespace
}  // namespace weir::policy
