// Passive failure of one peer (SEMANTICS sections 1 and 2.1): a true sliding window of max_fails failures within fail_timeout takes the peer
// out for fail_timeout, doubled each time it fails again at once (up to 5 minutes), with one probe request after.
// Shared by workers: atomics only, no lock. All times are MonoMs given by the caller.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"

namespace weir::policy {

struct PassiveOptions {
  uint32_t max_fails = 1;  // 0: never taken out
  Millis fail_timeout{10'000};
  bool operator==(const PassiveOptions&) const = default;
};

class PassiveState {
 public:
  static constexpr MonoMs kLongestEjection = 5 * 60'000;

  explicit PassiveState(const PassiveOptions& options);
  void configure(const PassiveOptions& options);  // on reload; control thread, before workers use the new snapshot

  enum class Verdict : uint8_t { kIn, kProbe, kOut };
  // kProbe: the ejection is over and this peer may get one request; the caller that picks it must call take_probe().
  Verdict verdict(MonoMs now) const;
  // True for exactly one caller per ended ejection. The probe is decided by success(), failure() or abandon_probe().
  bool take_probe(MonoMs now);
  void abandon_probe();  // the probe request ended without telling anything (client abort, local error)
  // True when this failure took the peer out (log it once). 
  bool failure(MonoMs now);
  // True when this success brought an ejected peer back (log it once).
  bool success(MonoMs now);
  MonoMs ejected_until() const;

 private:
  // implementer's choice
  static constexpr uint32_t kMostFails = 64;
  std::atomic<uint32_t> max_fails_;
  std::atomic<int64_t> fail_timeout_;
  std::atomic<uint32_t> head_{0};
  std::unique_ptr<std::atomic<int64_t>[]> failures_;  // ring of the times of the last max_fails failures
  std::atomic<int64_t> ejected_until_{0};
  std::atomic<uint32_t> ejections_{0};  // in a row
  std::atomic<int64_t> probe_taken_at_{0};
};

}  // namespace weir::policy
