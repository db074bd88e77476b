// What a worker still holds of snapshots that have gone.
#include "proxy/core.h"
#include "rig.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

using Reload = Rig;

TEST_F(Reload, forgets_connections_to_peers_that_have_gone) {
  for (int i = 1; i <= 20; ++i) {
    serve([i](sim::SiteMaker& maker, int) {
      maker.proxied("/", maker.upstream("moving", {"10.1.0." + std::to_string(i)}));
    });
    connect();
    ask(kGet);
    tell(peer(), kOk);
    EXPECT_TRUE(has(answered(), "200 OK"));
    world_.loop.turn(false);  // the old snapshot goes at the turn's end
    for (int before = 0; before < i - 1; ++before) EXPECT_TRUE(peers_[static_cast<size_t>(before)]->closed);
    EXPECT_FALSE(peers_.back()->closed);
  }
  EXPECT_EQ(world_.core->pool().groups(), 2U);  // "app" and "moving"
  serve_app();
  world_.loop.turn(false);
  EXPECT_EQ(world_.core->pool().groups(), 1U);
  EXPECT_TRUE(peers_.back()->closed);
}

TEST_F(Reload, round_robin_goes_on_over_snapshots) {
  std::string asked;
  for (int i = 0; i < 6; ++i) {
    serve([](sim::SiteMaker& maker, int) {
      maker.proxied("/", maker.upstream("three", {"10.1.0.1", "10.1.0.2", "10.1.0.3"}));
    });
    connect();
    ask(kGet);
    ASSERT_FALSE(world_.connecting.empty());
    asked += world_.connecting.front()->address().to_string() + " ";
    tell(peer(), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  }
  const std::string round = "10.1.0.1:13000 10.1.0.2:13000 10.1.0.3:13000 ";
  EXPECT_EQ(asked, round + round);
}

TEST_F(Reload, websocket_outlives_its_upstream) {
  serve([](sim::SiteMaker& maker, int) {
    maker.proxied("/", maker.upstream("gone", {"10.1.0.1"})).upgrade_websocket = true;
  });
  connect();
  ask(kUpgrade);
  sim::Wire& tunnel = peer();
  tell(tunnel, kSwitched);
  EXPECT_TRUE(has(answered(), "101 Switching Protocols"));
  serve_app();
  world_.loop.turn(false);
  EXPECT_EQ(world_.core->pool().groups(), 1U);
  tell(tunnel, "\x81\x02hi");
  EXPECT_EQ(answered(), "\x81\x02hi");
  end(*client_);
  end(tunnel);
  world_.loop.turn(false);
  EXPECT_TRUE(tunnel.closed);
}

}  // namespace
}  // namespace weir::proxy
