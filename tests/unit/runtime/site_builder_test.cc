// Snapshots made of hand-written models.
#include "runtime/site_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/temp_dir.h"

namespace weir::runtime {
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
  BuiltSite build() { return build_site({model_, 1, registry_, &log_writer_, resolve_, overrides_}); }

  config::Model model_;
  Registry registry_;
  observe::AccessLogWriter log_writer_;
  Overrides overrides_;
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

TEST_F(SiteBuilderTest, name_is_lost_when_no_peer_of_it_is_reached) {
  model_.upstreams = {upstream("app", {named("two.example", 13000), literal("10.0.0.9", 80)}),
                      upstream("other", {named("two.example", 13000)})};
  const BuiltSite built = build();
  const auto& peers = built.site->clusters[0].cluster->primaries();
  const auto lost = [&] { return find_lost_names(model_, *built.site).begin()->second; };
  ASSERT_THAT(find_lost_names(model_, *built.site), SizeIs(1));
  EXPECT_FALSE(lost());
  peers[0].state->note_connect(false);
  EXPECT_FALSE(lost());
  peers[1].state->check_down = true;
  EXPECT_TRUE(lost());
  peers[0].state->note_connect(true);
  EXPECT_FALSE(lost());
  model_.upstreams[0].servers[0].resolve = model_.upstreams[1].servers[0].resolve = true;
  EXPECT_THAT(find_lost_names(model_, *built.site), SizeIs(0));
}

TEST_F(SiteBuilderTest, takes_port_weight_and_tier_from_srv_records) {
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

TEST_F(SiteBuilderTest, resolves_with_the_options_of_upstream_and_server) {
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

TEST_F(SiteBuilderTest, warns_of_an_unresolved_name_and_continues) {
  model_.upstreams = {upstream("app", {named("none.example", 80), literal("10.0.0.9", 80)})};
  const BuiltSite built = build();
  ASSERT_TRUE(built.site);
  EXPECT_THAT(built.site->clusters[0].cluster->primaries(), SizeIs(1));
  EXPECT_THAT(built.warnings, ElementsAre(HasSubstr("weir.conf:3:5: warning: ")));
  EXPECT_THAT(built.unresolved, ElementsAre("none.example:80"));
}

TEST_F(SiteBuilderTest, begins_round_robin_anywhere_but_under_nginx_defaults) {
  Registry drawn(42);
  model_.upstreams = {upstream("app", {literal("10.0.0.1", 80), literal("10.0.0.2", 80)})};
  const auto start = [&] {
    return build_site({model_, 1, drawn, &log_writer_, resolve_}).site->clusters[0].cluster->options().start;
  };
  EXPECT_EQ(start(), drawn.upstream("app", 20, 3).start);
  EXPECT_NE(start(), 0U);
  model_.main.nginx_defaults = true;
  EXPECT_EQ(start(), 0U);
}

TEST_F(SiteBuilderTest, refuses_an_unresolved_name_under_nginx_defaults) {
  model_.main.nginx_defaults = true;
  model_.upstreams = {upstream("app", {named("none.example", 80)})};
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, ElementsAre(HasSubstr("host not found")));
}

TEST_F(SiteBuilderTest, warns_of_an_unresolved_name_with_resolve) {
  model_.main.nginx_defaults = true;
  config::UpstreamServer server = named("none.example", 80);
  server.resolve = true;
  model_.upstreams = {upstream("app", {server})};
  const BuiltSite built = build();
  EXPECT_TRUE(built.site);
  EXPECT_THAT(built.warnings, ElementsAre(HasSubstr("no peer until the name resolves")));
  EXPECT_THAT(built.unresolved, ElementsAre("none.example:80"));
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

TEST_F(SiteBuilderTest, reports_every_invalid_location) {
  model_.servers = {server({""}, address("0.0.0.0", 80))};
  model_.servers[0].locations = {location("/a"), location("/a"), location("/b"), location("/b")};
  const BuiltSite built = build();
  EXPECT_FALSE(built.site);
  EXPECT_THAT(built.errors, SizeIs(2));
}

TEST_F(SiteBuilderTest, shares_an_access_log_between_locations) {
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
  EXPECT_GE(virtual_server.fallback.access_logs->front().file.id(), 0);
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

using Mode = PeerOverride::Mode;

class OverriddenSiteTest : public SiteBuilderTest {
 protected:
  OverriddenSiteTest() {
    model_.upstreams = {upstream("app", {literal("10.0.0.1", 80), literal("10.0.0.2", 80)})};
    model_.upstreams[0].position = "weir.conf:2:3";
    model_.servers = {server({"a.example"}, address("0.0.0.0", 80)), server({"b.example"}, address("0.0.0.0", 80))};
    model_.servers[0].locations = {location("/"), location("/api/")};
  }
  config::UpstreamServer& first() { return model_.upstreams[0].servers[0]; }
  PeerOverride& say_of_first(Mode mode) {
    PeerOverride& said = overrides_.peers[{"app", "10.0.0.1:80"}];
    said.mode = mode;
    return said;
  }
  static const policy::Peer& peer(const BuiltSite& built, size_t i) {
    return built.site->clusters[0].cluster->primaries()[i];
  }
  static size_t filters(const BuiltSite& built, size_t server, size_t location) {
    return built.site->servers[server]->locations[location]->filters.size();
  }
};

TEST_F(OverriddenSiteTest, gives_a_peer_the_weight_of_its_override) {
  say_of_first(Mode::kNone).weight = 7;
  const BuiltSite built = build();
  EXPECT_EQ(peer(built, 0).options.weight, 7U);
  EXPECT_EQ(peer(built, 1).options.weight, 1U);
}

TEST_F(OverriddenSiteTest, raises_a_peer_the_configuration_takes_out) {
  first().options.down = first().options.drain = true;
  say_of_first(Mode::kUp).why = "disk is new";
  const BuiltSite built = build();
  EXPECT_FALSE(peer(built, 0).hard_down());
  EXPECT_THAT(built.contradicted, ElementsAre("weir.conf:2:3: peer app/10.0.0.1:80: operator override \"up\" in force "
                                              "over \"down\" of the configuration (\"disk is new\")"));
}

TEST_F(OverriddenSiteTest, warns_when_the_configuration_has_another_weight) {
  first().options.weight = 5;
  say_of_first(Mode::kNone).weight = 1;
  EXPECT_THAT(build().contradicted,
              ElementsAre(HasSubstr("operator override \"weight 1\" in force over \"weight=5\"")));
  say_of_first(Mode::kNone).weight = 5;
  EXPECT_THAT(build().contradicted, SizeIs(0));
}

TEST_F(OverriddenSiteTest, warns_of_overrides_without_a_peer) {
  overrides_.peers[{"app", "10.0.0.9:80"}].mode = Mode::kDown;
  overrides_.peers[{"gone", "10.0.0.1:80"}].mode = Mode::kDown;
  overrides_.maintenance[{"a.example", "/none/"}].on = true;
  overrides_.maintenance[{"c.example", ""}].on = true;
  const BuiltSite built = build();
  EXPECT_THAT(built.orphans, SizeIs(4));
  EXPECT_THAT(built.orphans, ::testing::Contains(HasSubstr("peer app/10.0.0.9:80")));
  EXPECT_THAT(built.orphans, ::testing::Contains(HasSubstr("location \"/none/\" of server \"a.example\"")));
}

TEST_F(OverriddenSiteTest, sets_and_resets_the_switches_of_peers) {
  const BuiltSite built = build();
  const policy::PeerState& state = *peer(built, 0).state;
  const auto said = [&](Mode mode) {
    say_of_first(mode);
    switch_peers(*built.site, overrides_);
    return std::pair(state.admin_down.load(), state.drain.load());
  };
  EXPECT_EQ(said(Mode::kDown), std::pair(true, false));
  EXPECT_EQ(said(Mode::kDrain), std::pair(false, true));
  EXPECT_EQ(said(Mode::kDrained), std::pair(true, true));
  EXPECT_EQ(said(Mode::kUp), std::pair(false, false));
  said(Mode::kDown);
  overrides_.peers.clear();
  configure_peers(*built.site, overrides_);
  EXPECT_FALSE(state.hard_down());
  EXPECT_FALSE(peer(built, 1).state->hard_down());
}

TEST_F(OverriddenSiteTest, adds_the_maintenance_filter_when_on) {
  model_.servers[0].locations[1].settings.maintenance.on = true;
  const BuiltSite built = build();
  EXPECT_EQ(filters(built, 0, 0), 0U);
  EXPECT_EQ(filters(built, 0, 1), 1U);
  EXPECT_TRUE(built.site->servers[0]->fallback.filters.empty());
}

TEST_F(OverriddenSiteTest, switches_maintenance_of_a_whole_server) {
  overrides_.maintenance[{"a.example", ""}].on = true;
  const BuiltSite built = build();
  EXPECT_EQ(filters(built, 0, 0), 1U);
  EXPECT_EQ(filters(built, 0, 1), 1U);
  EXPECT_EQ(built.site->servers[0]->fallback.filters.size(), 1U);
  EXPECT_TRUE(built.site->servers[1]->fallback.filters.empty());
  EXPECT_THAT(built.contradicted, SizeIs(0));
  EXPECT_THAT(built.orphans, SizeIs(0));
}

TEST_F(OverriddenSiteTest, exempts_a_location_from_maintenance_of_its_server) {
  overrides_.maintenance[{"a.example", ""}].on = true;
  overrides_.maintenance[{"a.example", "/api/"}].on = false;
  const BuiltSite built = build();
  EXPECT_EQ(filters(built, 0, 0), 1U);
  EXPECT_EQ(filters(built, 0, 1), 0U);
}

TEST_F(OverriddenSiteTest, warns_once_when_configured_maintenance_is_off) {
  for (config::LocationModel& each : model_.servers[0].locations) each.settings.maintenance.on = true;
  overrides_.maintenance[{"a.example", ""}] = {false, "done", 1};
  const BuiltSite built = build();
  EXPECT_EQ(filters(built, 0, 0), 0U);
  EXPECT_THAT(built.contradicted,
              ElementsAre(HasSubstr(
                  "maintenance: operator override \"off\" in force over \"on\" of the configuration (\"done\")")));
}

TEST_F(SiteBuilderTest, keeps_the_queue_of_an_upstream_over_builds) {
  model_.upstreams = {upstream("app", {literal("10.0.0.1", 80)}), upstream("plain", {literal("10.0.0.1", 80)})};
  model_.upstreams[0].settings.queue.most = 1;
  const BuiltSite first = build();
  const auto& queue = first.site->clusters[0].queue;
  ASSERT_NE(queue, nullptr);
  EXPECT_EQ(first.site->clusters[1].queue, nullptr);
  const auto waiting = queue->enter([] {});
  model_.upstreams[0].settings.queue.most = 2;
  const BuiltSite second = build();
  ASSERT_EQ(second.site->clusters[0].queue, queue);
  EXPECT_EQ(queue->enter([] {}), nullptr);  // not in force yet
  registry_.configure(*second.site);
  EXPECT_NE(queue->enter([] {}), nullptr);
  EXPECT_EQ(second.site->clusters[0].settings.queue.most, 2U);
}

class StickySiteTest : public SiteBuilderTest {
 protected:
  using Kind = proxy::StickyOptions::Kind;
  StickySiteTest() { model_.upstreams = {upstream("app", {literal("10.0.0.1", 80), literal("10.0.0.2", 80)})}; }
  proxy::StickyOptions& sticky() { return model_.upstreams[0].sticky; }
  std::string cookie(const BuiltSite& built) const {
    const proxy::SiteCluster& cluster = built.site->clusters[0];
    return std::string(cluster.sticky->bindings->cookie_of(cluster.cluster->primaries()[0]));
  }
};

TEST_F(StickySiteTest, creates_a_secret_for_cookies) {
  EXPECT_EQ(build().sticky_secret, "");
  EXPECT_EQ(build().site->clusters[0].sticky, nullptr);
  sticky().kind = Kind::kCookie;
  const BuiltSite first = build();
  EXPECT_THAT(first.sticky_secret, SizeIs(64));
  EXPECT_NE(build().sticky_secret, first.sticky_secret);
  overrides_.sticky_secret = first.sticky_secret;
  const BuiltSite second = build();
  EXPECT_EQ(second.sticky_secret, "");
  EXPECT_EQ(cookie(second), cookie(first));
}

TEST_F(StickySiteTest, takes_the_secret_of_the_configuration) {
  sticky().kind = Kind::kCookie;
  sticky().secret = "mine";
  const BuiltSite first = build();
  EXPECT_EQ(first.sticky_secret, "");
  overrides_.sticky_secret = "another";
  EXPECT_EQ(cookie(build()), cookie(first));
}

TEST_F(StickySiteTest, keeps_learned_sessions_by_zone_name) {
  sticky().kind = Kind::kLearn;
  sticky().zone = "sessions";
  sticky().zone_bytes = 64 * 1024;
  const BuiltSite first = build();
  first.site->clusters[0].sticky->sessions->bind("a", 7, 0);
  model_.upstreams.push_back(model_.upstreams[0]);
  model_.upstreams[1].name = "other";
  const BuiltSite second = build();
  EXPECT_EQ(second.site->clusters[0].sticky->sessions, first.site->clusters[0].sticky->sessions);
  EXPECT_EQ(second.site->clusters[1].sticky->sessions, first.site->clusters[0].sticky->sessions);
  model_.upstreams.pop_back();
  sticky().zone_bytes = 16;  // nothing fits
  const BuiltSite third = build();
  EXPECT_EQ(third.site->clusters[0].sticky->sessions->size(), 1U);
  registry_.configure(*third.site);
  EXPECT_EQ(third.site->clusters[0].sticky->sessions->size(), 0U);
}

TEST_F(SiteBuilderTest, equal_servers_add_their_max_conns) {
  const auto limited = [](const char* ip, uint32_t most) {
    config::UpstreamServer server = literal(ip, 80);
    server.options.max_conns = most;
    return server;
  };
  model_.upstreams = {
      upstream("app", {limited("10.0.0.1", 2), limited("10.0.0.2", 7), limited("10.0.0.1", 3)}),
      upstream("open", {limited("10.0.0.1", 2), limited("10.0.0.1", 0)}),
  };
  const BuiltSite built = build();
  const auto& peers = built.site->clusters[0].cluster->primaries();
  ASSERT_EQ(peers.size(), 3U);
  EXPECT_EQ(peers[0].options.max_conns, 5U);
  EXPECT_EQ(peers[1].options.max_conns, 7U);
  EXPECT_EQ(peers[2].options.max_conns, 5U);
  EXPECT_EQ(built.site->clusters[1].cluster->primaries()[0].options.max_conns, 0U);
}

TEST_F(SiteBuilderTest, lists_checked_peers_and_their_hosts) {
  config::UpstreamServer out = literal("10.0.0.2", 80), backup = literal("10.0.0.3", 80);
  out.options.down = true;
  backup.options.backup = true;
  backup.options.slow_start = Millis(5000);
  model_.upstreams = {upstream("unchecked", {literal("10.0.0.1", 80)}),
                      upstream("app", {literal("10.0.0.1", 80), out, backup})};
  upstream::CheckOptions plain, named;
  named.host = "health.example";
  model_.upstreams[1].checks = {plain, named};
  const BuiltSite built = build();
  const auto checked = checked_upstreams(model_, *built.site);
  ASSERT_THAT(checked, SizeIs(1));
  EXPECT_EQ(checked[0].name, "app");
  ASSERT_THAT(checked[0].checks, SizeIs(2));
  EXPECT_EQ(checked[0].checks[0].host, "app");
  EXPECT_EQ(checked[0].checks[1].host, "health.example");
  ASSERT_THAT(checked[0].peers, SizeIs(2));
  EXPECT_EQ(checked[0].peers[0].name, "10.0.0.1:80");
  EXPECT_EQ(checked[0].peers[0].state, built.site->clusters[1].cluster->primaries()[0].state);
  EXPECT_EQ(checked[0].peers[1].slow_start, Millis(5000));
}

}  // namespace
}  // namespace weir::runtime
