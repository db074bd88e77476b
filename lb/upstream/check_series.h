// One address asked one question again and again: when, and what the answers say together.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "base/rng.h"
#include "upstream/health_monitor.h"
#include "upstream/probe.h"

namespace weir::upstream {

class CheckSeries final : private ProbeOwner, private DeadlineHandler {
 public:
  using Standing = policy::HealthState::Standing;

  class Listener {
   public:
    virtual void on_begin() = 0;  // a probe is sent
    // After each probe; its result is noted and the next one scheduled. `changed`: the standing is another now. The
    // series may be destroyed inside.
    virtual void on_result(const ProbeOutcome& outcome, bool changed) = 0;

   protected:
    ~Listener() = default;
  };

  // The first probe comes within an interval. `address` and `check.host` are resolved.
  CheckSeries(ProbeKit& kit, Rng& rng, const SocketAddress& address, const CheckOptions& check, Listener& listener);
  // The same question was asked in another rhythm: its standing, history and counts go on here.
  void inherit(const CheckSeries& before);

  void restore(const ProbeStanding& before);
  ProbeStanding standing_now() const;

  const policy::HealthState& health() const { return health_; }
  Standing standing() const { return health_.standing(); }
  const std::string& last_failure() const { return last_failure_; }  // why the newest failed probe failed
  // Fills in what a series knows of itself.
  void report(ProbeReport& out) const;

 private:
  static constexpr size_t kKept = 10;
  void on_outcome(const ProbeOutcome& outcome) override;
  void on_deadline(Deadline& which) override;
  void schedule(MonoMs due);
  void keep(const ProbeOutcome& outcome);

  io::Loop& loop_;
  Rng& rng_;
  Listener& listener_;
  policy::HealthState health_;
  Probe probe_;
  Deadline next_{this};
  MonoMs due_ = 0;
  MonoMs began_ = 0;
  bool spread_again_ = false;
  uint64_t passed_ = 0, failed_ = 0, inconclusive_ = 0;
  std::string last_failure_;
  std::array<ProbeReport::Result, kKept> last_{};  // a ring; kept_ % kKept is the oldest
  size_t kept_ = 0;
};

}  // namespace weir::upstream
