// The last lines of the error log, in memory, for the report of a crash.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/log.h"

namespace weir::log_tail {

inline constexpr size_t kLines = 16;
inline constexpr size_t kLongest = 240;

struct Line {
  LogLevel level = LogLevel::kInfo;
  int64_t wall_us = 0;
  std::string_view text;  // cut at kLongest
};

// Any thread; never waits. A line that meets another one that is being written in its place is left out.
void note(LogLevel level, int64_t wall_us, std::string_view text);
// The oldest first; how many of `out` were filled. May be called in a signal handler: what is being written then is
// left out. The texts stay until that many further lines have come.
size_t read(std::span<Line> out);

}  // namespace weir::log_tail
