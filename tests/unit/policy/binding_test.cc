// Tokens of persistence: cookies that cannot be made up, routes, ids of learned sessions.
#include "policy/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "fixture.h"

namespace weir::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kKey = "0123456789abcdef";

std::vector<Server> abx() {
  return {{"10.0.0.1:80"}, {"10.0.0.2:80"}, {"10.0.0.3:80", 1, true}};
}

TEST(Bindings, a_cookie_value_leads_back_to_its_peer) {
  Group group(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  for (const Server& server : abx()) {
    const Peer& peer = group.peer(server.name);
    EXPECT_EQ(bindings.cookie_of(peer), Bindings::cookie_value(kKey, peer));
    EXPECT_THAT(bindings.by_cookie(bindings.cookie_of(peer)), ElementsAre(&peer));
  }
}

TEST(Bindings, cookie_value_is_a_truncated_hmac) {
  Group group(Method::kRoundRobin, abx());
  // printf 10.0.0.1:80 | openssl dgst -sha256 -hmac 0123456789abcdef
  EXPECT_EQ(Bindings::cookie_value(kKey, group.peer("10.0.0.1:80")), "4fbe1b22ce39527c5c8eae2decfeb613");
}

TEST(Bindings, a_cookie_value_depends_on_key_and_name) {
  Group group(Method::kRoundRobin, abx());
  const Peer& one = group.peer("10.0.0.1:80");
  const std::set<std::string> values = {Bindings::cookie_value(kKey, one), Bindings::cookie_value("other", one),
                                        Bindings::cookie_value(kKey, group.peer("10.0.0.2:80"))};
  EXPECT_EQ(values.size(), 3u);
}

TEST(Bindings, unknown_value_has_no_peer) {
  Group group(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  const std::string value(bindings.cookie_of(group.peer("10.0.0.1:80")));
  EXPECT_THAT(bindings.by_cookie(""), IsEmpty());
  EXPECT_THAT(bindings.by_cookie("10.0.0.1:80"), IsEmpty());
  EXPECT_THAT(bindings.by_cookie(value.substr(1)), IsEmpty());
  EXPECT_THAT(bindings.by_cookie(value + "0"), IsEmpty());
  EXPECT_THAT(bindings.by_cookie(std::string(32, '0')), IsEmpty());
  for (size_t i = 0; i < value.size(); ++i) {
    std::string wrong = value;
    wrong[i] = wrong[i] == '0' ? 'g' : '0';
    EXPECT_THAT(bindings.by_cookie(wrong), IsEmpty()) << wrong;
  }
}

// A digit that counts as 0 in the table's key must not pass for one.
TEST(Bindings, value_is_compared_exactly) {
  Group group(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  for (const Server& server : abx()) {
    const std::string value(bindings.cookie_of(group.peer(server.name)));
    for (size_t i = 0; i < value.size(); ++i) {
      std::string wrong = value;
      wrong[i] = value[i] == '0' ? 'x' : static_cast<char>(value[i] ^ 0x20);
      EXPECT_THAT(bindings.by_cookie(wrong), IsEmpty()) << wrong;
    }
  }
}

TEST(Bindings, peer_of_another_cluster_has_no_cookie) {
  Group group(Method::kRoundRobin, abx()), other(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  EXPECT_EQ(bindings.cookie_of(other.peer("10.0.0.1:80")), "");
}

TEST(Bindings, a_route_leads_to_all_servers_that_have_it) {
  Group group(Method::kRoundRobin, {{.name = "10.0.0.1:80", .route = "a"},
                                    {.name = "10.0.0.2:80"},
                                    {.name = "10.0.0.3:80", .route = "b"},
                                    {.name = "10.0.0.4:80", .route = "a"}});
  const Bindings bindings(group.cluster(), kKey);
  EXPECT_THAT(bindings.by_route("a"), ElementsAre(&group.peer("10.0.0.1:80"), &group.peer("10.0.0.4:80")));
  EXPECT_THAT(bindings.by_route("b"), ElementsAre(&group.peer("10.0.0.3:80")));
  EXPECT_THAT(bindings.by_route("c"), IsEmpty());
  EXPECT_THAT(bindings.by_route(""), IsEmpty());  // not the one without a route
}

TEST(Bindings, an_id_is_the_same_in_every_snapshot) {
  Group before(Method::kRoundRobin, abx());
  Group after(Method::kRoundRobin, {{"10.0.0.9:80"}, {"10.0.0.2:80"}});
  const Bindings bindings(after.cluster(), "another key");
  const uint64_t id = Bindings::id(before.peer("10.0.0.2:80"));
  EXPECT_NE(id, 0u);
  EXPECT_THAT(bindings.by_id(id), ElementsAre(&after.peer("10.0.0.2:80")));
  EXPECT_THAT(bindings.by_id(Bindings::id(before.peer("10.0.0.1:80"))), IsEmpty());
  EXPECT_THAT(bindings.by_id(0), IsEmpty());
}

}  // namespace
}  // namespace weir::policy
