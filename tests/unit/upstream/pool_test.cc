// Which connections to a peer are used again, which of them, for how long, and who is told.
#include "upstream/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
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
class Asker final : public LeaseHandler {
 public:
  Arena& response_arena(http::StreamId) override { return arena_; }
  http::ResponseHead& response_head(http::StreamId) override { return head_; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId stream) override { streams.push_back(stream); }
  void on_body(http::StreamId, std::string_view bytes) override {
    body += bytes;
    if (gives_up) lease.reset();
  }
  void on_response_end(http::StreamId) override {}
  void on_error(http::StreamId, ErrorKind, std::string_view) override { broken = true; }
  void on_upstream_turn() override { ++turns; }
  void on_upstream_closed(int code) override { closed.push_back(code); }
  void on_upstream_sent() override { ++sent; }
  size_t read_room() const override { return room; }

  void forget() {
    body.clear();
    closed.clear();
    streams.clear();
    turns = sent = 0;
    broken = false;
  }

  Lease lease;
  std::string body;
  std::vector<int> closed;
  std::vector<http::StreamId> streams;  // of the responses
  int turns = 0;
  int sent = 0;
  bool broken = false;
  size_t room = 1;
  bool gives_up = false;  // at the first byte of a body

 private:
  Arena arena_;
  http::ResponseHead head_;
};

class PoolTest : public testing::Test {
 protected:
  PoolTest() { configure(options_); }
  ~PoolTest() override { asker_.lease.reset(); }
  // As a snapshot would name them.
  void configure(const PoolOptions& options) {
    NamedPeers now = pool_.name("app", options, {{kPeer}, {kOther}});
    named_ = std::move(now);
  }
  Group& group() { return named_.group(); }
  Slot& slot(size_t index = 0) { return named_.slot(index); }
  Lease connect(size_t index = 0) {
    wire_ = std::make_shared<Wire>();
    wires_.push_back(wire_);
    return group().open(slot(index), std::make_unique<FakeTransport>(wire_));
  }
  Lease take(bool sure = false) { return group().take(slot(), sure); }
  // One request and that answer, on a lease that asker_ holds then.
  void use(Lease lease, std::string_view response = kEmpty, bool request_sent = true) {
    asker_.forget();
    asker_.lease = std::move(lease);
    asker_.lease.begin(asker_, http::Method::kGet, http::kWebsocket);
    http::OutBatch out;
    if (request_sent) asker_.lease.send_end(out);
    wire_->inbound = response;
    wire_->deliver();
  }
  Lease used(Lease lease) {
    use(std::move(lease));
    return std::move(asker_.lease);
  }
  // Used, given back, and so many connections are then idle.
  size_t idle_after(std::string_view response, bool request_sent = true) {
    use(connect(), response, request_sent);
    asker_.lease.reset();
    return group().idle();
  }
  void advance(MonoMs ms) {
    now_ += ms;
    loop_.turn(false);
  }

  static constexpr std::string_view kEmpty = "HTTP/1.1 204 No Content\r\n\r\n";
  MonoMs now_ = 1'000'000;
  io::Loop loop_{&now_};
  observe::MetricSlab metrics_;
  int open_ = 0;
  Pool pool_{loop_, metrics_, [this](int delta) { open_ += delta; }};
  PoolOptions options_;
  NamedPeers named_;
  Asker asker_;
  std::shared_ptr<Wire> wire_;  // the newest
  std::vector<std::shared_ptr<Wire>> wires_;
};

TEST_F(PoolTest, keeps_a_connection_after_a_complete_exchange) {
  EXPECT_EQ(idle_after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 1U);
  EXPECT_EQ(asker_.body, "ok");
  Lease again = take();
  ASSERT_TRUE(again);
  EXPECT_EQ(group().idle(), 0U);
  again = used(std::move(again));
  EXPECT_TRUE(again.reused());
}

// What a client that takes nothing can have weir hold stays small.
TEST_F(PoolTest, long_body_is_read_in_large_pieces) {
  constexpr size_t kUsual = io::TransportHandler::kUsualRead;
  Lease lease = connect();
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  asker_.room = SIZE_MAX;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n";
  use(std::move(lease), head);
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  wire_->inbound = std::string(kUsual - head.size() - 1, 'x');
  wire_->deliver();
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
  wire_->inbound = "x";
  wire_->deliver();
  EXPECT_EQ(wire_->handler->on_read_soon(), io::TransportHandler::kMostRead);
  asker_.room = 100;
  EXPECT_EQ(wire_->handler->on_read_soon(), 100U);
  asker_.room = SIZE_MAX;
  wire_->inbound = std::string(head.size(), 'x');
  wire_->deliver();
  asker_.lease.reset();
  ASSERT_EQ(group().idle(), 1U);
  use(take(), "");  // the count is of one lease
  EXPECT_EQ(wire_->handler->on_read_soon(), kUsual);
}

TEST_F(PoolTest, has_nothing_for_another_address) {
  idle_after(kEmpty);
  EXPECT_FALSE(group().take(slot(1), false));
  const NamedPeers other = pool_.name("other", options_, {{kPeer}});
  EXPECT_FALSE(other.group().take(other.slot(0), false));
}

TEST_F(PoolTest, tls_of_another_kind_is_another_peer) {
  const auto tls = [](const std::string& name, const std::string& terms) {
    return std::make_shared<const TlsIdentity>(TlsIdentity{name, terms});
  };
  const NamedPeers peers = pool_.name(
      "app", options_,
      {{kPeer}, {kPeer, tls("a", "ca")}, {kPeer, tls("b", "ca")}, {kPeer, tls("a", "")}, {kPeer, tls("a", "ca")}});
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(&peers.slot(i), &peers.slot(j)) << i << " " << j;
  EXPECT_EQ(&peers.slot(4), &peers.slot(1));  // equal by value
  EXPECT_EQ(&peers.slot(0), &slot());
  EXPECT_EQ(peers.slot(0).sessions, nullptr);
  for (size_t i = 1; i < 4; ++i)  // and so are its sessions
    for (size_t j = 1; j < i; ++j) EXPECT_NE(peers.slot(i).sessions, peers.slot(j).sessions) << i << " " << j;
}

TEST_F(PoolTest, refuses_a_closed_connection_to_an_unrepeatable_request) {
  idle_after(kEmpty);
  Lease first = take(true);
  ASSERT_TRUE(first);
  use(std::move(first));
  asker_.lease.reset();
  wire_->inbound_fin = true;  // on its way, but the loop has not told yet
  EXPECT_FALSE(take(true));
  EXPECT_TRUE(wire_->closed);
  EXPECT_EQ(group().idle(), 0U);
  EXPECT_EQ(open_, 0);
}

TEST_F(PoolTest, refuses_a_response_with_connection_close) {
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), 0U);
  EXPECT_TRUE(wire_->closed);
}

TEST_F(PoolTest, refuses_a_connection_that_weir_asked_to_close) {
  Lease lease = connect();
  asker_.lease = std::move(lease);
  asker_.lease.begin(asker_, http::Method::kGet, {});
  const http::FieldList none;
  http::OutRequest head;
  head.method = "GET";
  head.target = "/";
  head.connection = http::ConnectionOption::kClose;
  head.fields = &none;
  Arena arena;
  http::OutBatch out;
  asker_.lease.send_head(head, arena, out);
  asker_.lease.send_end(out);
  EXPECT_EQ(asker_.lease.send(out), 0);
  wire_->inbound = kEmpty;
  wire_->deliver();
  asker_.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
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
  EXPECT_EQ(idle_after(kEmpty, false), 0U);
}

TEST_F(PoolTest, refuses_a_request_that_is_still_queued) {
  Lease lease = connect();
  wire_->room = 1;
  http::OutBatch out;
  out.add("GET");
  EXPECT_EQ(lease.send(out), 0);
  EXPECT_EQ(lease.queued(), 2U);
  use(std::move(lease));
  asker_.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, refuses_a_connection_that_could_not_be_written) {
  Lease lease = connect();
  wire_->send_error = -EPIPE;
  http::OutBatch out;
  out.add("GET");
  EXPECT_EQ(lease.send(out), -EPIPE);
  wire_->send_error = 0;
  use(std::move(lease));
  asker_.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, refuses_and_counts_bytes_behind_the_response) {
  EXPECT_EQ(idle_after("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n"), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 1U);
}

TEST_F(PoolTest, refuses_a_connection_that_switched_protocols) {
  EXPECT_EQ(idle_after("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), 0U);
}

TEST_F(PoolTest, refuses_a_connection_that_was_closed) {
  use(connect());
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_TRUE(asker_.lease.connection().closed());
  asker_.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, refuses_a_connection_with_too_many_requests) {
  options_.max_requests = 2;
  configure(options_);
  ASSERT_EQ(idle_after(kEmpty), 1U);
  use(take());
  asker_.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, refuses_a_connection_past_its_age) {
  options_.max_age = Millis(1'000);
  configure(options_);
  Lease lease = connect();
  now_ += 999;
  use(std::move(lease));
  EXPECT_TRUE(asker_.lease.connection().reusable(now_));
  EXPECT_FALSE(asker_.lease.connection().reusable(now_ + 1));
}

TEST_F(PoolTest, keeps_no_connection_when_disabled_or_draining) {
  options_.max_idle = 0;
  configure(options_);
  EXPECT_EQ(idle_after(kEmpty), 0U);
  options_.max_idle = 1;
  configure(options_);
  EXPECT_EQ(idle_after(kEmpty), 1U);
  pool_.begin_drain();
  EXPECT_EQ(group().idle(), 0U);
  EXPECT_EQ(idle_after(kEmpty), 0U);
}

TEST_F(PoolTest, gives_the_most_recently_used_connection) {
  Lease first = used(connect());
  Lease second = used(connect());
  const Connection* last = &second.connection();
  first.reset();
  second.reset();
  EXPECT_EQ(&take().connection(), last);
}

TEST_F(PoolTest, drops_the_longest_idle_connection_when_full) {
  options_.max_idle = 1;
  configure(options_);  // but never less than four a peer, and there are two
  std::vector<Lease> leases;
  for (size_t i = 0; i < 10; ++i) leases.push_back(used(connect(i % 2)));
  leases.clear();
  EXPECT_EQ(group().idle(), 8U);
  EXPECT_TRUE(wires_[0]->closed);
  EXPECT_TRUE(wires_[1]->closed);
  for (size_t i = 2; i < 10; ++i) EXPECT_FALSE(wires_[i]->closed) << i;
}

TEST_F(PoolTest, closes_an_idle_connection_after_its_time) {
  idle_after(kEmpty);
  advance(3'990);
  EXPECT_EQ(group().idle(), 1U);
  advance(20);
  EXPECT_EQ(group().idle(), 0U);
  EXPECT_TRUE(wire_->closed);
  EXPECT_EQ(loop_.armed(), 0U);
}

TEST_F(PoolTest, closes_a_second_before_the_announced_timeout) {
  idle_after("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=10\r\n\r\n");
  advance(8'990);
  EXPECT_EQ(group().idle(), 1U);
  advance(20);
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, announced_timeout_never_lengthens_a_configured_one) {
  PoolOptions options;
  options.idle_timeout = Millis(5'000);
  options.idle_timeout_set = true;
  configure(options);
  idle_after("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=10\r\n\r\n");
  advance(5'010);
  EXPECT_EQ(group().idle(), 0U);
  idle_after("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=3\r\n\r\n");
  advance(1'990);
  EXPECT_EQ(group().idle(), 1U);
  advance(20);
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(PoolTest, a_leased_connection_is_not_closed_by_its_idle_time) {
  idle_after(kEmpty);
  use(take(), "");
  advance(10'000);
  EXPECT_FALSE(wire_->closed);
  EXPECT_TRUE(asker_.closed.empty());
}

TEST_F(PoolTest, closes_an_idle_connection_that_ends_or_sends_bytes) {
  idle_after(kEmpty);
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_EQ(group().idle(), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 0U);
  idle_after(kEmpty);
  wire_->inbound_error = -ECONNRESET;
  wire_->deliver();
  EXPECT_EQ(group().idle(), 0U);
  idle_after(kEmpty);
  wire_->inbound = "HTTP/1.1 408 Request Timeout\r\n\r\n";
  wire_->deliver();
  EXPECT_EQ(group().idle(), 0U);
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 1U);
}

TEST_F(PoolTest, counts_each_connection_once) {
  Lease lease = connect();
  EXPECT_EQ(open_, 1);
  use(std::move(lease));
  asker_.lease.reset();
  EXPECT_EQ(open_, 1);
  pool_.close_idle();
  EXPECT_EQ(open_, 0);
  EXPECT_EQ(idle_after("garbage\r\n\r\n"), 0U);
  EXPECT_EQ(open_, 0);
}

TEST_F(PoolTest, peer_end_inside_a_response_is_reported) {
  use(connect(), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_EQ(asker_.closed, std::vector<int>{0});

  use(connect(), "HTTP/1.1 200 OK\r\n\r\nall");
  const int turns = asker_.turns;
  wire_->inbound_fin = true;
  wire_->deliver();
  EXPECT_TRUE(asker_.closed.empty());
  EXPECT_EQ(asker_.turns, turns + 1);
  EXPECT_EQ(asker_.body, "all");
}

TEST_F(PoolTest, a_head_in_pieces_is_put_together) {
  use(connect(), "HTTP/1.1 200 OK\r\nContent-Le");
  wire_->inbound = "ngth: 2\r\n\r\no";
  wire_->deliver();
  wire_->inbound = "k";
  wire_->deliver();
  EXPECT_EQ(asker_.body, "ok");
  EXPECT_TRUE(asker_.lease.connection().reusable(now_));
}

TEST_F(PoolTest, hands_over_the_bytes_behind_a_101) {
  use(connect(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly");
  EXPECT_EQ(asker_.lease.behind_head(), "early");
  const std::unique_ptr<io::Transport> transport = asker_.lease.give_up();
  EXPECT_FALSE(wire_->closed);
  EXPECT_EQ(open_, 1) << "it is still a connection to a peer";
  wire_->inbound = "later";
  EXPECT_FALSE(wire_->deliver()) << "nobody listens to it yet";
  named_ = NamedPeers();
  EXPECT_EQ(pool_.groups(), 0U) << "the pool has nothing of it any more";
}

// --- leases that end inside an event --------------------------------------------------------------------------------

TEST_F(PoolTest, lease_ends_inside_a_body_without_further_events) {
  for (const std::string_view framing : {"Content-Length: 6\r\n\r\nfooter",
                                         "Transfer-Encoding: chunked\r\n\r\n"
                                         "3\r\nfoo\r\n3\r\nter\r\n0\r\n\r\n"}) {
    asker_.gives_up = true;
    use(connect(), "HTTP/1.1 200 OK\r\n" + std::string(framing));
    EXPECT_TRUE(wire_->closed) << framing;
    EXPECT_EQ(asker_.body, framing.starts_with("C") ? "footer" : "foo");
    EXPECT_EQ(asker_.turns, 0) << framing;
    EXPECT_EQ(group().idle(), 0U);
  }
}

// --- what no snapshot names -----------------------------------------------------------------------------------------

TEST_F(PoolTest, forgets_peers_that_no_snapshot_names) {
  ASSERT_EQ(idle_after(kEmpty), 1U);
  for (int i = 0; i < 50; ++i) {
    const SocketAddress moved = *SocketAddress::from_ip("10.1.0." + std::to_string(i), 80);
    named_ = pool_.name("app", options_, {{moved}, {moved}});  // the same one twice is one slot
    ASSERT_EQ(idle_after(kEmpty), 1U);
    EXPECT_EQ(group().slots(), 1U);
  }
  EXPECT_TRUE(wires_.front()->closed);
  EXPECT_EQ(open_, 1);
  const NamedPeers other = pool_.name("other", options_, {{kPeer}});
  EXPECT_EQ(pool_.groups(), 2U);
  named_ = NamedPeers();
  EXPECT_EQ(pool_.groups(), 1U);
  EXPECT_EQ(open_, 0);
}

TEST_F(PoolTest, peer_stays_while_an_older_snapshot_names_it) {
  ASSERT_EQ(idle_after(kEmpty), 1U);
  NamedPeers newer = pool_.name("app", options_, {{kOther}});
  EXPECT_EQ(group().idle(), 1U);
  EXPECT_EQ(group().slots(), 2U);
  named_ = std::move(newer);
  EXPECT_EQ(group().slots(), 1U);
  EXPECT_TRUE(wire_->closed);
}

// A WebSocket outlives its snapshot.
TEST_F(PoolTest, lease_outlives_the_naming_of_its_peer) {
  use(connect());
  named_ = NamedPeers();
  EXPECT_EQ(pool_.groups(), 1U);
  EXPECT_FALSE(wire_->closed);
  EXPECT_TRUE(asker_.closed.empty());
  asker_.lease.reset();  // good as it was, it is not kept for anybody
  EXPECT_TRUE(wire_->closed);
  EXPECT_EQ(pool_.groups(), 0U);
  EXPECT_EQ(open_, 0);
}

// --- many streams on a connection -----------------------------------------------------------------------------------

// A protocol as small as can be, three streams at a time: a byte of the peer is the digit of a stream and a letter of
// its body, or a digit and '.' for its end. Ids are 11, 13, 15.
class TestCodec final : public http::ClientCodec {
 public:
  uint32_t capacity() const override { return 3 - static_cast<uint32_t>(open_.size()); }
  http::StreamId open(http::Method, std::string_view, const http::HeadLimits&) override {
    open_.push_back(next_);
    return std::exchange(next_, next_ + 2);
  }
  void cancel(http::StreamId stream) override { std::erase(open_, stream); }
  size_t feed(std::string_view bytes, Handler& handler) override {
    size_t used = 0;
    for (; used + 2 <= bytes.size(); used += 2) {
      const http::StreamId stream = static_cast<http::StreamId>(bytes[used] - '0') * 2 + 9;  // '1' is 11
      if (std::find(open_.begin(), open_.end(), stream) == open_.end()) continue;            // cancelled
      if (bytes[used + 1] == 'h') {
        http::ResponseHead& head = handler.response_head(stream);
        head.status = 200;
        head.keep_alive = true;
        handler.on_response(stream);
      } else if (bytes[used + 1] == '.') {
        std::erase(open_, stream);
        handler.on_response_end(stream);
      } else {
        handler.on_body(stream, bytes.substr(used + 1, 1));
      }
    }
    return used;
  }
  bool finish(Handler&) override { return open_.empty(); }
  void send_head(http::StreamId, const http::OutRequest&, Arena&, http::OutBatch&) override {}
  void send_body(http::StreamId, const std::string_view*, int, http::OutBatch&) override {}
  void send_end(http::StreamId, http::OutBatch&) override {}

 private:
  std::vector<http::StreamId> open_;
  http::StreamId next_ = 11;
};

class StreamsTest : public PoolTest {
 protected:
  void begin(Asker& asker) {
    Lease lease = take();
    if (!lease) {
      wire_ = std::make_shared<Wire>();
      lease = group().open<TestCodec>(slot(), std::make_unique<FakeTransport>(wire_));
      ++connects_;
    }
    asker.lease = std::move(lease);
    asker.lease.begin(asker, http::Method::kGet, {});
    http::OutBatch out;
    asker.lease.send_end(out);
  }
  void receive(std::string_view bytes) {
    wire_->inbound = bytes;
    wire_->deliver();
  }
  int connects_ = 0;
};

TEST_F(StreamsTest, leases_share_a_connection_up_to_its_capacity) {
  Asker one, two, three, four;
  for (Asker* asker : {&one, &two, &three}) begin(*asker);
  EXPECT_EQ(connects_, 1);
  EXPECT_EQ(one.lease.stream(), 11U);
  EXPECT_EQ(two.lease.stream(), 13U);
  EXPECT_EQ(three.lease.stream(), 15U);
  const auto first = wire_;
  begin(four);
  EXPECT_EQ(connects_, 2);

  wire_ = first;
  receive("2h1h2a3h1b2.");
  EXPECT_EQ(one.body, "b");
  EXPECT_EQ(two.body, "a");
  EXPECT_EQ(three.body, "");
  EXPECT_EQ(four.turns, 0);
  for (const Asker* asker : {&one, &two, &three}) EXPECT_EQ(asker->turns, 1);
  EXPECT_EQ(one.streams, std::vector<http::StreamId>{11});
  receive("1c");
  EXPECT_EQ(one.turns, 2);
  EXPECT_EQ(two.turns, 1);  // nothing of it came

  two.lease.reset();
  Asker five;
  begin(five);
  EXPECT_EQ(connects_, 2);
  EXPECT_EQ(&five.lease.connection(), &one.lease.connection());
  EXPECT_EQ(five.lease.stream(), 17U);
  EXPECT_EQ(group().idle(), 0U);
}

TEST_F(StreamsTest, unfinished_stream_ends_without_its_connection) {
  Asker one, two;
  begin(one);
  begin(two);
  two.gives_up = true;
  receive("1h2h2a2b1c2.");
  EXPECT_EQ(two.body, "a");
  EXPECT_EQ(two.turns, 0);
  EXPECT_EQ(one.body, "c");
  EXPECT_FALSE(wire_->closed);
  receive("1.");
  one.lease.reset();
  EXPECT_EQ(group().idle(), 1U);
  EXPECT_FALSE(wire_->closed);
}

TEST_F(StreamsTest, every_stream_hears_of_the_end) {
  Asker one, two, three;
  for (Asker* asker : {&one, &two, &three}) begin(*asker);
  two.lease.reset();
  wire_->inbound_error = -ECONNRESET;
  wire_->deliver();
  EXPECT_EQ(one.closed, std::vector<int>{-ECONNRESET});
  EXPECT_TRUE(two.closed.empty());
  EXPECT_EQ(three.closed, std::vector<int>{-ECONNRESET});
  Asker four;
  begin(four);
  EXPECT_EQ(connects_, 2);
}

TEST_F(StreamsTest, unsolicited_bytes_take_no_lease_from_others) {
  Asker one;
  begin(one);
  receive("1h1.");
  receive("x");  // half a message behind all that was asked for
  EXPECT_EQ(metrics_.get(observe::Counter::kUpstreamUnsolicited), 1U);
  Asker two;
  begin(two);
  EXPECT_EQ(connects_, 2);
  one.lease.reset();
  EXPECT_EQ(group().idle(), 0U);
}

}  // namespace
}  // namespace weir::upstream
