// The last fifteen minutes of something that takes requests: one point an interval, in bounded memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"

namespace weir::admin {

// Counters that only grow, as they are at one moment.
struct Reading {
  uint64_t requests = 0;
  uint64_t errors = 0;  // answers 5xx, and attempts without one
  HistogramSum times;   // to the head of the answer; of all clients: to the end
  uint64_t load = 0;    // in flight: no counter
};

class History {
 public:
  static constexpr int64_t kIntervalMs = 3'000;
  static constexpr size_t kPoints = 300;

  struct Point {
    uint32_t requests = 0;  // in the interval, as the next
    uint32_t errors = 0;
    uint32_t p50_us = 0;  // 0: no answer in the interval
    uint32_t p99_us = 0;
    uint32_t load = 0;  // at its end
  };

  // The first reading is what the next is compared with. Counters that went back (a peer that was away) count from 0.
  void add(const Reading& reading);
  bool empty() const { return points_.empty(); }
  const Point& newest() const { return points_[(oldest_ + points_.size() - 1) % points_.size()]; }
  // {"requests":[...],"errors":[...],"p50_us":[...],"p99_us":[...],"load":[...]}, the oldest first, at most `most`
  // points: several become one (their sum; of times and load the highest).
  std::string json(size_t most = kPoints) const;
  // [requests, errors, p50_us, p99_us, load] of the newest point.
  std::string newest_json() const;

 private:
  std::vector<Point> points_;  // a ring once it is full
  size_t oldest_ = 0;
  Reading last_;
  bool is_begun_ = false;
};

}  // namespace weir::admin
