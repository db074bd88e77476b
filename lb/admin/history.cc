#include "admin/history.h"

#include <algorithm>

namespace weir::admin {
namespace {

uint32_t clipped(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
}

uint64_t grown(uint64_t before, uint64_t now) {
  return now >= before ? now - before : now;
}

}  // namespace

void History::add(const Reading& reading) {
  if (is_begun_) {
    Point point;
    point.requests = clipped(grown(last_.requests, reading.requests));
    point.errors = clipped(grown(last_.errors, reading.errors));
    if (reading.times.count() != last_.times.count()) {
      const HistogramSum times = reading.times.since(last_.times);
      point.p50_us = clipped(static_cast<uint64_t>(times.quantile(0.5)));
      point.p99_us = clipped(static_cast<uint64_t>(times.quantile(0.99)));
    }
    point.load = clipped(reading.load);
    if (points_.size() < kPoints) {
      points_.push_back(point);
    } else {
      points_[oldest_] = point;
      oldest_ = (oldest_ + 1) % kPoints;
    }
  }
  is_begun_ = true;
  last_ = reading;
}

std::string History::json(size_t most) const {
  const size_t together = (points_.size() + most - 1) / std::max<size_t>(most, 1);
  std::vector<Point> shown;
  for (size_t i = 0; i < points_.size(); ++i) {
    const Point& point = points_[(oldest_ + i) % points_.size()];
    if (together <= 1 || i % together == 0) {
      shown.push_back(point);
      continue;
    }
    Point& sum = shown.back();
    sum.requests = clipped(uint64_t{sum.requests} + point.requests);
    sum.errors = clipped(uint64_t{sum.errors} + point.errors);
    sum.p50_us = std::max(sum.p50_us, point.p50_us);
    sum.p99_us = std::max(sum.p99_us, point.p99_us);
    sum.load = std::max(sum.load, point.load);
  }
  std::string out;
  const auto column = [&](const char* name, uint32_t Point::*member) {
    out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":[");
    for (size_t i = 0; i < shown.size(); ++i) {
      if (i > 0) out += ',';
      out += std::to_string(shown[i].*member);
    }
    out += ']';
  };
  column("requests", &Point::requests);
  column("errors", &Point::errors);
  column("p50_us", &Point::p50_us);
  column("p99_us", &Point::p99_us);
  column("load", &Point::load);
  return out + "}";
}

std::string History::newest_json() const {
  const Point point = empty() ? Point{} : newest();
  return "[" + std::to_string(point.requests) + "," + std::to_string(point.errors) + "," +
         std::to_string(point.p50_us) + "," + std::to_string(point.p99_us) + "," + std::to_string(point.load) + "]";
}

}  // namespace weir::admin
