// Settings of a location whose effect needs a clock, or a look at which bytes went where when.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

class SettingsTest : public Rig {
 protected:
  void serve_with(void (*set)(Location& location)) {
    serve([set](sim::SiteMaker& maker, int app) { set(maker.proxied("/", app)); });
    connect();
  }
  static std::string post(size_t length) {
    return "POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  }
};

TEST_F(SettingsTest, client_body_buffer_size_holds_smaller_bodies_whole) {
  serve_with([](Location& location) { location.body_buffer_bytes = 100; });
  ask(post(100) + std::string(99, 'x'));
  EXPECT_TRUE(world_.connecting.empty());
  ask("x");
  EXPECT_FALSE(world_.connecting.empty());
}

TEST_F(SettingsTest, client_body_buffer_size_lets_larger_bodies_through_at_once) {
  serve_with([](Location& location) { location.body_buffer_bytes = 100; });
  ask(post(101) + "x");
  EXPECT_TRUE(peer().outbound.ends_with("\r\n\r\nx"));
}

TEST_F(SettingsTest, client_body_min_rate_ends_slower_bodies_with_408) {
  serve_with([](Location& location) { location.body_min_rate = 1000; });
  ask(post(1000));
  for (int second = 0; second < 12; ++second) {
    ask("x");
    world_.advance(1'000);
  }
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 408 "));
}

TEST_F(SettingsTest, client_body_min_rate_rests_while_the_answer_streams) {
  serve_with([](Location& location) {
    location.body_min_rate = 1000;
    location.body_buffer_bytes = 0;
  });
  ask(post(1000) + "x");
  sim::Wire& node = peer();
  tell(node, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n");
  for (int second = 0; second < 30; ++second) {
    ask("x");
    world_.advance(1'000);
  }
  EXPECT_TRUE(node.outbound.ends_with(std::string(31, 'x')));
  EXPECT_TRUE(has(answered(), "pong"));
  EXPECT_FALSE(client_->closed);
}

TEST_F(SettingsTest, client_body_min_rate_off_waits_for_slow_bodies) {
  serve_with([](Location& location) { location.body_min_rate = 0; });
  ask(post(1000));
  for (int second = 0; second < 12; ++second) {
    ask("x");
    world_.advance(1'000);
  }
  EXPECT_EQ(answered(), "");
  EXPECT_FALSE(client_->closed);
}

TEST_F(SettingsTest, lingering_close_awaits_unread_input) {
  for (const bool on : {true, false}) {
    serve([on](sim::SiteMaker& maker, int) {
      Location& location = maker.returning("/", 200, "no");
      location.body_buffer_bytes = 10;
      location.lingering = on;
    });
    connect();
    ask(post(1000) + "x");
    EXPECT_TRUE(answered().starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(client_->closed, !on);
  }
}

TEST_F(SettingsTest, reset_timedout_connection_decides_how_a_late_head_ends) {
  for (const bool on : {true, false}) {
    serve([on](sim::SiteMaker& maker, int) {
      Location& location = maker.returning("/", 200, std::string(100, 'x'));
      location.reset_timedout = on;
      location.client_send_timeout = Millis(1'000);
      location.keepalive_timeout = Millis(0);
    });
    connect();
    client_->room = 10;
    ask(kGet);
    EXPECT_FALSE(client_->closed);
    for (int second = 0; second < 3; ++second) world_.advance(1'000);
    EXPECT_TRUE(client_->closed);
    EXPECT_EQ(client_->was_reset, on);
  }
}

TEST_F(SettingsTest, location_trusts_others_than_its_server) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.real_ip.trusted = {*Cidr::parse("192.0.2.0/24")};
    location.real_ip.header = "X-Real-IP";
    location.set_headers.push_back(
        {"X-Seen", http::HeaderToken::kOther, route::Template::compile("$remote_addr", {}).value(), false});
  });
  connect();
  ask("GET /a HTTP/1.1\r\nHost: app.test\r\nX-Real-IP: 203.0.113.9\r\n\r\n");
  EXPECT_TRUE(has(peer().outbound, "\r\nX-Seen: 203.0.113.9\r\n"));
}

}  // namespace
}  // namespace weir::proxy
