#include "base/histogram.h"

namespace weir {

void HistogramSum::add(const Histogram& histogram) {
  counts_.resize(Histogram::kBuckets);
  for (size_t i = 0; i < counts_.size(); ++i) {
    const uint64_t count = histogram.count(i);
    counts_[i] += count;
    count_ += count;
  }
  sum_ += histogram.sum_micros();
}

void HistogramSum::add(const HistogramSum& other) {
  if (other.counts_.empty()) return;
  counts_.resize(Histogram::kBuckets);
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
}

HistogramSum HistogramSum::since(const HistogramSum& earlier) const {
  HistogramSum rest = *this;
  if (earlier.counts_.empty() || counts_.empty()) return rest;
  rest.count_ = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    rest.counts_[i] -= std::min(rest.counts_[i], earlier.counts_[i]);
    rest.count_ += rest.counts_[i];
  }
  rest.sum_ -= std::min(rest.sum_, earlier.sum_);
  return rest;
}

uint64_t HistogramSum::at_most(int64_t micros) const {
  uint64_t count = 0;
  for (size_t i = 0; i < counts_.size() && Histogram::bound(i) <= micros; ++i) count += counts_[i];
  return count;
}

int64_t HistogramSum::quantile(double q) const {
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_);
  double below = 0;
  int64_t last = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const auto here = static_cast<double>(counts_[i]);
    const int64_t from = i == 0 ? 0 : Histogram::bound(i - 1);
    last = Histogram::bound(i);
    if (below + here >= rank)
      return from + static_cast<int64_t>(static_cast<double>(last - from) * ((rank - below) / here));
    below += here;
  }
  return last;
}

}  // namespace weir
