// What a balancer takes over from the one of the snapshot before.
#include <gtest/gtest.h>

#include <map>

#include "policy/smooth_list.h"
#include "unit/policy/fixture.h"

namespace weir::policy {
namespace {

constexpr Method kMethod = Method::kRoundRobin;

std::map<char, int> counted(const std::string& names) {
  std::map<char, int> counts;
  for (const char name : names) ++counts[name];
  return counts;
}

TEST(Inherit, round_robin_goes_on_where_it_was) {
  const std::vector<Server> servers = {{"a", 5}, {"b"}, {"c"}};
  const std::string whole = Group(kMethod, servers).names(21);
  for (int before = 0; before <= 7; ++before) {
    Group former(kMethod, servers);
    const std::string first = former.names(before);
    Group next(kMethod, servers, former);
    EXPECT_EQ(first + next.names(21 - before), whole) << before;
  }
}

TEST(Inherit, a_snapshot_for_each_request_keeps_the_sequence) {
  const std::vector<Server> servers = {{"a", 5}, {"b", 2}, {"c"}, {"d"}, {"e"}, {"f"}};
  const std::string whole = Group(kMethod, servers).names(33);
  auto group = std::make_unique<Group>(kMethod, servers);
  std::string names;
  for (int i = 0; i < 33; ++i) {
    names += group->name();
    group = std::make_unique<Group>(kMethod, servers, *group);
  }
  EXPECT_EQ(names, whole);
}

TEST(Inherit, other_order_of_servers_keeps_each_position) {
  Group former(kMethod, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(former.names(2), "ab");
  Group next(kMethod, {{"c"}, {"b"}, {"a"}}, former);
  EXPECT_EQ(next.name(), "c");
}

TEST(Inherit, new_server_gets_its_share_and_no_more) {
  Group former(kMethod, {{"a"}, {"b"}});
  EXPECT_EQ(former.name(), "a");
  Group next(kMethod, {{"n"}, {"a"}, {"b"}}, former);
  EXPECT_EQ(next.name(), "b");
  EXPECT_EQ(counted(next.names(30)), (std::map<char, int>{{'a', 10}, {'b', 10}, {'n', 10}}));
}

TEST(Inherit, removed_server_leaves_the_others_even) {
  Group former(kMethod, {{"a", 100}, {"b"}, {"c"}});
  former.names(51);
  Group next(kMethod, {{"b"}, {"c"}}, former);
  EXPECT_EQ(counted(next.names(10)), (std::map<char, int>{{'b', 5}, {'c', 5}}));
}

TEST(Inherit, other_weights_scale_the_position) {
  Group former(kMethod, {{"a", 1000}, {"b", 1000}});
  EXPECT_EQ(former.name(), "a");
  Group next(kMethod, {{"a"}, {"b"}}, former);
  EXPECT_EQ(next.names(6), "bababa");
}

TEST(Inherit, lowered_weight_stays_lowered) {
  const std::vector<Server> servers = {{"a", 10, false, false, 0, 2}, {"b", 10, false, false, 0, 2}};
  Group left(kMethod, servers);
  Group right(kMethod, servers);
  for (Group* each : {&left, &right}) each->balancer().failed(each->peer("a"));
  const std::string expected = left.names(12);
  ASSERT_NE(expected, Group(kMethod, servers).names(12));
  EXPECT_EQ(Group(kMethod, servers, right).names(12), expected);
}

TEST(Inherit, least_conn_keeps_the_turn_among_equals) {
  const std::vector<Server> servers = {{"a"}, {"b"}, {"c"}};
  Group former(Method::kLeastConn, servers);
  EXPECT_EQ(former.name(), "a");
  EXPECT_EQ(Group(Method::kLeastConn, servers, former).names(2), "bc");
}

TEST(Inherit, other_method_keeps_the_turn) {
  const std::vector<Server> servers = {{"a"}, {"b"}, {"c"}};
  Group former(Method::kIpHash, servers);  // no client's address: one peer for all
  former.client = *SocketAddress::from_ip("10.0.0.1", 1);
  former.name();
  Group next(kMethod, servers, former);
  EXPECT_EQ(next.name(), "a");
  Group last(Method::kLeastConn, servers, next);
  EXPECT_EQ(last.name(), "b");
}

TEST(Inherit, backups_keep_their_own_turn) {
  const std::vector<Server> servers = {{"a", 1, false, true}, {"x", 1, true}, {"y", 1, true}};
  Group former(kMethod, servers);
  EXPECT_EQ(former.name(), "x");
  EXPECT_EQ(Group(kMethod, servers, former).name(), "y");
}

TEST(Inherit, servers_of_one_address_keep_their_order) {
  Group once(kMethod, {{"a", 3}, {"b"}});
  Group former(kMethod, {{"a", 3}, {"b"}, {"a", 1}}, once);  // two of one state
  former.names(2);
  Group next(kMethod, {{"a", 3}, {"b"}, {"a", 1}}, former);
  EXPECT_EQ(counted(next.names(5)).at('b'), counted(former.names(5)).at('b'));
}

TEST(Inherit, strangers_begin_at_the_start) {
  Group former(kMethod, {{"a"}, {"b"}, {"c"}});
  former.name();
  EXPECT_EQ(Group(kMethod, {{"x"}, {"y"}, {"z"}}, former).names(3), "xyz");
}

TEST(Inherit, least_time_keeps_the_time_of_the_last_pick) {
  std::vector<Server> servers = {{"a"}, {"b"}};
  Group former(Method::kLeastTimeHeader, servers);
  note_time(former.state(0).stats.header_time, 600'000);
  note_time(former.state(1).stats.header_time, 1'000'000);
  EXPECT_EQ(former.name(), "a");
  former.now += 5'000;
  EXPECT_EQ(former.name(), "a");
  Group next(Method::kLeastTimeHeader, servers, former);
  next.now = former.now + 7'000;
  EXPECT_EQ(next.name(), "b");  // not picked for more than fail_timeout: counts as half a second
}

}  // namespace
}  // namespace weir::policy
