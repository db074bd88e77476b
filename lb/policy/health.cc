// Hysteresis over the results of one address's probes, and the time to the next.
#include "policy/health.h"

#include <algorithm>

namespace weir::policy {
namespace {

void count(uint32_t& in_row, uint32_t& other) {
  if (in_row != UINT32_MAX) ++in_row;
  other = 0;
}

// Anywhere within `percent` of it, either way; at least a millisecond, so that no option makes probes spin.
MonoMs jittered(MonoMs delay, uint32_t percent, Rng& rng) {
  const MonoMs most = std::max<MonoMs>(delay, 1);
  const MonoMs span = most * std::min<MonoMs>(percent, 100) / 100;
  const auto offset = static_cast<MonoMs>(rng.below(static_cast<uint64_t>(2 * span + 1)));
  return std::max<MonoMs>(most - span + offset, 1);
}

}  // namespace

bool HealthState::note(bool passed, MonoMs now) {
  const bool was_down = down();
  const Standing before = standing_;
  if (passed) {
    count(passes_, fails_);
    if (before == Standing::kChecking || passes_ >= options_.passes) standing_ = Standing::kUp;
  } else {
    count(fails_, passes_);
    if (before == Standing::kChecking || fails_ >= options_.fails) standing_ = Standing::kDown;
  }
  if (standing_ != before) changed_at_ = now;
  return down() != was_down;
}

MonoMs HealthState::next_delay(Rng& rng) const {
  const MonoMs interval = options_.interval.count();
  MonoMs delay = interval;
  const bool wavers = (standing_ == Standing::kUp && fails_ > 0) || (standing_ == Standing::kDown && passes_ > 0);
  if (wavers) {
    // Never slower than without a doubt.
    delay = std::min<MonoMs>(options_.fastinter.count(), interval);
  } else if (standing_ == Standing::kDown && options_.downinter.count() > 0) {
    delay = options_.downinter.count();
  }
  return jittered(delay, options_.jitter, rng);
}

MonoMs HealthState::first_delay(Rng& rng) const {
  const auto interval = static_cast<uint64_t>(std::max<MonoMs>(options_.interval.count(), 1));
  return static_cast<MonoMs>(rng.below(interval));
}

}  // namespace weir::policy
