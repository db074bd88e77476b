// health_check, match, queue, sticky, resolver, maintenance: what they fill.
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config/loader.h"
#include "config_text.h"

namespace weir::config {
namespace {

UpstreamModel upstream_of(const std::string& inside, const std::string& http = "") {
  return load("http { " + http + " upstream u { server 10.0.0.1; " + inside + " } }").model.upstreams.at(0);
}
upstream::CheckOptions check(const std::string& parameters, const std::string& http = "") {
  return upstream_of("health_check " + parameters + ";", http).checks.at(0);
}

TEST(HealthCheck, has_weirs_defaults_or_nginxs) {
  const upstream::CheckOptions mine = check("");
  EXPECT_TRUE(mine.health == policy::HealthOptions());
  EXPECT_EQ(mine.type, upstream::CheckType::kHttp);
  EXPECT_EQ(mine.uri, "/");
  EXPECT_EQ(mine.host, "");
  EXPECT_EQ(mine.match, nullptr);
  const upstream::CheckOptions nginx = check("", "defaults nginx;");
  EXPECT_EQ(nginx.health.interval, Millis(5000));
  EXPECT_EQ(nginx.health.fastinter, Millis(5000));
  EXPECT_EQ(nginx.health.jitter, 0U);
  EXPECT_EQ(nginx.health.fails, 1U);
  EXPECT_EQ(nginx.health.passes, 1U);
}

TEST(HealthCheck, takes_every_parameter) {
  const upstream::CheckOptions made = check(
      "interval=10s jitter=20% fails=4 passes=5 timeout=3s fastinter=1s downinter=30s uri=/up?x=1 method=HEAD "
      "host=a.example:81 port=99 mandatory persistent match=m keepalive_time=1m fail_open type=http",
      "match m { status 204; }");
  EXPECT_EQ(made.health.interval, Millis(10'000));
  EXPECT_EQ(made.health.jitter, 20U);
  EXPECT_EQ(made.health.fails, 4U);
  EXPECT_EQ(made.health.passes, 5U);
  EXPECT_EQ(made.health.timeout, Millis(3000));
  EXPECT_EQ(made.health.fastinter, Millis(1000));
  EXPECT_EQ(made.health.downinter, Millis(30'000));
  EXPECT_EQ(made.uri, "/up?x=1");
  EXPECT_EQ(made.method, "HEAD");
  EXPECT_EQ(made.host, "a.example:81");
  EXPECT_EQ(made.port, 99);
  EXPECT_TRUE(made.health.mandatory);
  EXPECT_TRUE(made.health.persistent);
  EXPECT_EQ(made.match->name, "m");
  EXPECT_EQ(made.keepalive_time, Millis(60'000));
  EXPECT_TRUE(made.fail_open);
  EXPECT_EQ(check("type=tcp").type, upstream::CheckType::kTcp);
}

TEST(HealthCheck, a_jitter_in_time_is_a_share_of_the_interval) {
  EXPECT_EQ(check("jitter=500ms interval=2s").health.jitter, 25U);
  EXPECT_EQ(check("jitter=1ms").health.jitter, 1U);
  EXPECT_EQ(check("interval=1ms jitter=5y").health.jitter, 100U);
  EXPECT_EQ(check("jitter=0").health.jitter, 0U);
  EXPECT_EQ(check("interval=4d jitter=2d").health.jitter, 50U);
}

TEST(HealthCheck, interval_never_grows_while_a_standing_changes) {
  EXPECT_EQ(check("interval=100ms").health.fastinter, Millis(100));
  EXPECT_EQ(check("interval=1h").health.fastinter, Millis(500));
}

TEST(HealthCheck, belongs_to_the_upstream_of_its_location) {
  const LoadedConfig loaded = load(
      "server { listen 1; location / { health_check uri=/a; proxy_pass http://u; location /in { proxy_pass http://u; "
      "health_check uri=/a; } } location /b { proxy_pass http://10.0.0.9; health_check uri=/b; } } upstream u { server "
      "10.0.0.1; health_check uri=/c; }");
  const auto& upstreams = loaded.model.upstreams;
  ASSERT_EQ(upstreams.at(0).checks.size(), 2U);
  EXPECT_EQ(upstreams[0].checks[0].uri, "/c");
  EXPECT_EQ(upstreams[0].checks[1].uri, "/a");
  EXPECT_TRUE(upstreams.at(1).implicit);
  EXPECT_EQ(upstreams[1].checks.at(0).uri, "/b");
}

TEST(HealthCheck, refuses_line_ends_in_its_request) {
  const auto refused = [](const std::string& parameter) {
    return !load_text("upstream u { server 10.0.0.1; health_check \"" + parameter + "\"; }").ok();
  };
  for (const char* each : {"uri=/a\\r\\nX: y", "uri=/a b", "uri=/\\t", "uri=*", "uri=", "uri=/\xc3\xa9", "uri=/a#b",
                           "method=GET /x", "method=", "method=G\\r", "host=a b", "host=a\\n", "host=a/b", "host=u@h"})
    EXPECT_TRUE(refused(each)) << each;
}

TEST(HealthCheck, errors_fit_in_one_line) {
  EXPECT_EQ(
      messages("upstream u { server 10.0.0.1; health_check \"type=a\\r\\nb\"; }"),
      "weir.conf:1:44: error: invalid value \"type=a\\x0d\\x0ab\" in \"health_check\" directive, it must be http or "
      "tcp\n");
}

TEST(HealthCheck, finds_a_match_in_any_place) {
  const std::string upstream = "upstream u { server 10.0.0.1; health_check match=ready; } ";
  EXPECT_EQ(load(upstream + "match ready { status 200; }").model.upstreams.at(0).checks.at(0).match->name, "ready");
  EXPECT_EQ(messages("upstream u { server 10.0.0.1;\n health_check match=raedy; } match ready { status 200; }"),
            "weir.conf:2:15: error: unknown match \"raedy\", did you mean \"ready\"?\n");
}

TEST(HealthCheck, a_match_that_is_wrong_is_reported_once) {
  EXPECT_EQ(messages("match m { body ~ \"(\"; } upstream u { server 10.0.0.1; health_check match=m; }"),
            "weir.conf:1:18: error: missing closing parenthesis at offset 1 in \"(\"\n");
}

TEST(Match, holds_statuses_headers_and_bodies) {
  const LoadedConfig loaded = load(
      "match m { status ! 500 502-504; header A; header ! B; header C = d; header E != f; header G ~ ^h; header I !~ "
      "j$;"
      " body = ok; body != no; body ~ y; body !~ z; }");
  const upstream::Match& match = *loaded.model.matches.at(0);
  using Op = upstream::Match::Header::Op;
  EXPECT_TRUE(match.status_negated);
  ASSERT_EQ(match.statuses.size(), 2U);
  EXPECT_EQ(match.statuses[1].least, 502);
  EXPECT_EQ(match.statuses[1].most, 504);
  const std::vector<Op> expected = {Op::kPresent, Op::kAbsent,  Op::kEquals,
                                    Op::kDiffers, Op::kMatches, Op::kMatchesNot};
  ASSERT_EQ(match.headers.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(match.headers[i].op, expected[i]) << i;
    EXPECT_EQ(match.headers[i].regex != nullptr, i >= 4) << i;
  }
  EXPECT_EQ(match.headers[2].value, "d");
  ASSERT_EQ(match.bodies.size(), 4U);
  EXPECT_EQ(match.bodies[0].regex, nullptr);
  EXPECT_FALSE(match.bodies[0].negated);
  EXPECT_TRUE(match.bodies[1].negated);
  EXPECT_NE(match.bodies[2].regex, nullptr);
  EXPECT_TRUE(match.bodies[3].negated);
}

TEST(Queue, has_a_length_and_a_timeout) {
  EXPECT_EQ(upstream_of("").settings.queue.most, 0U);
  EXPECT_EQ(upstream_of("server 10.0.0.2 max_conns=1; queue 10;").settings.queue.timeout, Millis(60'000));
  EXPECT_EQ(upstream_of("server 10.0.0.2 max_conns=1; queue 10 timeout=5s;").settings.queue.timeout, Millis(5000));
}

TEST(Queue, missing_max_conns_is_a_warning) {
  EXPECT_EQ(messages("upstream u { server 10.0.0.1;\n queue 5; }"),
            "weir.conf:2:2: warning: \"queue\" is for places that \"max_conns\" limits, and no server has it\n");
}

TEST(Sticky, cookie_of_two_upstreams_is_a_warning_when_servers_differ) {
  const std::string first = "upstream a { server 10.0.0.1; server 10.0.0.2; sticky cookie id; }\n";
  EXPECT_EQ(
      messages(first + "upstream b { server 10.0.0.1; sticky cookie id; }"),
      "weir.conf:2:31: warning: upstream \"a\" has other servers and the same cookie \"id\": a client of both loses "
      "its server with each change, give them two names\n");
  for (const std::string other :
       {"server 10.0.0.2; server 10.0.0.1; sticky cookie id;", "server 10.0.0.3; sticky cookie other;",
        "server 10.0.0.3; sticky cookie id path=/b;", "server 10.0.0.3; sticky route $arg_r;"})
    EXPECT_EQ(messages(first + "upstream b { " + other + " }"), "") << other;
}

TEST(Sticky, cookie_is_guarded_except_under_nginx_defaults) {
  const proxy::StickyOptions mine = upstream_of("sticky cookie id;").sticky;
  EXPECT_EQ(mine.kind, proxy::StickyOptions::Kind::kCookie);
  EXPECT_EQ(mine.cookie, "id");
  EXPECT_EQ(mine.path, "/");
  EXPECT_TRUE(mine.http_only);
  EXPECT_EQ(mine.same_site, proxy::SameSite::kLax);
  EXPECT_EQ(mine.secure, proxy::StickyOptions::Secure::kAuto);
  EXPECT_FALSE(mine.expires.has_value());
  const proxy::StickyOptions nginx = upstream_of("sticky cookie id;", "defaults nginx;").sticky;
  EXPECT_EQ(nginx.path, "");
  EXPECT_FALSE(nginx.http_only);
  EXPECT_EQ(nginx.same_site, proxy::SameSite::kUnset);
  EXPECT_EQ(nginx.secure, proxy::StickyOptions::Secure::kOff);
}

TEST(Sticky, takes_nginxs_attributes) {
  const proxy::StickyOptions made =
      upstream_of(
          "sticky cookie id expires=1h domain=.a.org path=/x httponly=off samesite=none secure "
          "secret=0123456789abcdef;")
          .sticky;
  EXPECT_EQ(made.expires, Millis(3'600'000));
  EXPECT_EQ(made.domain, ".a.org");
  EXPECT_EQ(made.path, "/x");
  EXPECT_FALSE(made.http_only);
  EXPECT_EQ(made.same_site, proxy::SameSite::kNone);
  EXPECT_EQ(made.secure, proxy::StickyOptions::Secure::kOn);
  EXPECT_EQ(made.secret, "0123456789abcdef");
  EXPECT_TRUE(upstream_of("sticky cookie id expires=max;").sticky.expires_max);
}

TEST(Sticky, routes_and_learns) {
  EXPECT_EQ(upstream_of("sticky route $cookie_a $arg_b; ip_hash;").sticky.routes.size(), 2U);
  const proxy::StickyOptions learn =
      upstream_of("sticky learn create=$upstream_cookie_a lookup=$cookie_a lookup=$arg_a zone=z:1m;").sticky;
  EXPECT_EQ(learn.create.size(), 1U);
  EXPECT_EQ(learn.lookup.size(), 2U);
  EXPECT_EQ(learn.zone, "z");
  EXPECT_EQ(learn.zone_bytes, 1024U * 1024);
  EXPECT_EQ(learn.timeout, Millis(600'000));
  EXPECT_FALSE(learn.learn_from_header);
}

TEST(UpstreamServers, ramp_route_drain_and_resolve) {
  const LoadedConfig loaded = load(
      "upstream u { least_time header; server 10.0.0.1 slow_start=30s route=a drain backup; server a.example:81 "
      "resolve;"
      " server b.example service=_http._tcp resolve; }");
  const auto& servers = loaded.model.upstreams.at(0).servers;
  EXPECT_EQ(servers.at(0).options.slow_start, Millis(30'000));
  EXPECT_EQ(servers[0].options.route, "a");
  EXPECT_TRUE(servers[0].options.drain);
  EXPECT_TRUE(servers.at(1).resolve);
  EXPECT_EQ(servers.at(2).service, "_http._tcp");
}

TEST(UpstreamServers, methods_by_time) {
  using policy::Method;
  EXPECT_EQ(upstream_of("least_time header;").method, Method::kLeastTimeHeader);
  EXPECT_EQ(upstream_of("least_time last_byte;").method, Method::kLeastTimeLastByte);
  EXPECT_EQ(upstream_of("random two least_time=header;").method, Method::kRandomTwoHeader);
  EXPECT_EQ(upstream_of("random two least_time=last_byte;").method, Method::kRandomTwoLastByte);
}

TEST(UpstreamServers, hash_and_random_have_no_slow_start) {
  for (const char* method : {"ip_hash", "hash $host", "hash $host consistent", "random", "random two"})
    EXPECT_EQ(messages("upstream u { " + std::string(method) + ";\nserver 10.0.0.1 slow_start=1s; server 10.0.0.2; }"),
              "weir.conf:2:1: error: balancing method does not support parameter \"slow_start\"\n");
}

TEST(Resolver, an_upstream_has_its_own_or_that_of_http) {
  const LoadedConfig loaded = load(
      "resolver 10.0.0.53 valid=30s; resolver_timeout 5s; upstream a { server 10.0.0.1; } upstream b { server 10.0.0.1;"
      " resolver [::1]:5353 ipv4=off; } server { listen 1; location / { proxy_pass http://c.example; } }");
  const auto& upstreams = loaded.model.upstreams;
  EXPECT_EQ(upstreams.at(0).resolver.servers, std::vector<std::string>{"10.0.0.53:53"});
  EXPECT_EQ(upstreams[0].resolver.valid, Millis(30'000));
  EXPECT_EQ(upstreams[0].resolver.timeout, Millis(5000));
  EXPECT_EQ(upstreams.at(1).resolver.servers, std::vector<std::string>{"[::1]:5353"});
  EXPECT_EQ(upstreams[1].resolver.valid, Millis(0));
  EXPECT_EQ(upstreams[1].resolver.timeout, Millis(5000));
  EXPECT_FALSE(upstreams[1].resolver.ipv4);
  EXPECT_TRUE(upstreams.at(2).resolver == upstreams[0].resolver);
}

TEST(Maintenance, is_inherited_and_reads_its_page_beside_the_file) {
  MemoryFiles files(std::map<std::string, std::string>{
      {"/etc/weir/weir.conf",
       "server { listen 1; maintenance_page pages/down.TXT; maintenance_retry_after 1500ms; maintenance_allow "
       "10.0.0.0/8 "
       "unix:; location / { maintenance on; return 200; } location /a { maintenance_allow off; return 200; } }"},
      {"/etc/weir/pages/down.TXT", "closed\n"}});
  const LoadedConfig loaded = load_config("/etc/weir/weir.conf", files);
  ASSERT_EQ(loaded.diagnostics.to_text(), "");
  const filter::MaintenanceOptions& on = loaded.model.servers.at(0).locations.at(0).settings.maintenance;
  EXPECT_TRUE(on.on);
  EXPECT_EQ(on.page, "closed\n");
  EXPECT_EQ(on.page_file, "pages/down.TXT");
  EXPECT_EQ(on.type, "text/plain");
  EXPECT_EQ(on.retry_after, 2);
  EXPECT_EQ(on.allow.size(), 2U);
  const filter::MaintenanceOptions& other = loaded.model.servers[0].locations.at(1).settings.maintenance;
  EXPECT_FALSE(other.on);
  EXPECT_EQ(other.page, "closed\n");
  EXPECT_TRUE(other.allow.empty());
}

TEST(Maintenance, page_must_exist_and_be_small) {
  const auto of = [](const std::string& page) {
    MemoryFiles files(
        std::map<std::string, std::string>{{"w", "server { maintenance_page p; return 200; }"}, {"p", page}});
    return load_config("w", files).diagnostics.to_text();
  };
  EXPECT_EQ(of(std::string(1 << 20, 'x')), "");
  EXPECT_EQ(of(std::string((1 << 20) + 1, 'x')), "w:1:27: error: the page \"p\" is larger than 1 MB\n");
  EXPECT_EQ(of(""), "w:1:27: error: the page \"p\" is empty\n");
  EXPECT_EQ(messages("server { maintenance_page p; }"),
            "weir.conf:1:27: error: open() \"p\" failed (2: No such file or directory)\n");
}

TEST(NotReady, answers_are_listed_by_status_and_text) {
  const LoadedConfig loaded = load(
      "server { listen 1; proxy_next_upstream_match 503 a; proxy_next_upstream_match 502 b; location / { return 200; } "
      "location /a { proxy_next_upstream_match off; return 200; } }");
  const ServerModel& server = loaded.model.servers.at(0);
  ASSERT_EQ(server.locations.at(0).settings.not_ready.size(), 2U);
  EXPECT_EQ(server.locations[0].settings.not_ready[1].status, 502);
  EXPECT_EQ(server.locations[0].settings.not_ready[1].text, "b");
  EXPECT_TRUE(server.locations.at(1).settings.not_ready.empty());
}

TEST(Process, admin_socket_and_state_file) {
  const MainConfig main = load("admin unix:/run/a.sock; state_file /var/s;").model.main;
  EXPECT_EQ(main.admin, "/run/a.sock");
  EXPECT_EQ(main.state_file, "/var/s");
  EXPECT_EQ(load("admin off; state_file off;").model.main.admin, "off");
  EXPECT_EQ(load("pid /x;").model.main.admin, "");
}

}  // namespace
}  // namespace weir::config
