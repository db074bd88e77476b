// sticky cookie, route and learn: whom a request reaches, and what its client is told.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;
using Kind = StickyOptions::Kind;

route::Template compiled(const std::string& text) {
  return *route::Template::compile(text, {});
}

class Bound : public Rig {
 protected:
  void serve_sticky(Kind kind, const std::function<void(StickyOptions&, Location&)>& tune,
                    const std::string& routes = "abc") {
    sim::SiteMaker maker(shared_, ++generation_);
    maker.server().fallback.access_logs = log_.target();
    int n = 0;
    const int app = maker.upstream(
        "app", {"10.0.0.1", "10.0.0.2", "10.0.0.3"}, policy::Method::kRoundRobin,
        [&](policy::PeerOptions& peer) { peer.route = std::string(1, routes[static_cast<size_t>(n++)]); });
    StickyOptions& options = maker.sticky(app, kind, sessions_);
    tune(options, maker.proxied("/", app));
    const policy::Cluster& cluster = *maker.cluster(app).cluster;
    for (int i = 0; i < 3; ++i)
      values_[i] = policy::Bindings::cookie_value("key", cluster.primaries()[static_cast<size_t>(i)]);
    world_.core->adopt(maker.make({kListen}));
    connect();
  }
  void serve_cookie(const std::function<void(StickyOptions&, Location&)>& tune = [](auto&, auto&) {}) {
    serve_sticky(Kind::kCookie, [&](StickyOptions& options, Location& location) {
      options.cookie = "srv";
      options.path = "/";
      tune(options, location);
    });
  }
  // Asks with these fields, has the peer answer; which it was, 1 to 3.
  int asked(const std::string& fields, std::string_view response = kOk) {
    ask("GET /a HTTP/1.1\r\nHost: app.test\r\n" + fields + "\r\n");
    while (!world_.connecting.empty()) peers_.push_back(world_.connecting.front()->succeed());
    for (const auto& wire : peers_) {
      if (wire->outbound.empty()) continue;
      sent_ = std::exchange(wire->outbound, {});
      tell(*wire, response);
      return wire->peer.ip().back() - '0';
    }
    return 0;
  }
  std::string cookie(int peer) { return "Cookie: x=1; srv=" + values_[peer - 1] + "; y=2\r\n"; }

  std::shared_ptr<sim::Sessions> sessions_ = std::make_shared<sim::Sessions>();
  std::string values_[3];
  std::string sent_;
};

TEST_F(Bound, a_client_without_a_cookie_gets_one) {
  serve_cookie();
  EXPECT_EQ(asked(""), 1);
  EXPECT_TRUE(has(answered(), "\r\nSet-Cookie: srv=" + values_[0] + "; Path=/; HttpOnly; SameSite=Lax\r\n"));
  EXPECT_EQ(world_.count(Counter::kStickyBound), 0U);
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 0U);
}

TEST_F(Bound, cookie_leads_to_its_peer_without_renewal) {
  serve_cookie();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(asked(cookie(3)), 3);
    EXPECT_FALSE(has(answered(), "Set-Cookie"));
  }
  EXPECT_TRUE(has(sent_, cookie(3))) << "the peer sees the cookie as it came";
  EXPECT_EQ(world_.count(Counter::kStickyBound), 5U);
}

TEST_F(Bound, the_first_of_several_cookies_counts_over_several_fields) {
  serve_cookie();
  EXPECT_EQ(asked("Cookie: a=b\r\nCookie: srv=" + values_[1] + "; srv=" + values_[2] + "\r\n" + cookie(3)), 2);
}

TEST_F(Bound, unknown_value_is_replaced) {
  serve_cookie();
  EXPECT_EQ(asked("Cookie: srv=10.0.0.2:13000\r\n"), 1);
  EXPECT_TRUE(has(answered(), "Set-Cookie: srv=" + values_[0]));
}

TEST_F(Bound, client_of_a_down_peer_is_rebound) {
  serve_cookie();
  state("app/10.0.0.2:13000").check_down = true;
  const int other = asked(cookie(2));
  EXPECT_NE(other, 2);
  EXPECT_TRUE(has(answered(), "Set-Cookie: srv=" + values_[other - 1]));
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 1U);
}

TEST_F(Bound, client_of_a_failing_peer_is_rebound) {
  serve_cookie();
  ask("GET /a HTTP/1.1\r\nHost: app.test\r\n" + cookie(2) + "\r\n");
  ASSERT_EQ(world_.connecting.size(), 1U);
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.2", 13000));
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "Set-Cookie: srv="));
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 1U);
}

TEST_F(Bound, draining_peer_keeps_its_bound_clients) {
  serve_cookie();
  state("app/10.0.0.2:13000").drain = true;
  EXPECT_EQ(asked(cookie(2)), 2);
  for (int i = 0; i < 4; ++i) EXPECT_NE(asked(""), 2);
}

TEST_F(Bound, a_cookie_that_expires_is_renewed) {
  serve_cookie([](StickyOptions& options, Location&) { options.expires = Millis(3'600'000); });
  EXPECT_EQ(asked(cookie(1)), 1);
  const std::string got = answered();
  EXPECT_TRUE(has(got, "Set-Cookie: srv=" + values_[0] + "; Expires=")) << got;
  EXPECT_TRUE(has(got, " GMT; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax\r\n")) << got;
}

TEST_F(Bound, a_cookie_for_ever_has_nginxs_last_day) {
  serve_cookie([](StickyOptions& options, Location&) { options.expires_max = true; });
  asked("");
  EXPECT_TRUE(has(answered(), "; Expires=Thu, 31 Dec 2037 23:55:55 GMT; Max-Age=315360000; Path=/"));
}

TEST_F(Bound, cookie_has_the_configured_attributes) {
  serve_cookie([](StickyOptions& options, Location&) {
    options.domain = ".app.test";
    options.path = "/x";
    options.http_only = false;
    options.same_site = SameSite::kNone;
    options.secure = StickyOptions::Secure::kOn;
  });
  asked("");
  EXPECT_TRUE(has(answered(), "srv=" + values_[0] + "; Domain=.app.test; Path=/x; Secure; SameSite=None\r\n"));
  serve_cookie([](StickyOptions& options, Location&) {
    options.path = "";
    options.same_site = SameSite::kUnset;
  });
  asked("");
  EXPECT_TRUE(has(answered(), "; HttpOnly\r\n"));
}

TEST_F(Bound, cookie_is_secure_behind_a_trusted_tls_proxy) {
  serve_cookie([](StickyOptions&, Location& location) { location.real_ip.trusted = {*Cidr::parse("192.0.2.0/24")}; });
  asked("X-Forwarded-Proto: https\r\n");
  EXPECT_TRUE(has(answered(), "; HttpOnly; Secure; SameSite=Lax\r\n"));
  serve_cookie();
  asked("X-Forwarded-Proto: https\r\n");
  EXPECT_TRUE(has(answered(), "; HttpOnly; SameSite=Lax\r\n")) << "anybody may claim that";
}

TEST_F(Bound, a_websocket_is_bound_by_its_101) {
  serve_cookie();
  ask(kUpgrade);
  tell(peer(), kSwitched);
  EXPECT_TRUE(has(answered(), "\r\nSet-Cookie: srv=" + values_[0]));
}

TEST_F(Bound, local_answer_does_not_bind) {
  serve_cookie();
  for (const char* name : {"app/10.0.0.1:13000", "app/10.0.0.2:13000", "app/10.0.0.3:13000"})
    state(name).check_down = true;
  ask(kGet);
  const std::string got = answered();
  EXPECT_TRUE(has(got, "503"));
  EXPECT_FALSE(has(got, "Set-Cookie"));
}

TEST_F(Bound, a_cookie_holds_over_a_reload) {
  serve_cookie();
  EXPECT_EQ(asked(cookie(3)), 3);
  serve_cookie();
  EXPECT_EQ(asked(cookie(3)), 3);
}

TEST_F(Bound, first_nonempty_route_is_used) {
  serve_sticky(Kind::kRoute, [](StickyOptions& options, Location&) {
    options.routes = {compiled("$cookie_route"), compiled("$arg_route"), compiled("$http_x_route")};
  });
  EXPECT_EQ(asked("X-Route: c\r\n"), 3);
  EXPECT_EQ(asked("X-Route: c\r\nCookie: route=b\r\n"), 2);
  EXPECT_EQ(asked("X-Route: b\r\nCookie: route=\r\n"), 2);
  EXPECT_FALSE(has(answered(), "Set-Cookie"));
  EXPECT_EQ(world_.count(Counter::kStickyBound), 3U);
  EXPECT_EQ(asked("X-Route: nobody\r\n"), 1) << "by the method";
}

TEST_F(Bound, another_server_of_the_route_answers_for_a_down_one) {
  serve_sticky(
      Kind::kRoute, [](StickyOptions& options, Location&) { options.routes = {compiled("$arg_r")}; }, "aba");
  const auto ask_route = [this] {
    ask("GET /?r=a HTTP/1.1\r\nHost: app.test\r\n\r\n");
    ASSERT_EQ(world_.connecting.size(), 1U);
  };
  ask_route();
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.1", 13000));
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.3", 13000));
  tell(peer(), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  state("app/10.0.0.1:13000").check_down = true;
  for (int i = 0; i < 4; ++i) {
    ask_route();
    EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.3", 13000));
    tell(peer(), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  }
  EXPECT_EQ(world_.count(Counter::kStickyBound), 5U);
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 0U);
}

TEST_F(Bound, upstreams_with_the_same_server_share_its_cookie) {
  serve_cookie();
  asked("");
  const std::string pages = answered();
  sim::SiteMaker maker(shared_, ++generation_);
  maker.server().fallback.access_logs = log_.target();
  const int ws = maker.upstream("ws", {"10.0.0.3", "10.0.0.1"});
  StickyOptions& options = maker.sticky(ws, Kind::kCookie);
  options.cookie = "srv";
  maker.proxied("/", ws);
  world_.core->adopt(maker.make({kListen}));
  EXPECT_EQ(asked(cookie(1)), 1);
  EXPECT_TRUE(has(pages, "Set-Cookie: srv=" + values_[0]));
  EXPECT_FALSE(has(answered(), "Set-Cookie"));
}

TEST_F(Bound, client_of_a_backup_gets_the_cookie_of_a_primary) {
  serve_cookie();
  sim::SiteMaker maker(shared_, ++generation_);
  maker.server().fallback.access_logs = log_.target();
  const int app = maker.upstream("app", {"10.0.0.1", "+10.0.0.3"});
  StickyOptions& options = maker.sticky(app, Kind::kCookie);
  options.cookie = "srv";
  maker.proxied("/", app);
  world_.core->adopt(maker.make({kListen}));
  state("app/10.0.0.1:13000").check_down = true;
  EXPECT_EQ(asked(cookie(3)), 3);
  EXPECT_FALSE(has(answered(), "Set-Cookie"));
  state("app/10.0.0.1:13000").check_down = false;
  EXPECT_EQ(asked(cookie(3)), 1);
  EXPECT_TRUE(has(answered(), "Set-Cookie: srv=" + values_[0]));
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 1U);
}

constexpr std::string_view kSession =
    "HTTP/1.1 200 OK\r\nSet-Cookie: other=1\r\nSet-Cookie: sid=s1; Path=/\r\nX-Token: t1\r\nContent-Length: 2\r\n\r\n";

TEST_F(Bound, a_session_is_learned_from_its_answer) {
  serve_sticky(Kind::kLearn, [](StickyOptions& options, Location&) {
    options.create = {compiled("$upstream_cookie_sid"), compiled("$upstream_http_x_token")};
    options.lookup = {compiled("$cookie_sid"), compiled("$http_x_token")};
  });
  EXPECT_EQ(asked("", kSession), 1);
  EXPECT_EQ(sessions_->size(), 0U) << "at the end of the answer";
  tell(*peers_[0], "ok");
  EXPECT_EQ(sessions_->size(), 1U);
  answered();
  EXPECT_EQ(asked("Cookie: sid=s1\r\n"), 1);
  EXPECT_EQ(asked("Cookie: sid=s1\r\n"), 1);
  EXPECT_EQ(asked("Cookie: sid=unknown\r\n"), 2);
  EXPECT_EQ(sessions_->size(), 1U) << "what only a client says is not learned";
  EXPECT_EQ(world_.count(Counter::kStickyBound), 2U);
}

TEST_F(Bound, session_is_learned_at_the_head_with_header) {
  serve_sticky(Kind::kLearn, [](StickyOptions& options, Location&) {
    options.create = {compiled("$upstream_http_x_token")};
    options.lookup = {compiled("$http_x_token")};
    options.learn_from_header = true;
  });
  asked("", kSession);
  EXPECT_EQ(sessions_->seen.count("t1"), 1U);
}

TEST_F(Bound, session_of_a_missing_peer_moves_to_the_answering) {
  serve_sticky(Kind::kLearn, [](StickyOptions& options, Location&) {
    options.create = {compiled("$upstream_cookie_sid")};
    options.lookup = {compiled("$cookie_sid")};
  });
  asked("", kSession);
  tell(*peers_[0], "ok");
  state("app/10.0.0.1:13000").check_down = true;
  const int other = asked("Cookie: sid=s1\r\n");
  EXPECT_NE(other, 1);
  state("app/10.0.0.1:13000").check_down = false;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(asked("Cookie: sid=s1\r\n"), other);
  EXPECT_EQ(world_.count(Counter::kStickyRebound), 1U);
}

TEST_F(Bound, a_session_of_a_websocket_is_learned_when_it_opens) {
  serve_sticky(Kind::kLearn, [](StickyOptions& options, Location&) {
    options.create = {compiled("$upstream_http_x_token")};
    options.lookup = {compiled("$http_x_token")};
  });
  ask(kUpgrade);
  tell(peer(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Token: w\r\n\r\n");
  EXPECT_EQ(sessions_->seen.count("w"), 1U);
}

}  // namespace
}  // namespace weir::proxy
