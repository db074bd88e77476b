// Random schedules over Session, Exchange, Pool and Core. SIM_SEED=n replays one, SIM_COUNT=n runs more of them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.h"
#include "sim/schedule.h"

namespace weir::sim {
namespace {

uint64_t number_of(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, holds_its_invariants_under_random_schedules) {
  if (std::getenv("SIM_VERBOSE") == nullptr) {
    ASSERT_TRUE(log::configure({}));
  }
  LogFile log;
  const uint64_t one = number_of("SIM_SEED", 0);
  const uint64_t first = one != 0 ? one : 1;
  const uint64_t count = one != 0 ? 1 : number_of("SIM_COUNT", 1000);
  uint64_t queued = 0, bound = 0, rebound = 0, drained = 0, declared_down = 0, not_ready = 0, shaken = 0, unshaken = 0,
           hits = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("SIM_SEED=" + std::to_string(seed));
    Schedule schedule(log, seed);
    const std::string broken = schedule.run();
    if (!broken.empty()) {
      ADD_FAILURE() << broken;
      return;
    }
    const observe::MetricSlab& metrics = schedule.metrics();
    hits += schedule.hits();
    queued += metrics.get(observe::Counter::kQueued);
    bound += metrics.get(observe::Counter::kStickyBound);
    rebound += metrics.get(observe::Counter::kStickyRebound);
    shaken += metrics.get(observe::Counter::kHandshakes);
    unshaken += metrics.get(observe::Counter::kHandshakesFailed);
    drained += metrics.get(observe::Counter::kTunnelsDrained);
    declared_down += metrics.retries(ErrorKind::kDeclaredDown);
    not_ready += metrics.retries(ErrorKind::kNotReady);
  }
  if (count < 1000) return;
  // The schedules reach what they are meant to break.
  for (const auto& [what, times] :
       {std::pair{"queued", queued}, std::pair{"bound", bound}, std::pair{"rebound", rebound},
        std::pair{"drained", drained}, std::pair{"declared down", declared_down}, std::pair{"not ready", not_ready},
        std::pair{"hits", hits}, std::pair{"shaken", shaken}, std::pair{"not shaken", unshaken}})
    EXPECT_GT(times, 10U) << what;
}

}  // namespace
}  // namespace weir::sim
