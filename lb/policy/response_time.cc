// Moving averages of response times and their decay.
#include "policy/response_time.h"

#include <algorithm>

namespace weir::policy {

void note_time(std::atomic<uint32_t>& average, uint32_t micros) {
  const uint64_t sample = std::clamp(micros, 1u, ResponseTimes::kMostMicros);
  const uint64_t before = average.load(std::memory_order_relaxed);
  const uint64_t after = before == 0 ? sample : (before * 19 + sample + 10) / 20;
  average.store(static_cast<uint32_t>(after), std::memory_order_relaxed);
}

ResponseTimes::ResponseTimes(const PeerList& list, Method method)
    : list_(list),
      average_(method == Method::kLeastTimeHeader || method == Method::kRandomTwoHeader ? &PeerStats::header_time
                                                                                        : &PeerStats::last_byte_time),
      picked_at_(list.size(), kUnset),
      steps_(list.size(), 1) {}

uint32_t ResponseTimes::step(size_t i, MonoMs now) {
  uint32_t average = (list_.state(i).stats.*average_).load(std::memory_order_relaxed);
  if (picked_at_[i] == kUnset) picked_at_[i] = now;
  const MonoMs idle = now - picked_at_[i];
  const MonoMs fail_timeout = list_.peer(i).options.passive.fail_timeout.count();
  if (fail_timeout > 0 && idle >= fail_timeout) average >>= std::min<MonoMs>(idle / fail_timeout, 31);
  return std::min(average, kMostMicros) / kStepMicros + 1;
}

const uint32_t* ResponseTimes::steps(MonoMs now) {
  if (now != stepped_at_) {
    stepped_at_ = now;
    for (size_t i = 0; i < steps_.size(); ++i) steps_[i] = step(i, now);
  }
  return steps_.data();
}

}  // namespace weir::policy
