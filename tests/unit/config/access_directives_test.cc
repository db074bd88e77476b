// Access and limits: what the directives put into a location.
#include <gtest/gtest.h>

#include "config/loader.h"

namespace weir::config {
namespace {

LoadedConfig load(const std::string& text) {
  MemoryFiles files({{"weir.conf", "events {} http { " + text + " }"}, {"users", "anna:{PLAIN}secret"}});
  return load_config("weir.conf", files);
}

constexpr const char* kZones =
    "limit_req_zone $arg_a zone=a:1m rate=10r/s; limit_req_zone $arg_b zone=b:1m rate=90r/m; "
    "limit_conn_zone $arg_a zone=c:1m; ";

const proxy::Location& first(const LoadedConfig& loaded) {
  return loaded.model.servers.at(0).locations.at(0).settings;
}

TEST(AccessDirectives, limits_hold_the_rate_of_their_zone) {
  const LoadedConfig loaded = load(std::string(kZones) +
                                   "server { listen 1; location / { limit_req zone=a burst=3 delay=2; "
                                   "limit_req zone=b nodelay; proxy_pass http://10.0.0.1; } }");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  const auto& limits = first(loaded).limit_requests.limits;
  ASSERT_EQ(limits.size(), 2U);
  EXPECT_EQ(limits[0].limit.rate, 10'000);
  EXPECT_EQ(limits[0].limit.burst, 3'000);
  EXPECT_EQ(limits[0].limit.delay, 2'000);
  EXPECT_EQ(limits[1].limit.rate, 1'500);
  EXPECT_EQ(limits[1].limit.delay, INT64_MAX);
  EXPECT_EQ(limits[1].zone->bytes, 1U << 20);
}

TEST(AccessDirectives, limits_of_a_level_replace_the_inherited) {
  const LoadedConfig loaded =
      load(std::string(kZones) +
           "limit_req zone=a; limit_conn c 5; server { listen 1; location / { limit_req zone=b; "
           "proxy_pass http://10.0.0.1; } }");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  ASSERT_EQ(first(loaded).limit_requests.limits.size(), 1U);
  EXPECT_EQ(first(loaded).limit_requests.limits[0].zone->name, "b");
  EXPECT_EQ(first(loaded).limit_connections.limits.size(), 1U);
}

TEST(AccessDirectives, limit_conn_log_level_is_that_of_its_line) {
  const LoadedConfig loaded = load(std::string(kZones) +
                                   "limit_conn_log_level notice; server { listen 1; location / { limit_conn c 1; "
                                   "proxy_pass http://10.0.0.1; } }");
  EXPECT_EQ(first(loaded).limit_connections.level, LogLevel::kNotice);
  EXPECT_EQ(first(loaded).limit_requests.level, LogLevel::kError);
}

TEST(AccessDirectives, limit_except_begins_as_its_location) {
  const LoadedConfig loaded = load(
      "server { listen 1; location / { limit_except GET post { deny all; } proxy_pass http://10.0.0.1; "
      "proxy_read_timeout 7s; set $x y; } }");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  const proxy::Location& location = first(loaded);
  ASSERT_NE(location.limit_except, nullptr);
  EXPECT_TRUE(location.access.rules.empty());
  EXPECT_EQ(location.limit_except->methods, (std::vector<std::string>{"GET", "POST"}));
  const proxy::Location& inside = *location.limit_except->settings;
  EXPECT_EQ(inside.access.rules.size(), 1U);
  EXPECT_EQ(inside.read_timeout, Millis(7000));
  EXPECT_TRUE(inside.pass.has_value());
  EXPECT_TRUE(inside.rewrite.empty());
  EXPECT_TRUE(location.limit_except->lets("HEAD"));
  EXPECT_FALSE(location.limit_except->lets("PUT"));
}

TEST(AccessDirectives, limit_except_passes_to_a_peer_of_its_own) {
  const LoadedConfig loaded = load(
      "server { listen 1; location / { limit_except GET { proxy_pass http://10.0.0.2; access_log off; } "
      "proxy_pass http://10.0.0.1/x; } location /only { limit_except GET { proxy_pass http://10.0.0.2; } return 200; } "
      "}");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  const proxy::Location& location = first(loaded);
  EXPECT_EQ(location.pass->url, "http://10.0.0.1/x");
  const proxy::Location& inside = *location.limit_except->settings;
  EXPECT_EQ(inside.pass->url, "http://10.0.0.2");
  EXPECT_FALSE(inside.pass->has_uri);
  EXPECT_NE(inside.pass->cluster, location.pass->cluster);
  const proxy::Location& only = loaded.model.servers.at(0).locations.at(1).settings;
  EXPECT_TRUE(only.returns && only.limit_except->settings->pass && !only.limit_except->settings->returns);
}

TEST(AccessDirectives, limit_except_is_not_handed_down) {
  const LoadedConfig loaded = load(
      "server { listen 1; location / { limit_except GET { deny all; } proxy_pass http://10.0.0.1; "
      "location /in { proxy_pass http://10.0.0.1; } } }");
  ASSERT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  EXPECT_EQ(loaded.model.servers.at(0).locations.at(0).nested.at(0).settings.limit_except, nullptr);
}

TEST(AccessDirectives, password_file_is_looked_for_beside_the_configuration) {
  const LoadedConfig loaded =
      load("server { listen 1; location / { auth_basic x; auth_basic_user_file users; proxy_pass http://10.0.0.1; } }");
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  EXPECT_TRUE(first(loaded).auth_basic.is_on());
  const LoadedConfig missing = load(
      "server { listen 1; location / { auth_basic x; auth_basic_user_file nobody; proxy_pass http://10.0.0.1; } }");
  EXPECT_TRUE(missing.ok());
  EXPECT_NE(missing.diagnostics.to_text().find("requests are refused until the file is there"), std::string::npos);
}

}  // namespace
}  // namespace weir::config
