#include "http/trace_context.h"

#include <algorithm>
#include <charconv>

namespace weir::http {
namespace {

constexpr size_t kLength = 55;  // of version 00

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Of its kind, and no placeholder.
bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view value) {
  if (value.size() < kLength || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2), trace = value.substr(3, 32), span = value.substr(36, 16),
                         flags = value.substr(53, 2);
  if (!is_hex(version) || version == "ff" || !is_id(trace) || !is_id(span) || !is_hex(flags)) return std::nullopt;
  if (value.size() > kLength && (version == "00" || value[kLength] != '-')) return std::nullopt;
  TraceContext context;
  std::copy(trace.begin(), trace.end(), context.trace_id.begin());
  std::copy(span.begin(), span.end(), context.span_id.begin());
  std::copy(flags.begin(), flags.end(), context.flags.begin());
  return context;
}

std::array<char, 16> child_span_id(const std::array<char, 16>& span_id, uint64_t n) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t number = 0;
  std::from_chars(span_id.data(), span_id.data() + span_id.size(), number, 16);
  number += n;
  if (number == 0) number = n;  // all zeros are no id
  std::array<char, 16> id{};
  for (size_t i = 0; i < id.size(); ++i) id[i] = kHex[number >> (60 - 4 * i) & 15];
  return id;
}

std::string_view TraceContext::render(Arena& arena) const {
  return arena.concat({"00-",
                       {trace_id.data(), trace_id.size()},
                       "-",
                       {span_id.data(), span_id.size()},
                       "-",
                       {flags.data(), flags.size()}});
}

}  // namespace weir::http
