// A ring of places, each with a flag that says whether somebody works on it.
#include "base/log_tail.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace weir::log_tail {
namespace {

struct Place {
  std::atomic_flag taken;
  uint64_t number = 0;  // of the line, from 1; 0: none yet
  LogLevel level = LogLevel::kInfo;
  int64_t wall_us = 0;
  size_t length = 0;
  std::array<char, kLongest> text{};
};

std::array<Place, kLines> places;
std::atomic<uint64_t> lines{0};

}  // namespace

void note(LogLevel level, int64_t wall_us, std::string_view text) {
  const uint64_t number = lines.fetch_add(1, std::memory_order_relaxed) + 1;
  Place& place = places[number % kLines];
  if (place.taken.test_and_set(std::memory_order_acquire)) return;
  place.number = number;
  place.level = level;
  place.wall_us = wall_us;
  place.length = text.copy(place.text.data(), kLongest);
  place.taken.clear(std::memory_order_release);
}

size_t read(std::span<Line> out) {
  const uint64_t newest = lines.load(std::memory_order_relaxed);
  const uint64_t count = std::min<uint64_t>({newest, kLines, out.size()});
  size_t filled = 0;
  for (uint64_t number = newest - count + 1; number <= newest; ++number) {
    Place& place = places[number % kLines];
    if (place.taken.test_and_set(std::memory_order_acquire)) continue;
    if (place.number == number) out[filled++] = {place.level, place.wall_us, {place.text.data(), place.length}};
    place.taken.clear(std::memory_order_release);
  }
  return filled;
}

}  // namespace weir::log_tail
