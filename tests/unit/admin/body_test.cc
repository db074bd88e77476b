// The bodies of changes: what is taken and what is refused, with words.
#include "admin/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using Action = PeerChange::Action;
using ::testing::HasSubstr;

TEST(PeerChange, drain_has_defaults) {
  const auto change = parse_peer_change(R"({"action": "drain"})");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->action, Action::kDrain);
  EXPECT_EQ(change->drain.wait, Millis(60'000));
  EXPECT_EQ(change->drain.spread, Millis(10'000));
  EXPECT_EQ(change->drain.code, 1001);
  EXPECT_EQ(change->why, "");
}

TEST(PeerChange, drain_takes_its_options) {
  const auto change =
      parse_peer_change(R"({"action": "drain", "wait_ms": 0, "spread_ms": 1, "code": 1012, "why": "kernel \u00e4"})");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->drain.wait, Millis(0));
  EXPECT_EQ(change->drain.spread, Millis(1));
  EXPECT_EQ(change->drain.code, 1012);
  EXPECT_EQ(change->why, "kernel \xc3\xa4");
}

TEST(PeerChange, weight_is_a_number_or_null) {
  EXPECT_EQ(parse_peer_change(R"({"action": "weight", "weight": 7})")->weight, 7u);
  EXPECT_EQ(parse_peer_change(R"({"action": "weight", "weight": null})")->weight, std::nullopt);
}

TEST(PeerChange, every_fault_has_a_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"[]", "not a JSON object"},
      {"{}", "\"action\" is not one of"},
      {R"({"action": "stop"})", "\"action\" is not one of"},
      {R"({"action": 1})", "\"action\" is not a string"},
      {R"({"action": "up", "force": true})", "unknown member \"force\""},
      {R"({"action": "up", "weight": 2})", "is for \"action\": \"weight\""},
      {R"({"action": "down", "wait_ms": 2})", "is for \"action\": \"drain\""},
      {R"({"action": "weight"})", "\"weight\" is missing"},
      {R"({"action": "weight", "weight": 0})", "from 1 to 65535"},
      {R"({"action": "weight", "weight": -1})", "from 1 to 65535"},
      {R"({"action": "weight", "weight": 65536})", "from 1 to 65535"},
      {R"({"action": "weight", "weight": 1.5})", "from 1 to 65535"},
      {R"({"action": "weight", "weight": 18446744073709551615})", "from 1 to 65535"},
      {R"({"action": "weight", "weight": "2"})", "from 1 to 65535"},
      {R"({"action": "drain", "wait_ms": -1})", "\"wait_ms\""},
      {R"({"action": "drain", "spread_ms": 86400001})", "\"spread_ms\""},
      {R"({"action": "drain", "code": 1002})", "not 1001 or 1012"},
      {R"({"action": "up", "why": 3})", "\"why\" is not a string"},
  };
  for (const auto& [body, error] : cases) {
    const auto change = parse_peer_change(body);
    ASSERT_FALSE(change) << body;
    EXPECT_THAT(change.error(), HasSubstr(error)) << body;
  }
  EXPECT_FALSE(parse_peer_change(R"({"action": "up", "why": ")" + std::string(kLongestWhy + 1, 'x') + "\"}"));
}

TEST(MaintenanceChange, knows_three_positions) {
  EXPECT_EQ(parse_maintenance_change(R"({"on": true})")->on, true);
  EXPECT_EQ(parse_maintenance_change(R"({"on": false})")->on, false);
  EXPECT_EQ(parse_maintenance_change(R"({"on": null})")->on, std::nullopt);
  const auto change = parse_maintenance_change(R"({"on": true, "server": "a", "location": "/b", "why": "c"})");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->server, "a");
  EXPECT_EQ(change->location, "/b");
  EXPECT_EQ(change->why, "c");
}

TEST(MaintenanceChange, every_fault_has_a_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "\"on\" is missing"},
      {R"({"on": "yes"})", "not true, false or null"},
      {R"({"on": true, "location": "/"})", "needs its \"server\""},
      {R"({"on": true, "where": "x"})", "unknown member"},
  };
  for (const auto& [body, error] : cases) {
    const auto change = parse_maintenance_change(body);
    ASSERT_FALSE(change) << body;
    EXPECT_THAT(change.error(), HasSubstr(error)) << body;
  }
}

TEST(UpgradeChange, body_names_binary_and_patience) {
  EXPECT_EQ(parse_upgrade_change("")->binary, "");
  EXPECT_EQ(parse_upgrade_change("{}")->within, Millis(60'000));
  const auto change = parse_upgrade_change(R"({"binary": "/opt/weir", "within_ms": 500})");
  ASSERT_TRUE(change) << change.error();
  EXPECT_EQ(change->binary, "/opt/weir");
  EXPECT_EQ(change->within, Millis(500));
  for (const char* body : {"[]", "x", R"({"binary": "weir"})", R"({"binary": 1})", R"({"within_ms": 0})",
                           R"({"within_ms": 120001})", R"({"more": 1})"})
    EXPECT_FALSE(parse_upgrade_change(body)) << body;
}

TEST(ReloadChange, verification_is_read) {
  const auto change = parse_reload_change(R"({"verify": "http://a/", "within_ms": 5000})");
  ASSERT_TRUE(change) << change.error();
  EXPECT_EQ(change->verify, "http://a/");
  EXPECT_EQ(change->within, Millis(5000));
  EXPECT_EQ(parse_reload_change(R"({"verify": "http://a/"})")->within, Millis(10'000));
}

TEST(ReloadChange, every_fault_has_a_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "\"verify\" is missing"},
      {R"({"verify": 1})", "not a string"},
      {R"({"verify": "http://a/", "within_ms": 0})", "not a number from 1 to 120000"},
      {R"({"verify": "http://a/", "how": "x"})", "unknown member"},
  };
  for (const auto& [body, error] : cases) {
    const auto change = parse_reload_change(body);
    ASSERT_FALSE(change) << body;
    EXPECT_THAT(change.error(), HasSubstr(error)) << body;
  }
}

TEST(ExplainBody, request_is_read) {
  const auto request = parse_explain_request(
      R"({"url": "http://a/x", "method": "PUT", "client": "10.0.0.1", "headers": ["A: b"], "cookies": ["c=d", "e=f"]})");
  ASSERT_TRUE(request) << request.error();
  EXPECT_EQ(request->url, "http://a/x");
  EXPECT_EQ(request->method, "PUT");
  EXPECT_EQ(request->client.ip(), "10.0.0.1");
  EXPECT_EQ(request->headers, std::vector<std::string>{"A: b"});
  EXPECT_EQ(request->cookies, (std::vector<std::string>{"c=d", "e=f"}));
  const auto least = parse_explain_request(R"({"url": "http://a/"})");
  EXPECT_EQ(least->method, "GET");
  EXPECT_EQ(least->client.ip(), "127.0.0.1");
}

TEST(ExplainBody, every_fault_has_a_name) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"url": 1})", "not a string"},
      {R"({"url": "http://a/", "client": "a"})", "no address"},
      {R"({"url": "http://a/", "headers": "A: b"})", "not a list"},
      {R"({"url": "http://a/", "headers": [1]})", "not a list of strings"},
      {R"({"url": "http://a/", "headers": ["nonsense"]})", "no NAME: VALUE"},
      {R"({"url": "http://a/", "headers": ["A: b\r\nC: d"]})", "no NAME: VALUE"},
      {R"({"url": "http://a/", "cookies": ["a=b\r\nC: d"]})", "no NAME=VALUE"},
      {R"({"url": "http://a/", "method": "GET / HTTP/1.1"})", "--method"},
      {R"({"url": "http://a/", "how": "x"})", "unknown member"},
  };
  for (const auto& [body, error] : cases) {
    const auto request = parse_explain_request(body);
    ASSERT_FALSE(request) << body;
    EXPECT_THAT(request.error(), HasSubstr(error)) << body;
  }
}

}  // namespace
}  // namespace weir::admin
