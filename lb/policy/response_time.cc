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

ResponseTimes::ResponseTimes(const PeerList& list, Method method) : steps_(list.size(), 0) {
  const bool is_header = method == Method::kLeastTimeHeader || method == Method::kRandomTwoHeader;
  for (size_t i = 0; i < list.size(); ++i) {
    const PeerStats& stats = list.state(i).stats;
    rows_.push_back(
        {is_header ? &stats.header_time : &stats.last_byte_time, list.peer(i).options.passive.fail_timeout.count()});
  }
}

void ResponseTimes::inherit(const ResponseTimes& former, const std::vector<size_t>& from) {
  for (size_t i = 0; i < rows_.size(); ++i)
    if (from[i] != PeerList::kNone) rows_[i].picked_at = former.rows_[from[i]].picked_at;
}

uint32_t ResponseTimes::step(size_t i, MonoMs now) {
  Row& row = rows_[i];
  uint32_t average = row.average->load(std::memory_order_relaxed);
  if (row.picked_at == kUnset) row.picked_at = now;
  const MonoMs idle = now - row.picked_at;
  if (row.fail_timeout > 0 && idle >= row.fail_timeout) average >>= std::min<MonoMs>(idle / row.fail_timeout, 31);
  return std::min(average, kMostMicros) / kStepMicros + 1;
}

size_t ResponseTimes::due(MonoMs now) {
  if (now == renewed_at_) return 0;
  const bool first = renewed_at_ == kUnset;
  const MonoMs elapsed = first ? kLap : now - renewed_at_;
  renewed_at_ = now;
  if (steps_.size() <= kShort || elapsed < 0 || elapsed >= kLap) return steps_.size();
  return steps_.size() * static_cast<size_t>(elapsed) / kLap + 1;
}

}  // namespace weir::policy
