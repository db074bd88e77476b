// A gate: what a warm request asks the heap for, counted by replacing operator new. The first rounds warm everything
// up.
#include <gtest/gtest.h>

#include <string>

#include "bench/warm_rig.h"
#include "unit/count_allocations.h"

namespace weir {
namespace {

using observe::Counter;

constexpr int kWarm = 20;
constexpr int kRounds = 200;  // many, so that what happens once in a while is seen too

// Of a warm one of the gates' rounds.
uint64_t count(std::string_view name) {
  for (const sim::Round& round : sim::warm_rounds()) {
    if (round.name != name) continue;
    sim::WarmRig rig;
    for (int i = 0; i < kWarm; ++i) rig.round(round.request, round.response);
    const uint64_t before = rig.world.count(Counter::kResponses2xx);
    const uint64_t made = count_allocations([&] {
      for (int i = 0; i < kRounds; ++i) rig.round(round.request, round.response);
    });
    EXPECT_EQ(rig.world.count(Counter::kResponses2xx) - before, static_cast<uint64_t>(kRounds));
    return made;
  }
  ADD_FAILURE() << "no such round";
  return 0;
}

TEST(Allocations, cold_get_makes_some) {
  sim::WarmRig rig;
  EXPECT_GT(count_allocations([&] {
              rig.round("GET / HTTP/1.1\r\nHost: sim.test\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }),
            0U);
}

TEST(Allocations, a_warm_get_makes_none) {
  EXPECT_EQ(count("get"), 0U);
}

TEST(Allocations, a_warm_post_of_1_kb_makes_none) {
  EXPECT_EQ(count("post"), 0U);
}

TEST(Allocations, a_warm_chunked_response_makes_none) {
  EXPECT_EQ(count("chunked"), 0U);
}

TEST(Allocations, warm_local_answer_makes_none) {
  EXPECT_EQ(count("local"), 0U);
}

TEST(Allocations, a_websocket_message_makes_none) {
  sim::WarmRig rig;
  rig.round(sim::kUpgradeRequest, sim::kUpgradeResponse);
  ASSERT_EQ(rig.world.count(Counter::kTunnels), 1U);
  for (int i = 0; i < kWarm; ++i) rig.round(sim::kMessage, sim::kEcho);
  rig.got = 0;
  EXPECT_EQ(count_allocations([&] {
              for (int i = 0; i < kRounds; ++i) rig.round(sim::kMessage, sim::kEcho);
            }),
            0U);
  EXPECT_EQ(rig.got, size_t{kRounds} * sim::kEcho.size());
}

}  // namespace
}  // namespace weir
