// W3C Trace Context (https://www.w3.org/TR/trace-context/): the trace that a request belongs to.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace weir::http {

struct TraceContext {
  std::array<char, 32> trace_id;  // lower-case hex, not all zeros, as the next
  std::array<char, 16> span_id;   // of whoever sent it
  std::array<char, 2> flags;      // "01": recorded

  static constexpr size_t kSpanIdAt = 36;  // in what render() makes
  bool is_sampled() const { return ((flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10) & 1) != 0; }

  // "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".
  std::string_view render(Arena& arena) const;
};

// A field value, section 3.2. Nullopt: none that counts (malformed, all zeros, version ff); of a later version the
// parts that are known are taken (section 4).
std::optional<TraceContext> parse_traceparent(std::string_view value);

// The id of the n-th span (from 1) that a span has below it: another number for each, made of its own, so that nobody
// has to remember them.
std::array<char, 16> child_span_id(const std::array<char, 16>& span_id, uint64_t n);

}  // namespace weir::http
