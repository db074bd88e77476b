// Which connections to a peer are used again, which of them, for how long, and who is told.
#include "upstream/pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/loop.h"
#include "sim/fake_transport.h"

namespace weir::upstream {
namespace {

using sim::FakeTransport;
using sim::Wire;

const SocketAddress kPeer = *SocketAddress::from_ip("10.0.0.1", 80);
const SocketAddress kOther = *SocketAddress::from_ip("10.0.0.2", 80);

// An exchange as short as can be.
class Lease final : public LeaseHandler {
 public:
  Arena& response_arena(http::StreamId) override { return arena_; }
  http::ResponseHead& response_head(http::StreamId) override { return head_; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId) override {
    if (head_.status == 101) connection->switched_protocols();
    connection->set_keep_alive(head_.keep_alive, head_.keep_alive_timeout);
  }
  void on_body(http::StreamId, std::string_view bytes) override { body += bytes; }
  void on_response_end(http::StreamId) override { connection->response_ended(); }
  void on_error(http::StreamId, ErrorKind, std::string_view) override { broken = true; }
  void on_upstream_turn() override { ++turns; }
  void on_upstream_closed(int code) override { closed.push_back(code); }
  void on_upstream_sent() override { ++sent; }
  bool is_drained() const override { return drained; }

  void forget() {
    body.clear();
    closed.clear();
    turns = sent = 0;
    broken = false;
  }

  Connection* connection = nullptr;
  std::string body;
  std::vector<int> closed;
  int turns = 0;
  int sent = 0;
  bool broken = false;
  bool drained = false;

 private:
  Arena arena_;
  http::ResponseHead head_;
};

class PoolTest : public testing::Test {
 protected:
  PoolTest() { group_.configure(options_, 1); }
  ~PoolTest() override { pool_.close_idle(); }
  void configure(const PoolOptions& options, size_t peers = 1) { group_.configure(options, peers); }
  std::unique_ptr<Connection> connect(const SocketAddress& address = kPeer) {
    wire_ = std::make_shared<Wire>();
    wires_.push_back(wire_);
    return std::make_unique<Connection>(group_, std::make_unique<FakeTransport>(wire_), group_.slot(address));
  }
  // One request and that answer.
  void use(Connection& connection, std::string_view response = "HTTP/1.1 204 No Content\r\n\r\n",
           bool request_sent = true, http::Method method = http::Method::kGet) {
    lease_.forget();
    lease_.connection = &connection;
    connection.begin(lease_, method, true);
    if (request_sent) connection.request_sent();
    wire_->inbound = response;
    wire_->deliver();
  }
  // Used, given back, and so many of them are then idle.
  size_t idle_after(std::string_view response, bool request_sent = true) {
    auto connection = connect();
    use(*connection, response, request_sent);
    group_.give(std::move(connection));
    return group_.idle();
  }
  void advance(MonoMs ms) {
    now_ += ms;
    loop_.turn(false);
  }

  MonoMs now_ = 1'000'000;
  io::Loop loop_{&now_};
  observe::MetricSlab metrics_;
  int open_ = 0;
  Pool pool_{loop_, metrics_, [this](int delta) { open_ += delta; }};
  Group& group_ = pool_.group("app");
  PoolOptions options_;
  Lease lease_;
  std::shared_ptr<Wire> wire_;  // the newest
  std::vector<std::shared_ptr<Wire>> wires_;
};

TEST_F(PoolTest, keeps_a_connection_after_a_complete_exchange) {
  EXPECT_EQ(idle_after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 1U);
  EXPECT_EQ(lease_.body, "ok");
  auto again = group_.take(kPeer, false);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_FALSE(again->reused());
  use(*again);
  EXPECT_TRUE(again->reused());
  group_.give(std::move(again));
}

// What a client that takes nothing can have weir hold stays small.
TEST_F(PoolTest, long_body_is_read_in_large_pieces) {
  constexpr size_t kUsual = io::TransportHandler::kUsualRead;
  auto connection = connect();
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  lease_.drained = true;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  use(*connection, head);
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  wire_->inbound = std::string(kUsual - head.size() - 1, 'x');
  wire_->deliver();
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  wire_->inbound = "x";
  wire_->deliver();
  EXPECT_EQ(wire_->handler->on_read_soon(), io::TransportHandler::kMostRead);
  lease_.drained = false;
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  lease_.drained = true;
  connection->begin(lease_, http::Method::kGet, false);  // the count is of one lease
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
}

TEST_F(PoolTest, has_nothing_for_another_address) {
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(group_.take(kOther, false), nullptr);
  EXPECT_EQ(pool_.group("other").take(kPeer, false), nullptr);
}

TEST_F(PoolTest, refuses_a_closed_connection_to_an_unrepeatable_request) {
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  auto first = group_.take(kPeer, true);
  ASSERT_NE(first, nullptr);
  use(*first);
  group_.give(std::move(first));
  wire_->inbound_fin = true;  // on its way, but the loop has not told yet
  EXPECT_EQ(group_.take(kPeer, true), nullptr);
  EXPECT_TRUE(wire_->closed);
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_EQ(open_, 0);
}

TEST_F(PoolTest, refuses_a_response_with_connection_close) {
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), 0U);
  EXPECT_TRUE(wire_->closed);
}

TEST_F(PoolTest, refuses_http_1_0_without_keep_alive) {
  EXPECT_EQ(idle_after("HTTP/1.0 204 No Content\r\n\r\n"), 0U);
  EXPECT_EQ(idle_after("HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n"), 1U);
}

TEST_F(PoolTest, refuses_a_response_that_has_not_ended) {
  EXPECT_EQ(idle_after("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"), 0U);
  EXPECT_EQ(idle_after("HTTP/1.1 200 OK\r\nContent-"), 0U);
  EXPECT_EQ(idle_after("HTTP/1.1 200 OK\r\n\r\nuntil the end"), 0U);
}

TEST_F(PoolTest, refuses_a_request_that_was_not_sent_whole) {
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\n", false), 0U);
}

TEST_F(PoolTest, refuses_a_request_that_is_still_queued) {
  auto connection = connect();
  wire_->room = 1;
  http::OutBatch out;
  out.add("GET");
  EXPECT_EQ(connection->send(out), 0);
  EXPECT_EQ(connection->queued(), 2U);
  use(*connection);
  group_.give(std::move(connection));
  EXPECT_EQ(group_.idle(), 0U);
}

TEST_F(PoolTest, refuses_and_counts_bytes_behind_the_response) {
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n"), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 1U);
}

TEST_F(PoolTest, refuses_a_connection_that_switched_protocols) {
  EXPECT_EQ(idle_after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 0U);
}

TEST_F(PoolTest, refuses_a_connection_that_was_closed) {
  auto connection = connect();
  use(*connection);
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_TRUE(connection->closed());
  group_.give(std::move(connection));
  EXPECT_EQ(group_.idle(), 0U);
}

TEST_F(PoolTest, refuses_a_connection_with_too_many_requests) {
  options_.max_requests = 2;
  configure(options_);
  auto connection = connect();
  use(*connection);
  group_.give(std::move(connection));
  connection = group_.take(kPeer, false);
  ASSERT_NE(connection, nullptr);
  use(*connection);
  group_.give(std::move(connection));
  EXPECT_EQ(group_.idle(), 0U);
}

TEST_F(PoolTest, refuses_a_connection_past_its_age) {
  options_.max_age = Millis(1'000);
  configure(options_);
  auto connection = connect();
  now_ += 999;
  use(*connection);
  EXPECT_TRUE(connection->reusable(now_));
  EXPECT_FALSE(connection->reusable(now_ + 1));
  group_.give(std::move(connection));
}

TEST_F(PoolTest, keeps_no_connection_when_disabled_or_draining) {
  options_.max_idle = 0;
  configure(options_);
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\n"), 0U);
  options_.max_idle = 1;
  configure(options_);
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\n"), 1U);
  pool_.begin_drain();
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\n"), 0U);
}

TEST_F(PoolTest, gives_the_most_recently_used_connection) {
  auto first = connect();
  use(*first);
  auto second = connect();
  use(*second);
  const Connection* last = second.get();
  group_.give(std::move(first));
  group_.give(std::move(second));
  auto taken = group_.take(kPeer, false);
  EXPECT_EQ(taken.get(), last);
  group_.give(std::move(taken));
}

TEST_F(PoolTest, drops_the_longest_idle_connection_when_full) {
  options_.max_idle = 1;
  configure(options_);  // but never less than four a peer
  for (int i = 0; i < 6; ++i) {
    auto connection = connect(i % 2 == 0 ? kPeer : kOther);
    use(*connection);
    group_.give(std::move(connection));
  }
  EXPECT_EQ(group_.idle(), 4U);
  EXPECT_TRUE(wires_[0]->closed);
  EXPECT_TRUE(wires_[1]->closed);
  for (size_t i = 2; i < 6; ++i) EXPECT_FALSE(wires_[i]->closed) << i;
}

TEST_F(PoolTest, closes_an_idle_connection_after_its_time) {
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  advance(3'990);
  EXPECT_EQ(group_.idle(), 1U);
  advance(20);
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_TRUE(wire_->closed);
  EXPECT_EQ(loop_.armed(), 0U);
}

TEST_F(PoolTest, closes_a_second_before_the_announced_timeout) {
  idle_after("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=10\r\n\r\n");
  advance(8'990);
  EXPECT_EQ(group_.idle(), 1U);
  advance(20);
  EXPECT_EQ(group_.idle(), 0U);
}

TEST_F(PoolTest, a_leased_connection_is_not_closed_by_its_idle_time) {
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  auto connection = group_.take(kPeer, false);
  Lease lease;
  connection->begin(lease, http::Method::kGet, false);
  advance(10'000);
  EXPECT_FALSE(wire_->closed);
  EXPECT_TRUE(lease.closed.empty());
  group_.give(std::move(connection));
}

TEST_F(PoolTest, closes_an_idle_connection_that_ends_or_sends_bytes) {
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 0U);
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  wire_->inbound_error = -ECONNRESET;
  wire_->deliver();
  EXPECT_EQ(group_.idle(), 0U);
  idle_after("HTTP/1.1 204 No Content\r\n\r\n");
  wire_->inbound = "HTTP/1.1 408 Request Timeout\r\n\r\n";
  wire_->deliver();
  EXPECT_EQ(group_.idle(), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 1U);
}

TEST_F(PoolTest, counts_each_connection_once) {
  auto connection = connect();
  EXPECT_EQ(open_, 1);
  use(*connection);
  group_.give(std::move(connection));
  EXPECT_EQ(open_, 1);
  pool_.close_idle();
  EXPECT_EQ(open_, 0);
  EXPECT_EQ(idle_after("garbage\r\n\r\n"), 0U);
  EXPECT_EQ(open_, 0);
}

TEST_F(PoolTest, peer_end_inside_a_response_is_reported) {
  auto connection = connect();
  use(*connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_EQ(lease_.closed, std::vector<int>{0});
  group_.give(std::move(connection));

  connection = connect();
  use(*connection, "HTTP/1.1 200 OK\r\n\r\nall");
  const int turns = lease_.turns;
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_TRUE(lease_.closed.empty());
  EXPECT_EQ(lease_.turns, turns + 1);
  EXPECT_EQ(lease_.body, "all");
  group_.give(std::move(connection));
}

TEST_F(PoolTest, a_head_in_pieces_is_put_together) {
  auto connection = connect();
  use(*connection, "HTTP/1.1 200 OK\r\nContent-Le");
  wire_->inbound = "ngth: 2\r\n\r\no";
  wire_->deliver();
  wire_->inbound = "k";
  wire_->deliver();
  EXPECT_EQ(lease_.body, "ok");
  EXPECT_TRUE(connection->reusable(now_));
  group_.give(std::move(connection));
}

TEST_F(PoolTest, hands_over_the_bytes_behind_a_101) {
  auto connection = connect();
  use(*connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly");
  EXPECT_EQ(connection->behind_head(), "early");
  const std::unique_ptr<io::Transport> transport = group_.give_up(std::move(connection));
  EXPECT_FALSE(wire_->closed);
  EXPECT_EQ(open_, 1) << "it is still a connection to a peer";
  wire_->inbound = "later";
  EXPECT_FALSE(wire_->deliver()) << "nobody listens to it yet";
}

}  // namespace
}  // namespace weir::upstream
