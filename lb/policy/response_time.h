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

  // `method`: one of the four that look at times, header's or last byte's. `list` outlives this.
  ResponseTimes(const PeerList& list, Method method);
  void picked(size_t i, MonoMs now) { picked_at_[i] = now; }
  // From 1 (under 20 ms, or nothing is known) to 251 (5 s). An average that nobody has renewed is halved once for each
  // fail_timeout that the peer was not picked here, so that one bad time does not banish it for good.
  uint32_t step(size_t i, MonoMs now);
  // Of all peers, kept from one millisecond to the next.
  const uint32_t* steps(MonoMs now);

 private:
  static constexpr MonoMs kUnset = INT64_MIN;

  const PeerList& list_;
  std::atomic<uint32_t> PeerStats::*average_;
  std::vector<MonoMs> picked_at_;
  std::vector<uint32_t> steps_;
  MonoMs stepped_at_ = kUnset;
};

}  // namespace weir::policy
