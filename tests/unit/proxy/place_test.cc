// max_conns and the queue of an upstream: who gets a place, who waits, and how waiting ends.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

class Places : public Rig {
 protected:
  // One peer, one place.
  void serve_one(uint32_t queue, Millis timeout = Millis(5'000), const std::vector<std::string>& peers = {"10.0.1.1"}) {
    sim::SiteMaker maker(shared_, ++generation_);
    maker.server().fallback.access_logs = log_.target();
    const int one = maker.upstream("one", peers, policy::Method::kRoundRobin, [](policy::PeerOptions& peer) {
      peer.max_conns = 1;
      peer.passive.max_fails = 1;
    });
    if (queue > 0) maker.queue(one, queue, timeout);
    maker.proxied("/", one);
    maker.proxied("/deaf", one).ignore_client_abort = true;
    Location& slow = maker.proxied("/slow", one);
    slow.stream_requests = true;
    slow.limit_rate = {50, std::nullopt};
    world_.core->adopt(maker.make({kListen}));
  }
  uint32_t waiting() { return shared_.lines.at("one")->waiting(); }
  uint32_t taken() { return state("one/10.0.1.1:13000").inflight.load(); }
  static bool got(const sim::Wire& wire, std::string_view start) { return wire.outbound.starts_with(start); }
};

TEST_F(Places, full_upstream_without_a_queue_answers_503_at_once) {
  serve_one(0);
  const auto first = another(kGet);
  const auto second = another(kGet);
  EXPECT_TRUE(got(*second, "HTTP/1.1 503 ")) << second->outbound;
  EXPECT_EQ(taken(), 1U);
  tell(peer(), kOk);
  EXPECT_EQ(taken(), 0U);
  EXPECT_TRUE(has(logged().front(), "[overloaded]"));
}

TEST_F(Places, a_request_waits_for_a_place_and_gets_it) {
  serve_one(5);
  const auto first = another(kGet);
  const auto second = another(kGet);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(world_.count(Counter::kQueued), 1U);
  sim::Wire& wire = peer();
  tell(wire, kOk);
  EXPECT_TRUE(got(*first, "HTTP/1.1 200 "));
  world_.turn();
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(taken(), 1U);
  tell(wire, kOk);
  EXPECT_TRUE(got(*second, "HTTP/1.1 200 ")) << second->outbound;
  EXPECT_EQ(taken(), 0U);
}

TEST_F(Places, queue_is_first_come_first_served) {
  serve_one(5);
  std::vector<std::shared_ptr<sim::Wire>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(another("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n"));
  sim::Wire& wire = peer();
  tell(wire, kOk);
  // The place is free, and the first in line is called but has not moved yet.
  clients.push_back(another("GET /4 HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(waiting(), 4U);
  for (int i = 1; i < 5; ++i) {
    wire.outbound.clear();
    world_.turn();
    EXPECT_TRUE(wire.outbound.starts_with("GET /" + std::to_string(i) + " ")) << wire.outbound;
    tell(wire, kOk);
  }
  for (const auto& client : clients) EXPECT_TRUE(got(*client, "HTTP/1.1 200 "));
}

TEST_F(Places, full_queue_answers_503_with_retry_after) {
  serve_one(1);
  const auto first = another(kGet);
  const auto second = another(kGet);
  const auto third = another(kGet);
  EXPECT_TRUE(got(*third, "HTTP/1.1 503 "));
  EXPECT_TRUE(has(third->outbound, "Retry-After: 1\r\n"));
  EXPECT_TRUE(has(logged().front(), "[one] [503] [queue_full]"));
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(Places, queue_timeout_answers_503_with_retry_after) {
  serve_one(1, Millis(3'000));
  const auto first = another(kGet);
  sim::Wire& wire = peer();
  const auto second = another(kGet);
  for (int i = 0; i < 29; ++i) world_.advance(100);
  EXPECT_TRUE(second->outbound.empty());
  world_.advance(200);
  EXPECT_TRUE(got(*second, "HTTP/1.1 503 "));
  EXPECT_TRUE(has(second->outbound, "Retry-After: 1\r\n"));
  EXPECT_TRUE(has(logged().front(), "[one] [503] [queue_timeout]"));
  EXPECT_EQ(waiting(), 0U);
  tell(wire, kOk);
  EXPECT_TRUE(got(*first, "HTTP/1.1 200 "));
}

TEST_F(Places, aborted_client_leaves_the_queue) {
  serve_one(1);
  const auto first = another(kGet);
  const auto second = another(kGet);
  second->inbound_fin = true;
  second->deliver();
  EXPECT_EQ(waiting(), 0U);
  const auto third = another(kGet);
  EXPECT_EQ(waiting(), 1U);
  sim::Wire& wire = peer();
  tell(wire, kOk);
  world_.turn();
  tell(wire, kOk);
  EXPECT_TRUE(got(*third, "HTTP/1.1 200 "));
  EXPECT_EQ(world_.count(Counter::kUpstreamConnects) + world_.count(Counter::kUpstreamReuses), 2U)
      << "nobody is asked for a client that has left";
}

TEST_F(Places, broken_body_leaves_the_queue_while_its_page_goes_out) {
  serve_one(1);
  const auto first = another(kGet);
  sim::Wire& wire = peer();
  const auto broken = another("POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  ASSERT_EQ(waiting(), 1U);
  tell(*broken, "no chunk\r\n");
  EXPECT_TRUE(got(*broken, "HTTP/1.1 400 ")) << broken->outbound;
  EXPECT_TRUE(logged().empty()) << "the page is not out yet";
  EXPECT_EQ(waiting(), 0U);
  wire.outbound.clear();
  tell(wire, kOk);
  world_.turn();
  EXPECT_EQ(taken(), 0U);
  EXPECT_TRUE(wire.outbound.empty()) << wire.outbound;
  for (int i = 0; i < 100; ++i) world_.advance(100);
  EXPECT_EQ(broken->outbound.rfind("HTTP/1.1 "), 0U) << "one head: " << broken->outbound;
  EXPECT_TRUE(broken->outbound.ends_with("</html>\r\n")) << broken->outbound;
}

TEST_F(Places, half_closed_client_stays_queued) {
  serve_one(1);
  const auto first = another(kGet);
  const auto second = another("GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n");
  second->inbound_fin = true;
  second->deliver();
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(Places, late_wake_up_is_ignored) {
  serve_one(2);
  const auto first = another(kGet);
  const auto second = another(kGet);
  sim::Wire& wire = peer();
  tell(wire, kOk);  // the second is called, the call is on its way
  second->fail(-ECONNRESET);
  world_.turn();  // its exchange is lent to the next one
  EXPECT_EQ(taken(), 0U);
  const auto third = another(kGet);
  world_.turn();
  tell(wire, kOk);
  EXPECT_TRUE(got(*third, "HTTP/1.1 200 "));
}

TEST_F(Places, wake_up_may_outlive_its_worker) {
  serve_one(2);
  const auto first = another(kGet);
  const auto second = another(kGet);
  tell(peer(), kOk);
  world_.core.reset();
  world_.turn();
  EXPECT_TRUE(second->closed);
}

TEST_F(Places, futile_wake_up_keeps_the_queue_position) {
  serve_one(5);
  const auto first = another(kGet);
  const auto second = another(kGet);
  shared_.lines.at("one")->wake_all();
  world_.turn();
  EXPECT_EQ(waiting(), 1U);
  sim::Wire& wire = peer();
  tell(wire, kOk);
  world_.turn();
  tell(wire, kOk);
  EXPECT_TRUE(got(*second, "HTTP/1.1 200 "));
}

TEST_F(Places, a_websocket_holds_its_place_until_it_ends) {
  serve_one(5);
  const auto socket = another(kUpgrade);
  sim::Wire& wire = peer();
  tell(wire, kSwitched);
  EXPECT_EQ(state("one/10.0.1.1:13000").tunnels.load(), 1U);
  const auto second = another(kGet);
  EXPECT_EQ(waiting(), 1U);
  socket->fail(-ECONNRESET);
  world_.turn();
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(taken(), 1U);
  EXPECT_EQ(state("one/10.0.1.1:13000").tunnels.load(), 0U);
}

TEST_F(Places, place_freed_without_a_wake_up_is_found) {
  serve_one(5, Millis(60'000), {"10.0.1.1", "10.0.1.2"});
  state("one/10.0.1.2:13000").check_down = true;
  const auto first = another(kGet);
  const auto second = another(kGet);
  EXPECT_EQ(waiting(), 1U);
  state("one/10.0.1.2:13000").check_down = false;
  world_.advance(1'100);
  world_.turn();
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(world_.connecting.size(), 2U);
}

TEST_F(Places, queue_is_refused_when_all_peers_are_down) {
  serve_one(5);
  const auto first = another(kGet);
  const auto second = another(kGet);
  state("one/10.0.1.1:13000").check_down = true;
  tell(peer(), kOk);
  world_.turn();
  EXPECT_TRUE(got(*second, "HTTP/1.1 503 "));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Places, retry_queues_when_other_peers_are_full) {
  serve_one(5, Millis(5'000), {"10.0.1.1", "10.0.1.2"});
  const auto first = another(kGet);
  const auto second = another(kGet);
  ASSERT_EQ(world_.connecting.size(), 2U);
  world_.connecting.back()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(waiting(), 1U);
  sim::Wire& wire = peer();
  tell(wire, kOk);
  world_.turn();
  tell(wire, kOk);
  EXPECT_TRUE(got(*second, "HTTP/1.1 200 ")) << second->outbound;
}

TEST_F(Places, reload_keeps_the_queue) {
  serve_one(5);
  const auto first = another(kGet);
  const auto second = another(kGet);
  serve_one(5);
  sim::Wire& wire = peer();
  tell(wire, kOk);
  world_.turn();
  tell(wire, kOk);
  EXPECT_TRUE(got(*second, "HTTP/1.1 200 "));
  world_.turn();
  EXPECT_EQ(world_.core->live_epochs(), 1);
}

}  // namespace
}  // namespace weir::proxy
