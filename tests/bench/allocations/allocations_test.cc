// A gate: what a warm request asks the heap for, counted by replacing operator new. Both ends are the simulation's
// fakes, made so that they allocate nothing either; the first rounds warm everything up.
#include <gtest/gtest.h>

#include <string>

#include "base/log.h"
#include "sim/world.h"
#include "unit/count_allocations.h"

namespace weir {
namespace {

using observe::Counter;
using sim::Wire;

const SocketAddress kListen = sim::ip("127.0.0.1", 80);

class Allocations : public testing::Test {
 protected:
  Allocations() : world_(log_.writer()) {
    EXPECT_TRUE(log::configure({}));
    sim::SiteMaker maker(shared_);
    maker.server().fallback.access_logs = log_.target();
    maker.server().fallback.keepalive_requests = 1'000'000;
    const int app = maker.upstream("app", {"10.0.0.1", "10.0.0.2"});
    maker.pool(app).max_requests = 0;
    maker.proxied("/", app);
    maker.returning("/local", 200, "local");
    world_.core->adopt(maker.make({kListen}));
    client_ = world_.accept(kListen);
    lend_slab(*client_);
  }
  void lend_slab(Wire& wire) {
    wire.slab = world_.loop.slab().data();
    wire.inbound.reserve(8192);
    wire.outbound.reserve(8192);
    wire.queue.reserve(8192);
  }
  void tell(Wire& wire, std::string_view bytes) {
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }
  // One request and its answer by whichever peer gets it.
  void round(std::string_view request, std::string_view response) {
    tell(*client_, request);
    while (!world_.connecting.empty()) {
      peers_.push_back(world_.connecting.front()->succeed());
      lend_slab(*peers_.back());
    }
    for (const auto& peer : peers_) {
      if (peer->outbound.empty()) continue;
      peer->outbound.clear();
      tell(*peer, response);
    }
    got_ += client_->outbound.size();
    client_->outbound.clear();
    world_.turn();
  }
  // Of many rounds, so that what happens once in a while is seen too.
  uint64_t count(std::string_view request, std::string_view response) {
    constexpr int kWarm = 20;
    constexpr int kRounds = 200;
    for (int i = 0; i < kWarm; ++i) round(request, response);
    const uint64_t before = world_.count(Counter::kResponses2xx);
    const uint64_t made = count_allocations([&] {
      for (int i = 0; i < kRounds; ++i) round(request, response);
    });
    EXPECT_EQ(world_.count(Counter::kResponses2xx) - before, static_cast<uint64_t>(kRounds));
    return made;
  }

  sim::LogFile log_;
  sim::Shared shared_;
  sim::World world_;
  std::shared_ptr<Wire> client_;
  std::vector<std::shared_ptr<Wire>> peers_;
  size_t got_ = 0;
};

TEST_F(Allocations, a_cold_get_makes_some_which_shows_that_they_are_counted) {
  EXPECT_GT(count_allocations([&] {
              round("GET / HTTP/1.1\r\nHost: sim.test\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }),
            0U);
}

TEST_F(Allocations, a_warm_get_makes_none) {
  EXPECT_EQ(count("GET /a/b?c=d HTTP/1.1\r\nHost: sim.test\r\nUser-Agent: gate\r\nCookie: a=b; c=d\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"),
            0U);
}

TEST_F(Allocations, a_warm_post_of_1_kb_makes_none) {
  const std::string request =
      "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 1024\r\n\r\n" + std::string(1024, 'x');
  EXPECT_EQ(count(request, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"), 0U);
}

TEST_F(Allocations, a_warm_chunked_response_makes_none) {
  EXPECT_EQ(count("GET / HTTP/1.1\r\nHost: sim.test\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
            0U);
}

TEST_F(Allocations, a_warm_answer_of_our_own_makes_none) {
  EXPECT_EQ(count("GET /local HTTP/1.1\r\nHost: sim.test\r\n\r\n", ""), 0U);
}

TEST_F(Allocations, a_websocket_message_makes_none) {
  round(
      "GET /ws HTTP/1.1\r\nHost: sim.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: eA==\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  ASSERT_EQ(world_.count(Counter::kTunnels), 1U);
  for (int i = 0; i < 20; ++i) round("\x82\x85....hello", "\x82\x05hello");
  got_ = 0;
  EXPECT_EQ(count_allocations([&] {
              for (int i = 0; i < 200; ++i) round("\x82\x85....hello", "\x82\x05hello");
            }),
            0U);
  EXPECT_EQ(got_, 200U * 7);
}

}  // namespace
}  // namespace weir
