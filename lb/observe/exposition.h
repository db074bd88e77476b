// Prometheus' text format, version 0.0.4: families with HELP and TYPE, samples with escaped labels.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/histogram.h"

namespace weir::observe {

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

class Exposition {
 public:
  enum class Type : uint8_t { kCounter, kGauge, kHistogram };
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family: each name once, its samples follow at once. The format wants them together.
  Exposition& family(std::string_view name, Type type, std::string_view help);
  Exposition& counter(std::string_view name, std::string_view help) { return family(name, Type::kCounter, help); }
  Exposition& gauge(std::string_view name, std::string_view help) { return family(name, Type::kGauge, help); }
  Exposition& histogram(std::string_view name, std::string_view help) { return family(name, Type::kHistogram, help); }
  // One histogram of durations as the classic series _bucket, _sum and _count, in seconds. `bounds`: microseconds,
  // ascending, each a bound of Histogram's; "+Inf" is added.
  Exposition& durations(const HistogramSum& sum, std::span<const int64_t> bounds, Labels labels = {});
  // One sample of the family.
  template <std::integral T>
  Exposition& sample(T value, Labels labels = {}) {
    return text_sample(std::to_string(value), labels);
  }
  // Microseconds as seconds, the format's base unit.
  Exposition& seconds(int64_t micros, Labels labels = {});
  std::string take() { return std::move(out_); }

 private:
  Exposition& text_sample(std::string_view value, Labels labels, std::string_view suffix = {},
                          std::string_view bound = {});

  std::string out_;
  std::string family_;
};

}  // namespace weir::observe
