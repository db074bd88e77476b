// Persistence and drain in a pick: whom a bound request gets, and that nobody else gets a peer that drains.
#include <gtest/gtest.h>

#include "fixture.h"

namespace weir::policy {
namespace {

const Method kMethods[] = {
    Method::kRoundRobin,        Method::kIpHash,          Method::kLeastConn,        Method::kHash,
    Method::kHashConsistent,    Method::kRandom,          Method::kRandomTwo,        Method::kLeastTimeHeader,
    Method::kLeastTimeLastByte, Method::kRandomTwoHeader, Method::kRandomTwoLastByte};

// With every method: `check(group)` after a fresh group of these servers, whose request is bound to "b".
template <class Check>
void with_every_method(const std::vector<Server>& servers, Check check) {
  for (const Method method : kMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, servers);
    group.client = *SocketAddress::from_ip("10.0.0.1", 1);
    group.bound = &group.peer("b");
    check(group);
  }
}

TEST(Bound, a_request_gets_its_peer_with_every_method) {
  with_every_method({{"a", 9}, {"b"}, {"c", 9}},
                    [](Group& group) { EXPECT_EQ(group.names(20, "key"), std::string(20, 'b')); });
}

TEST(Bound, a_request_gets_its_peer_where_that_is_a_backup) {
  with_every_method({{"a"}, {"c"}, {"b", 1, true}}, [](Group& group) { EXPECT_EQ(group.name("key"), "b"); });
}

TEST(Bound, a_peer_that_drains_gets_bound_requests_alone) {
  with_every_method({{"a"}, {"b"}, {"c"}}, [](Group& group) {
    group.state(1).drain = true;
    EXPECT_EQ(group.names(5, "key"), "bbbbb");
    group.bound = nullptr;
    for (int i = 0; i < 50; ++i) EXPECT_NE(group.name("key" + std::to_string(i)), "b");
  });
}

TEST(Bound, peer_configured_with_drain_gets_bound_requests_alone) {
  with_every_method({{"a"}, {.name = "b", .drain = true}, {"c"}}, [](Group& group) {
    EXPECT_EQ(group.names(5, "key"), "bbbbb");
    group.bound = nullptr;
    for (int i = 0; i < 50; ++i) EXPECT_NE(group.name("key" + std::to_string(i)), "b");
  });
}

TEST(Bound, balancer_picks_when_the_bound_peer_is_unavailable) {
  with_every_method({{"a"}, {.name = "b", .max_conns = 1}}, [](Group& group) {
    for (Switch PeerState::*const which : {&PeerState::check_down, &PeerState::admin_down}) {
      group.state(1).*which = true;
      EXPECT_EQ(group.name("key"), "a");
      group.state(1).*which = false;
    }
    group.state(1).inflight = 1;
    EXPECT_EQ(group.name("key"), "a");
    group.state(1).inflight = 0;
    group.state(1).passive.failure(group.now);
    EXPECT_EQ(group.name("key"), "a");
    group.state(1).passive.reinstate(group.now);
    group.tried.add(group.bound);
    EXPECT_EQ(group.name("key"), "a");
    group.tried.clear();
    EXPECT_EQ(group.name("key"), "b");
  });
}

TEST(Bound, configured_down_peer_is_unavailable) {
  with_every_method({{"a"}, {.name = "b", .down = true}}, [](Group& group) { EXPECT_EQ(group.name("key"), "a"); });
}

TEST(Bound, peer_of_another_cluster_is_ignored) {
  Group other(Method::kRoundRobin, {{"x"}});
  Group group(Method::kRoundRobin, {{"a"}, {"b"}});
  group.bound = &other.peer("x");
  EXPECT_EQ(group.names(4), "abab");
}

TEST(Bound, request_waits_for_its_full_peer_when_alone) {
  Group group(Method::kRoundRobin, {{.name = "a", .down = true}, {.name = "b", .max_conns = 1, .drain = true}});
  group.bound = &group.peer("b");
  group.state(1).inflight = 1;
  EXPECT_EQ(group.pick().peer, nullptr);
  EXPECT_TRUE(group.pick().any_full);
  group.bound = nullptr;
  EXPECT_FALSE(group.pick().any_full);
}

TEST(Bound, bound_request_is_the_probe_after_an_ejection) {
  with_every_method({{"a"}, {"b"}}, [](Group& group) {
    group.state(1).passive.failure(group.now);
    group.now += 10'000;
    const Pick first = group.pick("key");
    EXPECT_EQ(first.peer, group.bound);
    EXPECT_TRUE(first.probe);
    EXPECT_EQ(group.name("key"), "a");
  });
}

TEST(Bound, ejected_peer_is_available_in_panic) {
  with_every_method({{"a"}, {"b"}, {"c"}}, [](Group& group) {
    group.state(1).passive.failure(group.now);
    EXPECT_NE(group.name("key"), "b");
    group.state(0).passive.failure(group.now);
    const Pick pick = group.pick("key");
    EXPECT_EQ(pick.peer, group.bound);
    EXPECT_FALSE(pick.probe);
  });
}

TEST(Bound, peers_that_drain_do_not_count_for_panic) {
  Group group(Method::kRoundRobin, {{"a"}, {"b"}, {"c"}, {"d"}});
  group.state(2).drain = group.state(3).drain = true;
  group.state(0).passive.failure(group.now);
  EXPECT_EQ(group.names(4), "bbbb");  // half of those left: no panic
  group.state(1).passive.failure(group.now);
  EXPECT_EQ(group.names(4), "abab");  // ignoring ejections, not drain
}

TEST(Bound, first_available_of_several_peers_is_picked) {
  Group group(Method::kRoundRobin, {{"a"}, {"b"}, {"c"}, {"x", 1, true}});
  group.several = {&group.peer("b"), &group.peer("c"), &group.peer("x")};
  EXPECT_EQ(group.names(3), "bbb");
  EXPECT_EQ(group.tries(), "bcxa");
  group.state(1).check_down = true;
  EXPECT_EQ(group.names(3), "ccc");
  group.state(2).passive.failure(group.now);
  EXPECT_EQ(group.names(3), "xxx");
}

TEST(Bound, client_of_a_backup_goes_home) {
  with_every_method({{"a"}, {"c"}, {"b", 1, true}, {"x", 1, true}}, [](Group& group) {
    group.goes_home = true;
    EXPECT_NE(group.name("key"), "b");
    group.state(0).check_down = group.state(1).check_down = true;
    EXPECT_EQ(group.names(4, "key"), "bbbb");
    group.state(1).check_down = false;
    EXPECT_EQ(group.name("key"), "c");
  });
}

TEST(Bound, client_of_a_backup_probes_the_primaries) {
  Group group(Method::kRoundRobin, {{"a"}, {"b", 1, true}, {"x", 1, true}});
  group.bound = &group.peer("b");
  group.goes_home = true;
  group.state(0).passive.failure(group.now);
  EXPECT_EQ(group.names(3), "bbb");
  group.now += 10'000;
  const Pick pick = group.pick();
  EXPECT_EQ(pick.peer, &group.peer("a"));
  EXPECT_TRUE(pick.probe);
  EXPECT_EQ(group.names(3), "bbb");  // until the probe has succeeded
  group.state(0).passive.success(group.now);
  EXPECT_EQ(group.name(), "a");
}

TEST(Bound, requests_do_not_move_the_turns_of_the_others) {
  Group group(Method::kRoundRobin, {{"a"}, {"b"}, {"c"}});
  std::string unbound;
  for (int i = 0; i < 6; ++i) {
    group.bound = &group.peer("c");
    EXPECT_EQ(group.name(), "c");
    group.bound = nullptr;
    unbound += group.name();
  }
  EXPECT_EQ(unbound, "abcabc");
}

TEST(Bound, ramping_peer_is_available_at_once) {
  Group group(Method::kRoundRobin, {{"a"}, {.name = "b", .slow_start = 10'000}});
  group.state(1).ramp_from = group.now;
  group.bound = &group.peer("b");
  EXPECT_EQ(group.names(4), "bbbb");
}

}  // namespace
}  // namespace weir::policy
