// limit_rate: answers go out in steps.
#include "proxy/throttle.h"

#include "filter/encoder.h"
#include "filter/gunzip.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using namespace std::string_literals;

class Throttled : public Rig {
 protected:
  ~Throttled() override { world_.core->close_all(); }
  // One local answer of that size at 10,000 bytes a second, and what peers say at the same rate.
  void serve_slowly(size_t size, uint64_t after = 0) {
    serve([&](sim::SiteMaker& maker, int app) {
      Location& local = maker.returning("/local", 200, std::string(size, '#'));
      local.limit_rate = {10'000, std::nullopt};
      local.limit_rate_after = {after, std::nullopt};
      Location& proxied = maker.proxied("/app", app);
      proxied.limit_rate = {10'000, std::nullopt};
    });
    connect();
  }
  std::string gzipped(std::string_view text) {
    filter::EncoderPool& encoders = world_.core->encoders();
    Chain chain(world_.loop.chunks());
    filter::Sink sink(chain);
    auto encoder = encoders.take({});
    EXPECT_TRUE(encoder->encode(text, filter::Encoder::Flush::kEnd, sink));
    encoders.give(std::move(encoder));
    std::string out;
    chain.copy_to(out);
    return out;
  }
  // Bytes of the body that have gone out since.
  size_t body() {
    const std::string text = answered();
    return static_cast<size_t>(std::count(text.begin(), text.end(), '#'));
  }
};

TEST_F(Throttled, local_answer_goes_out_in_steps) {
  serve_slowly(5000);
  ask("GET /local HTTP/1.1\r\nHost: t\r\n\r\n");
  size_t sent = body();
  EXPECT_EQ(sent, 1000U);
  for (int step = 0; step < 3; ++step) {
    world_.advance(100);
    sent += body();
  }
  EXPECT_GE(sent, 2500U);
  EXPECT_LE(sent, 4000U);
  EXPECT_EQ(logged().size(), 0U);
  for (int step = 0; step < 10; ++step) world_.advance(100);
  sent += body();
  EXPECT_EQ(sent, 5000U);
  EXPECT_EQ(logged().size(), 1U);
  ask("GET /local HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(body(), 1000U) << "the connection goes on";
}

TEST_F(Throttled, body_waits_for_the_bytes_of_its_head) {
  serve([](sim::SiteMaker& maker, int) {
    maker.returning("/local", 200, std::string(500, '#')).limit_rate = {1000, std::nullopt};
  });
  connect();
  ask("GET /local HTTP/1.1\r\nHost: t\r\n\r\n");
  const size_t sent = answered().size();
  EXPECT_GT(sent, 200U) << "a step's body, and the head";
  world_.advance(100);
  EXPECT_EQ(body(), 0U);
  world_.advance(static_cast<MonoMs>(sent));
  EXPECT_GT(body(), 0U);
}

TEST_F(Throttled, first_bytes_are_free) {
  serve_slowly(5000, 4500);
  ask("GET /local HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(body(), 5000U);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(Throttled, answer_without_a_body_does_not_wait) {
  serve_slowly(5000);
  ask("HEAD /local HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(Throttled, peer_is_free_before_its_answer_has_gone_out) {
  serve_slowly(1);
  ask("GET /app HTTP/1.1\r\nHost: t\r\n\r\n");
  sim::Wire& app = peer();
  tell(app, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, '#'));
  EXPECT_EQ(body(), 1000U);
  for (const auto& [name, each] : shared_.peers) EXPECT_EQ(each->inflight.load(), 0U) << name;
  for (int step = 0; step < 10; ++step) world_.advance(100);
  EXPECT_EQ(body(), 4000U);
  EXPECT_EQ(logged().size(), 1U);
}

// Megabytes of a body come of kilobytes: they are made as fast as they may go out.
TEST_F(Throttled, decoded_body_waits_for_its_turn) {
  constexpr size_t kSize = 8 << 20;
  constexpr uint64_t kRate = 4 << 20;
  serve([&](sim::SiteMaker& maker, int app) {
    Location& proxied = maker.proxied("/app", app);
    proxied.limit_rate = {kRate, std::nullopt};
    add_filter(proxied, filter::make_gunzip({}));
  });
  connect();
  ask("GET /app HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string coded = gzipped(std::string(kSize, '#'));
  tell(peer(), "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(coded.size()) +
                   "\r\n\r\n" + coded);
  size_t sent = 0;
  for (int ms = 0; ms < 10'000 && sent < kSize; ms += 50) {
    for (int turn = 0; turn < 50; ++turn) world_.turn();
    EXPECT_LE(world_.loop.chunks().outstanding() * sizeof(Chunk), 2 * Downstream::kRoom);
    world_.advance(50);
    sent += body();
    ASSERT_LE(sent, kRate * static_cast<uint64_t>(ms + 50 + Throttle::kStep) / 1000);
  }
  EXPECT_EQ(sent, kSize);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(Throttled, client_that_goes_ends_the_answer) {
  serve_slowly(5000);
  ask("GET /local HTTP/1.1\r\nHost: t\r\n\r\n");
  end(*client_);
  EXPECT_EQ(logged().size(), 1U);
  for (int step = 0; step < 10; ++step) world_.advance(100);
  EXPECT_EQ(body(), 1000U);
}

// A refusal is on its way, slowly, and the client goes on talking.
TEST_F(Throttled, refused_request_reaches_no_peer_behind_a_slow_page) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& internal = maker.proxied("/internal", app);
    internal.limit_rate = {1000, std::nullopt};
    internal.internal = true;
    Location& small = maker.proxied("/small", app);
    small.limit_rate = {1000, std::nullopt};
    small.max_body_bytes = 10;
  });
  const std::string internal = "GET /internal HTTP/1.1\r\nHost: t\r\n\r\n";
  const std::string large = "POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n";
  for (const auto& [request, status] : {std::pair(internal, "404"), std::pair(large, "413")}) {
    SCOPED_TRACE(status);
    connect();
    ask(request);
    ask("G");
    for (int step = 0; step < 20; ++step) world_.advance(100);
    EXPECT_TRUE(world_.connecting.empty());
    const std::string text = answered();
    EXPECT_TRUE(has(text, "HTTP/1.1 " + std::string(status))) << text;
    EXPECT_TRUE(text.ends_with("</html>\r\n")) << text;
    EXPECT_EQ(logged().size(), 1U);
  }
}

}  // namespace
}  // namespace weir::proxy
