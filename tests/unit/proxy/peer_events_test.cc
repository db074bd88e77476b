// What a check's and the operator's word about a peer does to what is on it: rule (d), idle connections, WebSockets.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;
using namespace std::string_literals;

class PeerEvents : public Rig {
 protected:
  PeerEvents() {
    serve_app();
    connect();
  }
  void down(const std::string& name) {
    state(name).check_down = true;
    world_.core->peer_down(state(name));
  }
  static constexpr const char* kFirst = "app/10.0.0.1:13000";
  static constexpr const char* kSecond = "app/10.0.0.2:13000";
};

TEST_F(PeerEvents, unanswered_get_moves_to_another_peer) {
  ask(kGet);
  sim::Wire& hung = peer();
  down(kFirst);
  EXPECT_TRUE(hung.closed);
  sim::Wire& other = peer();
  EXPECT_TRUE(other.outbound.starts_with("GET /a "));
  tell(other, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_TRUE(has(logged().front(), "[declared_down, ok]"));
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kDeclaredDown), 1U);
  EXPECT_EQ(state(kFirst).stats.failures.load(), 0U) << "the check has counted it";
  EXPECT_EQ(state(kFirst).inflight.load(), 0U);
}

TEST_F(PeerEvents, sent_post_keeps_waiting) {
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi");
  sim::Wire& hung = peer();
  down(kFirst);
  EXPECT_FALSE(hung.closed);
  tell(hung, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(PeerEvents, connecting_post_moves_to_another_peer) {
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi");
  ASSERT_EQ(world_.connecting.size(), 1U);
  down(kFirst);
  ASSERT_EQ(world_.connecting.size(), 1U);
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.2", 13000));
}

TEST_F(PeerEvents, request_with_a_begun_answer_stays) {
  ask(kGet);
  sim::Wire& slow = peer();
  tell(slow, "HTTP/1.1 200 OK\r\nContent-");
  down(kFirst);
  tell(slow, "Length: 2\r\n\r\nok");
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(PeerEvents, request_without_another_peer_keeps_waiting) {
  state(kSecond).check_down = true;
  ask(kGet);
  sim::Wire& hung = peer();
  down(kFirst);
  EXPECT_FALSE(hung.closed);
  tell(hung, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(PeerEvents, requests_on_other_peers_stay) {
  ask(kGet);
  sim::Wire& busy = peer();
  down(kSecond);
  EXPECT_FALSE(busy.closed);
}

TEST_F(PeerEvents, idle_connections_to_a_down_peer_close) {
  for (int i = 0; i < 2; ++i) {
    ask(kGet);
    tell(peer(), kOk);
  }
  down(kFirst);
  EXPECT_TRUE(peers_[0]->closed);
  EXPECT_FALSE(peers_[1]->closed);
}

TEST_F(PeerEvents, waiting_requests_move_in_the_same_turn) {
  std::vector<std::shared_ptr<sim::Wire>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(another(kGet));
  for (int i = 0; i < 20; ++i) peer();
  down(kFirst);
  EXPECT_EQ(world_.connecting.size(), 10U);
  EXPECT_EQ(state(kFirst).inflight.load(), 0U);
  EXPECT_EQ(state(kSecond).inflight.load(), 20U);
}

class Draining : public PeerEvents {
 protected:
  std::shared_ptr<sim::Wire> open() {
    auto client = another(kUpgrade);
    tell(peer(), kSwitched);
    client->outbound.clear();
    return client;
  }
  void close_tunnels(const std::string& name, uint16_t code, Millis spread) {
    world_.core->close_tunnels(shared_.peers.at(name), code, spread);
  }
  static size_t closed(const std::vector<std::shared_ptr<sim::Wire>>& clients) {
    return static_cast<size_t>(
        std::count_if(clients.begin(), clients.end(), [](const auto& client) { return !client->outbound.empty(); }));
  }
};

TEST_F(Draining, websockets_get_a_close_frame_with_the_code) {
  const auto first = open();
  const auto second = open();
  close_tunnels(kFirst, 1012, Millis(0));
  EXPECT_EQ(first->outbound, "\x88\x02\x03\xf4"s);
  EXPECT_TRUE(peers_[0]->closed);
  EXPECT_EQ(second->outbound, "") << "the other peer's";
  EXPECT_EQ(world_.count(Counter::kTunnelsDrained), 1U);
  EXPECT_EQ(state(kFirst).tunnels.load(), 0U);
  EXPECT_EQ(state(kSecond).tunnels.load(), 1U);
}

TEST_F(Draining, closes_are_spread_evenly) {
  std::vector<std::shared_ptr<sim::Wire>> first;
  for (int i = 0; i < 20; ++i) {
    auto client = open();
    if (i % 2 == 0) first.push_back(client);
  }
  close_tunnels(kFirst, 1001, Millis(10'000));
  EXPECT_EQ(closed(first), 1U);
  for (int second = 1; second < 10; ++second) {
    world_.advance(1'010);
    EXPECT_EQ(closed(first), static_cast<size_t>(second) + 1) << "after " << second << " s";
  }
  EXPECT_EQ(world_.count(Counter::kTunnelsDrained), 10U);
  EXPECT_EQ(state(kSecond).tunnels.load(), 10U);
}

TEST_F(Draining, messages_pass_until_the_close_is_due) {
  const auto first = open();
  open();
  const auto third = open();
  close_tunnels(kFirst, 1001, Millis(2'000));
  EXPECT_EQ(first->outbound, "\x88\x02\x03\xe9"s);
  world_.advance(500);
  tell(*peers_[2], "\x82\x02hi");
  EXPECT_EQ(third->outbound, "\x82\x02hi");
  world_.advance(400);
  tell(*third, "\x82\x82....hi");
  EXPECT_EQ(third->outbound, "\x82\x02hi");
  world_.advance(200);
  EXPECT_EQ(third->outbound, "\x82\x02hi\x88\x02\x03\xe9"s);
}

TEST_F(Draining, close_waits_for_the_end_of_a_frame) {
  const auto first = open();
  tell(*peers_[0], "\x82\x05he");
  close_tunnels(kFirst, 1012, Millis(0));
  EXPECT_EQ(first->outbound, "\x82\x05he");
  tell(*peers_[0], "llo\x82\x02hi");
  EXPECT_EQ(first->outbound, "\x82\x05hello\x82\x02hi\x88\x02\x03\xf4"s);
  EXPECT_EQ(world_.count(Counter::kTunnelsDrained), 1U);
}

TEST_F(Draining, unfinished_frame_delays_the_close_half_a_minute) {
  const auto first = open();
  tell(*peers_[0], "\x82\x05he");
  close_tunnels(kFirst, 1012, Millis(0));
  for (int i = 0; i < 31; ++i) world_.advance(1'000);
  EXPECT_EQ(state(kFirst).tunnels.load(), 0U);
}

TEST_F(Draining, tunnels_may_end_during_the_drain) {
  std::vector<std::shared_ptr<sim::Wire>> first;
  for (int i = 0; i < 6; ++i) {
    auto client = open();
    if (i % 2 == 0) first.push_back(client);
  }
  close_tunnels(kFirst, 1001, Millis(3'000));
  first[1]->fail(-ECONNRESET);
  for (int i = 0; i < 4; ++i) world_.advance(1'000);
  EXPECT_EQ(state(kFirst).tunnels.load(), 0U);
  EXPECT_EQ(world_.count(Counter::kTunnelsDrained), 2U);
}

TEST_F(Draining, tunnel_opened_after_the_drain_is_closed) {
  const auto client = another(kUpgrade);
  sim::Wire& wire = peer();
  state(kFirst).admin_down = true;
  close_tunnels(kFirst, 1001, Millis(0));
  tell(wire, kSwitched);
  EXPECT_TRUE(has(client->outbound, "101 Switching"));
  world_.advance(10);
  EXPECT_TRUE(client->outbound.ends_with("\x88\x02\x03\xe9"s));
}

TEST_F(Draining, tunnels_of_an_older_configuration_are_found) {
  const auto first = open();
  serve_app();
  close_tunnels(kFirst, 1001, Millis(0));
  EXPECT_EQ(first->outbound, "\x88\x02\x03\xe9"s);
}

}  // namespace
}  // namespace weir::proxy
