// What a warm request asks the heap for where its upstream has everything that an upstream may have.
#include "unit/count_allocations.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

class Allocations : public Rig {
 protected:
  Allocations() {
    serve([this](sim::SiteMaker& maker, int) {
      maker.server().fallback.keepalive_requests = 1'000'000;
      const int rich = maker.upstream("rich", {"10.0.1.1", "10.0.1.2"}, policy::Method::kLeastTimeHeader,
                                      [](policy::PeerOptions& peer) { peer.max_conns = 10; });
      maker.pool(rich).max_requests = 0;
      maker.queue(rich, 10, Millis(1'000));
      maker.sticky(rich, StickyOptions::Kind::kCookie).cookie = "srv";
      maker.proxied("/", rich).not_ready = {{503, "maintaining"}};
      const SiteCluster& cluster = maker.cluster(rich);
      cookie_ = cluster.sticky->bindings->cookie_of(cluster.cluster->primaries().front());
    });
    connect();
    lend_slab(*client_);
  }
  void lend_slab(sim::Wire& wire) {
    wire.slab = world_.loop.slab().data();
    wire.inbound.reserve(8192);
    wire.outbound.reserve(8192);
    wire.queue.reserve(8192);
  }
  void round(std::string_view request) {
    ask(request);
    while (!world_.connecting.empty()) lend_slab(peer());
    for (const auto& wire : peers_) {
      if (wire->outbound.empty()) continue;
      wire->outbound.clear();
      tell(*wire, kOk);
    }
    client_->outbound.clear();
    world_.turn();
  }
  uint64_t count(std::string_view request) {
    constexpr int kRounds = 200;
    for (int i = 0; i < 20; ++i) round(request);
    const uint64_t before = world_.count(Counter::kResponses2xx);
    const uint64_t made = count_allocations([&] {
      for (int i = 0; i < kRounds; ++i) round(request);
    });
    EXPECT_EQ(world_.count(Counter::kResponses2xx) - before, static_cast<uint64_t>(kRounds));
    return made;
  }
  std::string cookie_;  // of the first peer
};

TEST_F(Allocations, warm_get_bound_by_a_cookie_makes_none) {
  EXPECT_EQ(count("GET /a HTTP/1.1\r\nHost: app.test\r\nCookie: a=b; srv=" + cookie_ + "\r\n\r\n"), 0U);
  EXPECT_GT(world_.count(Counter::kStickyBound), 200U);
}

TEST_F(Allocations, a_warm_get_that_is_given_a_cookie_makes_none) {
  EXPECT_EQ(count(kGet), 0U);
  EXPECT_EQ(world_.count(Counter::kStickyBound), 0U);
}

class Healthz : public Rig {};

TEST_F(Healthz, many_upstreams_that_are_down_take_little_memory) {
  constexpr int kMany = 500;
  serve([](sim::SiteMaker& maker, int) {
    proxy::Healthz all;
    for (int i = 0; i < kMany; ++i) all.clusters.push_back(maker.upstream("u" + std::to_string(i), {"10.0.1.1"}));
    maker.location("/").healthz = all;
  });
  for (int i = 0; i < kMany; ++i) state("u" + std::to_string(i) + "/10.0.1.1:13000").check_down = true;
  connect();
  const uint64_t before = allocated_bytes_of_thread;
  ask(kGet);
  EXPECT_LT(allocated_bytes_of_thread - before, 1'000'000U);
  const std::string text = answered();
  EXPECT_TRUE(has(text, "HTTP/1.1 503 ")) << text;
  EXPECT_TRUE(has(text, "\r\n\r\nupstream u0 has no usable peer\nupstream u1 has")) << text;
  EXPECT_TRUE(text.ends_with("upstream u499 has no usable peer\n")) << text;
}

}  // namespace
}  // namespace weir::proxy
