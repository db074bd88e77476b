// Tokens of persistence: cookies that cannot be made up, routes, ids of learned sessions.
#include "policy/binding.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "fixture.h"

namespace weir::policy {
namespace {

constexpr std::string_view kKey = "0123456789abcdef";

std::vector<Server> abx() {
  return {{"10.0.0.1:80"}, {"10.0.0.2:80"}, {"10.0.0.3:80", 1, true}};
}

TEST(Bindings, a_cookie_value_leads_back_to_its_peer) {
  Group group(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  for (const Server& server : abx()) {
    const Peer& peer = group.peer(server.name);
    EXPECT_EQ(bindings.cookie_of(peer), Bindings::cookie_value(kKey, "app", peer));
    EXPECT_EQ(bindings.by_cookie(bindings.cookie_of(peer)), &peer);
  }
}

TEST(Bindings, cookie_value_is_a_truncated_hmac) {
  Group group(Method::kRoundRobin, abx());
  // printf 'app\0%s' 10.0.0.1:80 | openssl dgst -sha256 -hmac 0123456789abcdef
  EXPECT_EQ(Bindings::cookie_value(kKey, "app", group.peer("10.0.0.1:80")), "241eebd37884882a50e955118570d5af");
}

TEST(Bindings, a_cookie_value_depends_on_key_upstream_and_name) {
  Group group(Method::kRoundRobin, abx());
  const Peer& one = group.peer("10.0.0.1:80");
  const std::set<std::string> values = {
      Bindings::cookie_value(kKey, "app", one), Bindings::cookie_value("other", "app", one),
      Bindings::cookie_value(kKey, "api", one), Bindings::cookie_value(kKey, "app", group.peer("10.0.0.2:80"))};
  EXPECT_EQ(values.size(), 4u);
}

TEST(Bindings, unknown_value_has_no_peer) {
  Group group(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  const std::string value(bindings.cookie_of(group.peer("10.0.0.1:80")));
  EXPECT_EQ(bindings.by_cookie(""), nullptr);
  EXPECT_EQ(bindings.by_cookie("10.0.0.1:80"), nullptr);
  EXPECT_EQ(bindings.by_cookie(value.substr(1)), nullptr);
  EXPECT_EQ(bindings.by_cookie(value + "0"), nullptr);
  EXPECT_EQ(bindings.by_cookie(std::string(32, '0')), nullptr);
  for (size_t i = 0; i < value.size(); ++i) {
    std::string wrong = value;
    wrong[i] = wrong[i] == '0' ? 'g' : '0';
    EXPECT_EQ(bindings.by_cookie(wrong), nullptr) << wrong;
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
      EXPECT_EQ(bindings.by_cookie(wrong), nullptr) << wrong;
    }
  }
}

TEST(Bindings, peer_of_another_cluster_has_no_cookie) {
  Group group(Method::kRoundRobin, abx()), other(Method::kRoundRobin, abx());
  const Bindings bindings(group.cluster(), kKey);
  EXPECT_EQ(bindings.cookie_of(other.peer("10.0.0.1:80")), "");
}

TEST(Bindings, a_route_leads_to_the_server_that_has_it) {
  Group group(Method::kRoundRobin, {{.name = "10.0.0.1:80", .route = "a"},
                                    {.name = "10.0.0.2:80"},
                                    {.name = "10.0.0.3:80", .route = "b"},
                                    {.name = "10.0.0.4:80", .route = "a"}});
  const Bindings bindings(group.cluster(), kKey);
  EXPECT_EQ(bindings.by_route("a"), &group.peer("10.0.0.1:80"));  // the first of two
  EXPECT_EQ(bindings.by_route("b"), &group.peer("10.0.0.3:80"));
  EXPECT_EQ(bindings.by_route("c"), nullptr);
  EXPECT_EQ(bindings.by_route(""), nullptr);  // not the one without a route
}

TEST(Bindings, an_id_is_the_same_in_every_snapshot) {
  Group before(Method::kRoundRobin, abx());
  Group after(Method::kRoundRobin, {{"10.0.0.9:80"}, {"10.0.0.2:80"}});
  const Bindings bindings(after.cluster(), "another key");
  const uint64_t id = Bindings::id(before.peer("10.0.0.2:80"));
  EXPECT_NE(id, 0u);
  EXPECT_EQ(bindings.by_id(id), &after.peer("10.0.0.2:80"));
  EXPECT_EQ(bindings.by_id(Bindings::id(before.peer("10.0.0.1:80"))), nullptr);
  EXPECT_EQ(bindings.by_id(0), nullptr);
}

}  // namespace
}  // namespace weir::policy
