// How soon a fault is seen, whatever its moment; how probes are spread; how many there are after reloads.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "monitor_world.h"

namespace weir::upstream {
namespace {

enum class Fault : uint8_t { kRefused, kHung, kBlackholed, kStatus503, kWrongBody };
constexpr Fault kFaults[] = {Fault::kRefused, Fault::kHung, Fault::kBlackholed, Fault::kStatus503, Fault::kWrongBody};

void inflict(FakePeer& peer, Fault fault) {
  switch (fault) {
    case Fault::kRefused: peer.refuses = ErrorKind::kConnectRefused; break;
    case Fault::kHung: peer.hung = true; break;
    case Fault::kBlackholed: peer.blackholed = true; break;
    case Fault::kStatus503: peer.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"; break;
    case Fault::kWrongBody: peer.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"; break;
  }
}

void heal(FakePeer& peer) {
  peer.refuses = ErrorKind::kNone;
  peer.hung = peer.blackholed = false;
  peer.answer = kOk;
}

class Detection : public testing::TestWithParam<Fault> {};

// With the defaults of health_check. A hundred peers have a hundred phases; each seed draws other ones.
TEST_P(Detection, takes_at_most_six_seconds_whatever_the_phase) {
  constexpr int kPeers = 100;
  MonoMs down_at_latest = 0, up_at_latest = 0;
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    MonitorWorld world(seed);
    CheckOptions check = MonitorWorld::check();
    auto match = std::make_shared<Match>();
    match->statuses = {{200, 200}};
    match->bodies = {{false, "ok", nullptr}};
    check.match = match;
    world.reconcile(world.upstream("app", MonitorWorld::first(kPeers), {check}));
    world.advance(5'000);
    ASSERT_TRUE(world.changes.empty());

    testing::internal::CaptureStderr();
    for (int n = 0; n < kPeers; ++n) inflict(world.peer(n), GetParam());
    const MonoMs struck = world.now;
    world.advance(6'000);
    ASSERT_EQ(world.changes.size(), static_cast<size_t>(kPeers));
    down_at_latest = std::max(down_at_latest, world.at.back() - struck);

    world.changes.clear();
    for (int n = 0; n < kPeers; ++n) heal(world.peer(n));
    const MonoMs healed = world.now;
    world.advance(3'000);
    testing::internal::GetCapturedStderr();
    ASSERT_EQ(world.changes.size(), static_cast<size_t>(kPeers));
    up_at_latest = std::max(up_at_latest, world.at.back() - healed);
  }
  RecordProperty("latest_detection_ms", static_cast<int>(down_at_latest));
  RecordProperty("latest_recovery_ms", static_cast<int>(up_at_latest));
}

std::string name_of(const testing::TestParamInfo<Fault>& fault) {
  constexpr const char* kNames[] = {"refused", "hung", "blackholed", "status_503", "wrong_body"};
  return kNames[static_cast<size_t>(fault.param)];
}
INSTANTIATE_TEST_SUITE_P(HealthTiming, Detection, testing::ValuesIn(kFaults), name_of);

class Thousand : public MonitorWorld {
 public:
  static constexpr int kPeers = 1000;
  void reload() { reconcile(upstream("app", first(kPeers), {check()})); }
  // How many probes began in the busiest of the following ticks, 8 ms each.
  uint64_t busiest_tick(MonoMs during) {
    uint64_t most = 0;
    for (const MonoMs end = now + during; now < end;) {
      const uint64_t before = monitor->started();
      advance(kStep);
      most = std::max(most, monitor->started() - before);
    }
    return most;
  }
};

// 1000 probes in 250 ticks are 4 a tick; a random spread has 12 or so in its fullest.
constexpr uint64_t kMostInATick = 16;

TEST(HealthTiming, spreads_the_probes_of_a_thousand_peers) {
  Thousand world;
  world.reload();
  EXPECT_EQ(world.monitor->probes(), 1000U);
  const uint64_t first = world.busiest_tick(2'008);
  for (const auto& [at, peer] : world.peers) EXPECT_GE(peer.connects, 1) << at << " within the interval";
  EXPECT_LE(first, kMostInATick);
  EXPECT_LE(world.busiest_tick(10'000), kMostInATick);
  testing::Test::RecordProperty("busiest_tick", static_cast<int>(first));
}

TEST(HealthTiming, sends_no_more_probes_after_fifty_reloads) {
  Thousand world;
  world.reload();
  world.advance(4'000);
  const uint64_t begin = world.monitor->started();
  world.advance(5'000);
  const uint64_t quiet = world.monitor->started() - begin;
  for (int i = 0; i < 50; ++i) {
    world.reload();
    world.advance(100);
  }
  EXPECT_EQ(world.monitor->probes(), 1000U);
  const uint64_t reloaded = world.monitor->started() - begin - quiet;
  EXPECT_NEAR(static_cast<double>(reloaded), static_cast<double>(quiet), static_cast<double>(quiet) / 25);
  EXPECT_TRUE(world.changes.empty());
}

TEST(HealthTiming, spreads_probes_after_a_stall) {
  Thousand world;
  world.reload();
  world.advance(4'000);
  const uint64_t before = world.monitor->started();
  world.stall(5'000);
  EXPECT_LE(world.monitor->started() - before, 60U) << "those whose time came just before";
  EXPECT_LE(world.busiest_tick(1'000), 60U);
  world.advance(3'000);
  EXPECT_TRUE(world.changes.empty());
}

}  // namespace
}  // namespace weir::upstream
