// proxy_buffering: a slow client holds no peer, and weir's memory is bounded.
#include <algorithm>
#include <string>

#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

constexpr size_t kLarge = 900'000;
constexpr size_t kPiece = io::TransportHandler::kUsualRead;

std::string answer_of(size_t size, std::string_view fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n" + std::string(fields) + "\r\n" +
         std::string(size, '#');
}

size_t body_in(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '#'));
}

class Buffering : public Rig {
 protected:
  ~Buffering() override { world_.core->close_all(); }
  // `memory`: of all answers.
  void serve_buffered(const BufferOptions& buffers = {}, size_t memory = BufferOptions::kUsualMemory) {
    serve([&](sim::SiteMaker& maker, int) {
      const int one = maker.upstream("one", {"10.0.1.1"});
      maker.buffer_memory() = memory;
      maker.proxied("/", one).buffers = buffers;
      Location& limited = maker.proxied("/limited", one);
      limited.limit_rate = {10'000, std::nullopt};
    });
    connect();
  }
  // A client that takes nothing asks; the peer has the request.
  sim::Wire& ask_and_stall(std::string_view request = kGet) {
    client_->room = 0;
    ask(request);
    sim::Wire& node = peer();
    node.asks = true;
    return node;
  }
  uint32_t inflight() {
    uint32_t sum = 0;
    for (const auto& [name, each] : shared_.peers) sum += each->inflight.load();
    return sum;
  }
  void read_all() {
    client_->grant(sim::kUnlimited);
    while (std::any_of(peers_.begin(), peers_.end(), [](const auto& each) { return each->deliver(); })) {
    }
  }
};

TEST_F(Buffering, peer_is_free_while_its_client_reads) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  EXPECT_EQ(inflight(), 0U);
  EXPECT_EQ(body_in(client_->outbound), 0U);
  const auto other = another(kGet);
  EXPECT_TRUE(world_.connecting.empty()) << "the same connection serves the next";
  tell(node, kOk);
  EXPECT_TRUE(other->outbound.ends_with("ok"));
  read_all();
  EXPECT_EQ(body_in(answered()), kLarge);
  ask(kGet);
  EXPECT_TRUE(world_.connecting.empty()) << "the client's connection goes on";
}

TEST_F(Buffering, peer_waits_when_its_answer_is_larger_than_the_buffers) {
  serve_buffered({.number = 8, .size = 32 * 1024, .first_size = 8 * 1024});
  constexpr size_t kMost = 264 * 1024;
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  EXPECT_FALSE(node.reading);
  EXPECT_EQ(client_->queue.size(), kMost);
  EXPECT_EQ(inflight(), 1U);
  client_->grant(kMost / 2 - 1);
  EXPECT_FALSE(node.reading) << "pauses are few";
  client_->grant(1);
  EXPECT_TRUE(node.reading);
  read_all();
  EXPECT_EQ(body_in(answered()), kLarge);
  EXPECT_EQ(inflight(), 0U);
}

TEST_F(Buffering, small_buffers_hold_one_read) {
  serve_buffered({.number = 2, .size = 4096, .first_size = 4096});
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  EXPECT_FALSE(node.reading);
  EXPECT_GE(client_->queue.size(), BufferOptions::kLeast);
  EXPECT_LE(client_->queue.size(), BufferOptions::kLeast + 200) << "and its new head";
  read_all();
  EXPECT_EQ(body_in(answered()), kLarge);
}

TEST_F(Buffering, streamed_answer_holds_its_peer) {
  serve_buffered({.on = false});
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  EXPECT_FALSE(node.reading);
  EXPECT_LE(client_->queue.size(), Relay::kHigh + 200);
  EXPECT_EQ(inflight(), 1U);
  read_all();
  EXPECT_EQ(body_in(answered()), kLarge);
}

TEST_F(Buffering, peer_decides_for_its_answer) {
  serve_buffered();
  sim::Wire& streams = ask_and_stall();
  tell(streams, answer_of(kLarge, "X-Accel-Buffering: no\r\n"));
  EXPECT_LE(client_->queue.size(), Relay::kHigh + 200);
  EXPECT_EQ(inflight(), 1U);
  read_all();
  EXPECT_FALSE(has(client_->outbound, "X-Accel-Buffering"));

  serve_buffered({.on = false});
  client_->room = 0;
  ask(kGet);
  tell(streams, answer_of(kLarge, "X-Accel-Buffering: yes\r\n"));
  EXPECT_EQ(inflight(), 0U);
}

TEST_F(Buffering, peer_is_not_asked_where_its_field_is_ignored) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).ignore_headers = {"x-accel-buffering"}; });
  connect();
  tell(ask_and_stall(), answer_of(kLarge, "X-Accel-Buffering: no\r\n"));
  EXPECT_EQ(inflight(), 0U);
}

TEST_F(Buffering, event_stream_is_streamed) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + std::string(kLarge, '#'));
  EXPECT_FALSE(node.reading);
  EXPECT_LE(client_->queue.size(), Relay::kHigh + 400);
}

TEST_F(Buffering, answers_stay_small_when_memory_is_taken) {
  serve_buffered({}, 0);
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  EXPECT_FALSE(node.reading);
  EXPECT_LE(client_->queue.size(), BufferOptions::kLeast + 200);
  EXPECT_EQ(world_.count(observe::Counter::kBuffersFull), 1U);
  EXPECT_TRUE(world_.core->buffers_full());
  serve_buffered();  // more memory from now on: a reload
  EXPECT_FALSE(world_.core->buffers_full());
}

TEST_F(Buffering, limited_answer_frees_its_peer_at_once) {
  serve_buffered();
  ask("GET /limited HTTP/1.1\r\nHost: t\r\n\r\n");
  sim::Wire& node = peer();
  node.asks = true;
  tell(node, answer_of(kLarge));
  EXPECT_EQ(inflight(), 0U);
  EXPECT_EQ(body_in(client_->outbound), 1000U);
  EXPECT_GE(world_.core->buffered(), kLarge - 1000) << "it is counted";
}

TEST_F(Buffering, client_that_leaves_frees_the_peer_of_an_unfinished_answer) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge).substr(0, kLarge / 2));
  EXPECT_EQ(inflight(), 1U);
  end(*client_);
  EXPECT_TRUE(client_->closed);
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(inflight(), 0U);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(Buffering, client_that_leaves_a_held_answer_costs_no_peer) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge));
  client_->inbound_error = -ECONNRESET;
  client_->deliver();
  EXPECT_TRUE(client_->closed);
  EXPECT_FALSE(node.closed);
  another(kGet);
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(Buffering, peer_that_fails_midway_cuts_the_answer) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, answer_of(kLarge).substr(0, kLarge / 2));
  const size_t held = body_in(client_->queue);
  end(node);
  EXPECT_EQ(inflight(), 0U);
  EXPECT_FALSE(client_->closed) << "what has come goes out";
  read_all();
  EXPECT_EQ(body_in(client_->outbound), held);
  EXPECT_TRUE(client_->closed);
}

TEST_F(Buffering, answer_that_its_connection_ends_is_held_whole) {
  serve_buffered();
  sim::Wire& node = ask_and_stall();
  tell(node, "HTTP/1.0 200 OK\r\n\r\n" + std::string(kLarge, '#'));
  EXPECT_EQ(inflight(), 1U);
  end(node);
  EXPECT_EQ(inflight(), 0U);
  read_all();
  const std::string text = answered();
  EXPECT_EQ(body_in(text), kLarge);
  EXPECT_TRUE(text.ends_with("\r\n0\r\n\r\n"));
  EXPECT_FALSE(client_->closed);
}

TEST_F(Buffering, long_answer_comes_in_large_pieces_to_a_fast_client) {
  serve_buffered();
  ask(kGet);
  sim::Wire& node = peer();
  tell(node, answer_of(kLarge).substr(0, kPiece));
  EXPECT_EQ(node.handler->on_read_soon(), io::TransportHandler::kMostRead);
  client_->room = 0;
  tell(node, std::string(1000, '#'));
  EXPECT_EQ(node.handler->on_read_soon(), kPiece);
}

}  // namespace
}  // namespace weir::proxy
