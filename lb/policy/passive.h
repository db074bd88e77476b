// Passive failure of one peer (SEMANTICS sections 1 and 2.1): a true sliding window of max_fails failures within
// fail_timeout takes the peer out for fail_timeout, doubled each time it fails again at once (up to 5 minutes), with
// one probe request after. Shared by workers: atomics only, no lock. All times are MonoMs given by the caller.
//
//            max_fails within fail_timeout             the ejection is over             take_probe()
//     kIn -------------------------------> kOut -----------------------------> kProbe -------------> kOut (probe out)
//      ^                                     ^                                   |  ^                  |     |
//      |                                     |  failure(): twice as long         |  | abandon_probe(), |     |
//      |                                     +-----------------------------------+  | fail_timeout     |     |
//      |                                     +--------------------------------------+------------------+     |
//      +-------------------------------------------- success() ----------------------------------------------+
//
// reinstate() leads to kIn from everywhere.
// What ends while the ejection still runs was sent before it: such a success does not bring the peer back, such a
// failure does not count.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"

namespace weir::policy {

struct PassiveOptions {
  uint32_t max_fails = 1;       // 0: never taken out
  Millis fail_timeout{10'000};  // 0: never taken out
  bool operator==(const PassiveOptions&) const = default;
};

class PassiveState {
 public:
  // What doubling stops at; a longer fail_timeout is kept as it is.
  static constexpr MonoMs kLongestEjection = 5 * 60'000;

  explicit PassiveState(const PassiveOptions& options);
  void configure(const PassiveOptions& options);  // on reload; control thread, before workers use the new snapshot

  enum class Verdict : uint8_t { kIn, kProbe, kOut };
  // kProbe: the ejection is over and this peer may get one request; the caller that picks it must call take_probe().
  Verdict verdict(MonoMs now) const {
    const int64_t until = ejected_until_.load(std::memory_order_relaxed);
    return until == kNotEjected ? Verdict::kIn : verdict_of_ejected(until, now);
  }
  // True for exactly one caller per ended ejection. The probe is decided by success(), failure() or abandon_probe();
  // one that nobody decides is given to another request after fail_timeout.
  bool take_probe(MonoMs now);
  void abandon_probe();  // the probe request ended without telling anything (client abort, local error)
  // True when this failure took the peer out (log it once). False when it only kept it out (the probe failed).
  bool failure(MonoMs now);
  // True when this success brought an ejected peer back (log it once).
  bool success(MonoMs now);
  // A check that saw the peer fail has seen it pass again: back at once, its failures and ejections in a row forgotten.
  // True when this brought it back.
  bool reinstate(MonoMs now);
  // 0 when the peer is in.
  MonoMs ejected_until() const { return ejected_until_.load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kNotEjected = 0;
  static constexpr int64_t kNobody = INT64_MIN;
  static constexpr uint32_t kSlots = 64;

  Verdict verdict_of_ejected(int64_t until, MonoMs now) const;
  bool window_is_full(MonoMs now);
  MonoMs ejection_length(uint32_t ejections) const;

  std::atomic<int64_t> ejected_until_{kNotEjected};  // also who wins: every change of state is one exchange on it
  std::atomic<int64_t> probe_taken_at_{kNobody};
  std::atomic<int64_t> fail_timeout_;
  // The times of the last failures, at most kSlots: of a larger max_fails each slot keeps the time of every n-th.
  std::unique_ptr<std::atomic<int64_t>[]> failures_;
  std::atomic<uint32_t> max_fails_;
  std::atomic<uint32_t> failure_count_{0};
  std::atomic<uint32_t> ejections_{0};  // in a row
};

}  // namespace weir::policy
