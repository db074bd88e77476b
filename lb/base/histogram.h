// Log-linear histograms of durations: 8 steps to each power of two, from 1 us to 134 s, so that a quantile is off by
// 12.5 % at most; what is longer counts in the last step. One writer, who pays two plain stores a sample; any number of
// readers. Sums of histograms are histograms (HdrHistogram's idea, Prometheus' native buckets of schema 3).
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

class Histogram {
 public:
  static constexpr int kStepBits = 3;
  static constexpr int kSteps = 1 << kStepBits;
  static constexpr int kPowers = 27;
  static constexpr size_t kBuckets = size_t{kPowers - kStepBits + 1} * kSteps;

  // The bucket of `micros`: it lies above bound(i - 1) and is at most bound(i).
  static constexpr size_t bucket_of(int64_t micros) {
    const uint64_t value = micros > 1 ? static_cast<uint64_t>(micros) - 1 : 0;
    if (value < kSteps) return static_cast<size_t>(value);
    const int power = static_cast<int>(std::bit_width(value)) - 1;
    const uint64_t step = value >> (power - kStepBits);  // with the leading bit: from kSteps to 2 * kSteps - 1
    return std::min(static_cast<size_t>(power - kStepBits) * kSteps + static_cast<size_t>(step), kBuckets - 1);
  }
  // In microseconds, inclusive. Powers of two are bounds.
  static constexpr int64_t bound(size_t bucket) {
    if (bucket < kSteps) return static_cast<int64_t>(bucket) + 1;
    const size_t power = bucket / kSteps - 1;
    return static_cast<int64_t>(bucket % kSteps + kSteps + 1) << power;
  }

  void add(int64_t micros) {
    raise(counts_[bucket_of(micros)], 1);
    raise(sum_, micros > 0 ? static_cast<uint64_t>(micros) : 0);
  }
  uint64_t count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  uint64_t sum_micros() const { return sum_.load(std::memory_order_relaxed); }

 private:
  static void raise(std::atomic<uint64_t>& cell, uint64_t by) {
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> sum_{0};
};

// What readers work with: a sum of histograms, or what has come to one since an earlier look.
class HistogramSum {
 public:
  void add(const Histogram& histogram);
  void add(const HistogramSum& other);
  // Without what `earlier` had already; where a histogram has gone meanwhile, 0 and not less.
  HistogramSum since(const HistogramSum& earlier) const;
  uint64_t count() const { return count_; }
  uint64_t sum_micros() const { return sum_; }
  // How many took at most that long; exact where `micros` is a bound.
  uint64_t at_most(int64_t micros) const;
  // `q` from 0 to 1, in microseconds, linear inside the bucket; 0 without samples.
  int64_t quantile(double q) const;

 private:
  std::vector<uint64_t> counts_;  // empty: nothing yet
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace weir
