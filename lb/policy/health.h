// What a series of probes says about one address: up or down with hysteresis (SEMANTICS section 1, `health_check`), and
// when to ask again. One writer: control.
//
//                 first result                  `fails` in a row
//     kChecking ---------------> kUp or kDown   kUp -----------------> kDown
//                                               kDown <--------------- kUp
//                                                      `passes` in a row
#pragma once
#include <cstdint>

#include "base/clock.h"
#include "base/rng.h"

namespace weir::policy {

struct HealthOptions {
  Millis interval{2'000};   // from the begin of a probe to the begin of the next
  Millis timeout{1'000};    // of one probe, connect to the last byte that the match needs
  uint32_t jitter = 10;     // percent of the delay, either way
  uint32_t fails = 3;       // in a row: down
  uint32_t passes = 2;      // in a row: up
  Millis fastinter{500};    // while the standing is about to change
  Millis downinter{0};      // while it is steadily down; 0: interval
  bool mandatory = false;   // down until the first pass
  bool persistent = false;  // nginx's word for what weir always does: a reload keeps the standing
  bool operator==(const HealthOptions&) const = default;
};

class HealthState {
 public:
  enum class Standing : uint8_t { kChecking, kUp, kDown };

  explicit HealthState(const HealthOptions& options) : options_(options) {}
  // Notes a result; true when down() has changed. The first result decides at once.
  bool note(bool passed, MonoMs now);
  Standing standing() const { return standing_; }
  bool down() const { return standing_ == Standing::kDown || (standing_ == Standing::kChecking && options_.mandatory); }
  uint32_t passes_in_row() const { return passes_; }
  uint32_t fails_in_row() const { return fails_; }
  MonoMs changed_at() const { return changed_at_; }  // 0: never
  // From the begin of the last probe to that of the next, jittered.
  MonoMs next_delay(Rng& rng) const;
  // Of the very first probe: anywhere in the interval, so that a thousand peers are not asked in one tick.
  MonoMs first_delay(Rng& rng) const;
  const HealthOptions& options() const { return options_; }

 private:
  HealthOptions options_;
  Standing standing_ = Standing::kChecking;
  uint32_t passes_ = 0, fails_ = 0;
  MonoMs changed_at_ = 0;
};

}  // namespace weir::policy
