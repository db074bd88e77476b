// How long the peers of one list take, as least_time sees it: averages in steps of 20 ms (SEMANTICS 2.5).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/eligibility.h"

namespace weir::policy {

class ResponseTimes {
 public:
  static constexpr uint32_t kStepMicros = 20'000;
  static constexpr uint32_t kMostMicros = 5'000'000;

  // `method`: one of the four that look at times, header's or last byte's. The peers of `list` outlive
  // this.
  ResponseTimes(const PeerList& list, Method method);
  // When each was picked goes on as `former` has it, a list of another snapshot with `from[i]` for the peer i.
  void inherit(const ResponseTimes& former, const std::vector<size_t>& from);
  void picked(size_t i, MonoMs now) { rows_[i].picked_at = now; }
  // From 1 (under 20 ms, or nothing is known) to 251 (5 s). An average that nobody has renewed is halved once for each
  // fail_timeout that the peer was not picked here, so that one bad time does not banish it for good.
  uint32_t step(size_t i, MonoMs now);
  // Tells `changed(i, step)` which steps are others than it was told before; at first all. Looks at the peers of a long
  // list in turn, so that what it has told is at most kLap old; at all of a short one whenever time has passed.
  template <class Changed>
  void renew(MonoMs now, Changed changed) {
    for (size_t left = due(now); left > 0; --left) {
      const size_t i = next_;
      next_ = next_ + 1 == steps_.size() ? 0 : next_ + 1;
      const uint32_t step = this->step(i, now);
      if (step != steps_[i]) changed(i, steps_[i] = step);
    }
  }

 private:
  static constexpr MonoMs kUnset = INT64_MIN;
  static constexpr MonoMs kLap = 8;
  static constexpr size_t kShort = 128;

  // How many peers are to be looked at now.
  size_t due(MonoMs now);

  struct Row {
    const std::atomic<uint32_t>* average;
    MonoMs fail_timeout;
    MonoMs picked_at = kUnset;
  };
  std::vector<Row> rows_;
  std::vector<uint32_t> steps_;
  size_t next_ = 0;  // whose turn it is to be looked at
  MonoMs renewed_at_ = kUnset;
};

}  // namespace weir::policy
