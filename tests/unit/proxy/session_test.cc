// A client connection and its exchanges where the order of events is what matters.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

class SessionTest : public Rig {};

TEST_F(SessionTest, request_is_proxied) {
  serve_app();
  connect();
  ask(kGet);
  sim::Wire& first = peer();
  EXPECT_TRUE(first.outbound.starts_with("GET /a HTTP/1.1\r\n"));
  tell(first, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const std::string answer = answered();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello"));
  EXPECT_FALSE(client_->closed);
  ASSERT_EQ(logged().size(), 1U);
  EXPECT_EQ(shared_.inflight["app"]->load(), 0U);
}

TEST_F(SessionTest, sent_post_is_never_repeated) {
  serve_app();
  connect();
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi");
  sim::Wire& first = peer();
  end(first);
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 502 "));
}

TEST_F(SessionTest, get_fails_over_when_the_first_peer_closes) {
  serve_app();
  connect();
  ask(kGet);
  sim::Wire& first = peer();
  end(first);
  sim::Wire& second = peer();
  EXPECT_NE(second.peer.ip(), first.peer.ip());
  tell(second, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 204 "));
}

TEST_F(SessionTest, a_truncated_answer_is_not_ended_for_the_client) {
  serve_app();
  connect();
  ask(kGet);
  sim::Wire& first = peer();
  tell(first, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  end(first);
  EXPECT_FALSE(answered().ends_with("0\r\n\r\n"));
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.count(Counter::kUpstreamTruncated), 1U);
}

TEST_F(SessionTest, drain_finishes_a_queued_answer) {
  serve_app();
  connect();
  ask(kGet);
  sim::Wire& first = peer();
  client_->room = 10;
  tell(first, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
  world_.core->begin_drain();
  tell(first, std::string(200, 'x'));
  EXPECT_FALSE(client_->closed);
  client_->grant(sim::kUnlimited);
  EXPECT_TRUE(answered().ends_with(std::string(200, 'x')));
  EXPECT_TRUE(client_->closed);
  EXPECT_GE(world_.drained, 1);
}

TEST_F(SessionTest, listener_removed_inside_a_head_closes_the_session) {
  serve_app();
  connect();
  ask("GET /a HTTP/1.1\r\nHo");
  serve_app(kElsewhere);
  ask("st: app.test\r\n\r\n");
  EXPECT_TRUE(client_->closed);
  world_.turn();
  EXPECT_EQ(world_.core->sessions(), 0U);
}

TEST_F(SessionTest, a_reload_inside_a_head_leaves_its_limits_alive) {
  serve_app();
  connect();
  ask("GET /a HTTP/1.1\r\nHo");
  serve_app();
  world_.turn();
  EXPECT_EQ(world_.core->live_epochs(), 1);
  ask("st: app.test\r\n\r\n");
  EXPECT_EQ(world_.connecting.size(), 1U);
}

TEST_F(SessionTest, pipelining_client_that_does_not_read_is_paused) {
  serve([](sim::SiteMaker& maker, int) { maker.returning("/", 200, std::string(1000, 'x')); });
  connect();
  client_->room = 0;
  for (int i = 0; i < 1000; ++i) ask(kGet);
  EXPECT_FALSE(client_->reading);
  EXPECT_LT(client_->queue.size(), 300'000U);
  for (int i = 0; i < 100 && !client_->closed; ++i) {
    client_->grant(50'000);
    while (client_->deliver()) {
    }
  }
  EXPECT_TRUE(client_->queue.empty());
  EXPECT_TRUE(client_->reading);
  EXPECT_EQ(logged().size(), 1000U);
}

TEST_F(SessionTest, pipelined_body_cut_by_fin_ends) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).ignore_client_abort = true; });
  connect();
  ask(std::string(kGet) + "POST /b HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nhalf");
  sim::Wire& first = peer();
  end(*client_);
  EXPECT_FALSE(client_->closed);
  tell(first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(logged().size(), 2U);
}

TEST_F(SessionTest, tunnel_opens_while_the_client_is_blocked) {
  serve_app();
  connect();
  ask(kUpgrade);
  sim::Wire& first = peer();
  client_->room = 20;
  tell(first, std::string(kSwitched) + "\x82\x02hi");
  EXPECT_EQ(world_.count(Counter::kTunnels), 1U);
  client_->grant(sim::kUnlimited);
  EXPECT_TRUE(answered().ends_with("\x82\x02hi"));
  ask("\x82\x82....yo");
  EXPECT_TRUE(first.outbound.ends_with("....yo"));
}

TEST_F(SessionTest, tunnel_releases_its_snapshot) {
  serve_app();
  connect();
  ask(kUpgrade);
  tell(peer(), kSwitched);
  serve_app();
  EXPECT_EQ(world_.core->live_epochs(), 1);
}

TEST_F(SessionTest, drain_closes_a_websocket_at_a_frame_boundary) {
  serve_app();
  connect();
  ask(kUpgrade);
  sim::Wire& first = peer();
  tell(first, std::string(kSwitched) + "\x82\x04hi");
  answered();
  world_.core->begin_drain();
  EXPECT_EQ(answered(), "");
  tell(first, "yo\x82\x01z");
  EXPECT_TRUE(has(answered(), "\x88\x02\x03\xe9"));
  world_.advance(60'000);
  EXPECT_TRUE(client_->closed);
}

TEST_F(SessionTest, drain_sends_nothing_behind_a_fin) {
  serve_app();
  connect();
  ask(kUpgrade);
  sim::Wire& first = peer();
  tell(first, std::string(kSwitched) + "\x82\x02hi");
  client_->room = 0;
  tell(first, "\x82\x02yo");
  end(first);
  world_.core->begin_drain();
  EXPECT_EQ(client_->misuse, nullptr);
  EXPECT_FALSE(client_->was_reset);
  client_->grant(sim::kUnlimited);
  EXPECT_TRUE(answered().ends_with("\x82\x02yo"));
  EXPECT_TRUE(client_->fin);
}

TEST_F(SessionTest, a_tunnel_that_opens_during_a_drain_is_closed_too) {
  serve_app();
  world_.core->begin_drain();
  connect();  // it was in the listener's queue
  ask(kUpgrade);
  tell(peer(), kSwitched);
  EXPECT_TRUE(answered().ends_with("\x88\x02\x03\xe9"));
}

TEST_F(SessionTest, a_head_that_takes_too_long_is_answered_408) {
  serve_app();
  connect();
  ask("GET / HTTP/1.1\r\nHost: a");
  world_.advance(10'100);
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 408 "));
}

TEST_F(SessionTest, silent_connection_is_closed) {
  serve_app();
  connect();
  world_.advance(10'100);
  EXPECT_TRUE(client_->closed);
  EXPECT_TRUE(logged().empty());
}

TEST_F(SessionTest, longest_waiting_session_is_closed_for_another) {
  serve_app();
  auto busy = another(kGet);
  world_.advance(1'000);
  auto head = another("GET / HT");
  world_.advance(1'000);
  auto silent = another("");
  world_.advance(1'000);
  tell(*head, "TP/1.1\r\n");
  EXPECT_TRUE(world_.core->close_longest_waiting());
  EXPECT_TRUE(head->closed);
  EXPECT_FALSE(silent->closed);
  EXPECT_TRUE(world_.core->close_longest_waiting());
  EXPECT_TRUE(silent->closed);
  EXPECT_FALSE(world_.core->close_longest_waiting());
  EXPECT_FALSE(busy->closed);
  EXPECT_EQ(world_.core->sessions(), 1U);
}

TEST_F(SessionTest, body_deadline_restarts_when_a_paused_body_resumes) {
  serve([](sim::SiteMaker& maker, int app) {
    proxy::Location& location = maker.proxied("/", app);
    location.body_timeout = Millis(1'000);
    location.send_timeout = Millis(100'000);
  });
  connect();
  ask("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000000\r\n\r\n" + std::string(70'000, 'x'));
  sim::Wire& first = peer();
  first.room = 0;
  for (int i = 0; i < 4; ++i) ask(std::string(60'000, 'x'));
  EXPECT_FALSE(client_->reading);
  world_.advance(20'000);  // whatever was armed for the client has fired by now
  EXPECT_FALSE(client_->closed);
  first.grant(sim::kUnlimited);
  client_->inbound.clear();
  EXPECT_TRUE(client_->reading);
  world_.advance(1'100);
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 408 "));
}

TEST_F(SessionTest, a_body_buffer_larger_than_the_pause_mark_is_filled) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).body_buffer_bytes = 1024 * 1024; });
  connect();
  ask("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 900000\r\n\r\n");
  for (int i = 0; i < 15; ++i) ask(std::string(60'000, 'x'));
  ASSERT_EQ(world_.connecting.size(), 1U);
  sim::Wire& first = peer();
  EXPECT_TRUE(first.outbound.ends_with(std::string(900'000, 'x')));
}

}  // namespace
}  // namespace weir::proxy
