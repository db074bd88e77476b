// Snapshots made of hand-written models.
#include "server/site_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/server/temp_dir.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

SocketAddress address(const char* ip, uint16_t port) {
  return *SocketAddress::from_ip(ip, port);
}

config::UpstreamServer literal(const char* ip, uint16_t port) {
  config::UpstreamServer server;
  server.options.address = address(ip, port);
  server.options.name = server.options.server = server.written = server.options.address.to_string();
  return server;
}

config::UpstreamServer named(const char* host, uint16_t port) {
  config::UpstreamServer server;
  server.host = host;
  server.port = port;
  server.written = std::string(host) + ":" + std::to_string(port);
  server.position = "weir.conf:3:5";
  return server;
}

config::UpstreamModel upstream(const char* name, std::vector<config::UpstreamServer> servers) {
  config::UpstreamModel model;
  model.name = name;
  model.servers = std::move(servers);
  return model;
}

config::ServerModel server(std::vector<std::string> names, const SocketAddress& listen, bool is_default = false) {
  config::ServerModel model;
  model.names = std::move(names);
  model.position = "weir.conf:7:3";
  config::ListenModel at;
  at.address = listen;
  at.default_server = is_default;
  at.position = "weir.conf:8:5";
  model.listens.push_back(at);
  return model;
}

config::LocationModel location(const char* pattern) {
  config::LocationModel model;
  model.pattern = pattern;
  model.settings.pattern = pattern;
  model.position = "weir.conf:9:5";
  return model;
}

class SiteBuilderTest : public ::testing::Test {
 protected:
  BuiltSite build() { return build_site({model_, 1, registry_, log_writer_, resolve_}); }

  config::Model model_;
  Registry registry_;
  observe::LogWriter log_writer_;
  ResolveName resolve_ = [](const NameQuestion& question) -> Result<std::vector<io::ResolvedPeer>> {
    const auto& [host, port] = std::tie(question.dns.host, question.dns.port);
    if (host == "two.example")
      return std::vector<io::ResolvedPeer>{{address("10.0.0.1", port)}, {address("10.0.0.2", port)}};
    if (host == "service.example")
      return std::vector<io::ResolvedPeer>{{address("10.0.0.1", 81), 7}, {address("10.0.0.2", 82), 1, true}};
    return Unexpected{"host not found in upstream \"" + host + "\""};
  };
};

TEST_F(SiteBuilderTest, makes_clusters_in_the_order_of_upstreams) {
  model_.upstreams = {upstream("a", {literal("10.0.0.1", 80)}), upstream("b", {literal("10.0.0.1", 80)})};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  ASSERT_THAT(built.site->clusters, SizeIs(2));
  EXPECT_EQ(built.site->clusters[1].cluster->name(), "b");
  EXPECT_EQ(built.site->cluster_by_name.at("b"), 1);
  EXPECT_NE(built.site->clusters[0].budget, nullptr);
  EXPECT_NE(built.site->clusters[0].inflight, built.site->clusters[1].inflight);
}

TEST_F(SiteBuilderTest, makes_every_address_of_a_name_a_peer) {
  config::UpstreamServer server = named("two.example", 13000);
  server.options.weight = 4;
  model_.upstreams = {upstream("app", {server, literal("10.0.0.9", 80)})};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  const auto& peers = built.site->clusters[0].cluster->primaries();
  ASSERT_THAT(peers, SizeIs(3));
  EXPECT_EQ(peers[1].options.name, "10.0.0.2:13000");
  EXPECT_EQ(peers[1].options.server, "two.example:13000");
  EXPECT_EQ(peers[1].options.weight, 4U);
  EXPECT_EQ(peers[2].options.name, "10.0.0.9:80");
}

TEST_F(SiteBuilderTest, takes_port_weight_and_tier_from_srv_records_and_the_rest_from_the_line) {
  config::UpstreamServer server = named("service.example", 13000);
  server.service = "http";
  server.options.weight = 4;
  server.options.max_conns = 9;
  model_.upstreams = {upstream("app", {server})};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  const auto& peers = built.site->clusters[0].cluster->primaries();
  ASSERT_THAT(peers, SizeIs(1));
  EXPECT_EQ(peers[0].options.name, "10.0.0.1:81");
  EXPECT_EQ(peers[0].options.weight, 7U);
  EXPECT_EQ(peers[0].options.max_conns, 9U);
  const auto& backups = built.site->clusters[0].cluster->backups();
  ASSERT_THAT(backups, SizeIs(1));
  EXPECT_EQ(backups[0].options.name, "10.0.0.2:82");
}

TEST_F(SiteBuilderTest, asks_with_the_options_of_its_upstream_and_line) {
  config::UpstreamServer server = named("two.example", 13000);
  server.resolve = true;
  server.service = "http";
  model_.upstreams = {upstream("app", {server})};
  model_.upstreams[0].resolver.servers = {"10.0.0.53:53"};
  model_.upstreams[0].resolver.valid = Millis(7000);
  model_.upstreams[0].resolver.ipv6 = false;
  NameQuestion asked;
  resolve_ = [&](const NameQuestion& question) -> Result<std::vector<io::ResolvedPeer>> {
    asked = question;
    return Unexpected{std::string("not now")};
  };
  (void)build();
  EXPECT_EQ(asked.dns.name(), "_http._tcp.two.example");
  EXPECT_EQ(asked.dns.servers, std::vector<std::string>{"10.0.0.53:53"});
  EXPECT_FALSE(asked.dns.ipv6);
  EXPECT_TRUE(asked.resolve);
  EXPECT_EQ(asked.valid, Millis(7000));
}

TEST_F(SiteBuilderTest, warns_of_a_name_that_does_not_resolve_and_goes_on_without_it) {
  model_.upstreams = {upstream("app", {named("none.example", 80), literal("10.0.0.9", 80)})};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  EXPECT_THAT(built.site->clusters[0].cluster->primaries(), SizeIs(1));
  EXPECT_THAT(built.warnings, ElementsAre(HasSubstr("weir.conf:3:5: warning: ")));
  EXPECT_THAT(built.unresolved, ElementsAre("none.example:80"));
}

TEST_F(SiteBuilderTest, refuses_a_name_that_does_not_resolve_under_the_defaults_of_nginx) {
  model_.main.nginx_defaults = true;
  model_.upstreams = {upstream("app", {named("none.example", 80)})};
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, ElementsAre(HasSubstr("host not found")));
}

TEST_F(SiteBuilderTest, keeps_the_state_of_peers_over_builds) {
  model_.upstreams = {upstream("app", {literal("10.0.0.1", 80)})};
  const BuiltSite first = build();
  model_.upstreams = {upstream("app", {literal("10.0.0.2", 80), literal("10.0.0.1", 80)})};
  const BuiltSite second = build();
  EXPECT_EQ(second.site->clusters[0].cluster->primaries()[1].state,
            first.site->clusters[0].cluster->primaries()[0].state);
  EXPECT_EQ(second.site->clusters[0].inflight, first.site->clusters[0].inflight);
}

TEST_F(SiteBuilderTest, takes_the_first_server_of_an_address_as_its_default) {
  const SocketAddress at = address("0.0.0.0", 80);
  model_.servers = {server({"a.example"}, at), server({"b.example"}, at)};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  const proxy::ListenSite* listen = built.site->listen(at);
  ASSERT_NE(listen, nullptr);
  EXPECT_EQ(listen->default_server->name, "a.example");
  ASSERT_EQ(listen->hosts.find("b.example"), 1);
  EXPECT_EQ(listen->servers[1]->name, "b.example");
}

TEST_F(SiteBuilderTest, takes_the_server_that_is_marked_as_default) {
  const SocketAddress at = address("0.0.0.0", 80);
  model_.servers = {server({"a.example"}, at), server({"b.example"}, at, true)};
  EXPECT_EQ(build().site->listen(at)->default_server->name, "b.example");
}

TEST_F(SiteBuilderTest, refuses_two_defaults_of_one_address) {
  const SocketAddress at = address("0.0.0.0", 80);
  model_.servers = {server({"a.example"}, at, true), server({"b.example"}, at, true)};
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, ElementsAre("weir.conf:8:5: error: a duplicate default server for 0.0.0.0:80"));
}

TEST_F(SiteBuilderTest, warns_of_a_name_that_two_servers_claim) {
  const SocketAddress at = address("0.0.0.0", 80);
  model_.servers = {server({"a.example"}, at), server({"a.example"}, at)};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  EXPECT_THAT(built.warnings, ElementsAre(HasSubstr("conflicting server name")));
  EXPECT_EQ(built.site->listen(at)->hosts.find("a.example"), 0);
}

TEST_F(SiteBuilderTest, fills_the_table_of_nested_locations) {
  config::LocationModel outer = location("/app/");
  outer.nested = {location("/app/api/")};
  model_.servers = {server({""}, address("0.0.0.0", 80))};
  model_.servers[0].locations = {location("/"), outer};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  const proxy::VirtualServer& virtual_server = *built.site->servers[0];
  const auto pattern_of = [&](const char* path) {
    return virtual_server.locations.at(static_cast<size_t>(virtual_server.table.find(path).index))->pattern;
  };
  EXPECT_EQ(pattern_of("/"), "/");
  EXPECT_EQ(pattern_of("/app/x"), "/app/");
  EXPECT_EQ(pattern_of("/app/api/x"), "/app/api/");
}

TEST_F(SiteBuilderTest, reports_every_location_that_cannot_be) {
  model_.servers = {server({""}, address("0.0.0.0", 80))};
  model_.servers[0].locations = {location("/a"), location("/a"), location("/b"), location("/b")};
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, SizeIs(2));
}

TEST_F(SiteBuilderTest, opens_access_logs_and_lets_locations_share_them) {
  const TempDir dir;
  auto logs = std::make_shared<proxy::AccessLogs>(1);
  logs->front().options.path = dir / "access.log";
  model_.servers = {server({""}, address("0.0.0.0", 80))};
  model_.servers[0].settings.access_logs = logs;
  model_.servers[0].locations = {location("/")};
  model_.servers[0].locations[0].settings.access_logs = logs;
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  const proxy::VirtualServer& virtual_server = *built.site->servers[0];
  EXPECT_GE(virtual_server.fallback.access_logs->front().file, 0);
  EXPECT_EQ(virtual_server.locations[0]->access_logs, virtual_server.fallback.access_logs);
  EXPECT_TRUE(dir.exists("access.log"));
}

TEST_F(SiteBuilderTest, refuses_an_access_log_that_cannot_be_opened) {
  auto logs = std::make_shared<proxy::AccessLogs>(1);
  logs->front().options.path = "/nonexistent/access.log";
  model_.servers = {server({""}, address("0.0.0.0", 80))};
  model_.servers[0].settings.access_logs = logs;
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, ElementsAre(HasSubstr("weir.conf:7:3: error: ")));
}

}  // namespace
}  // namespace weir::server
