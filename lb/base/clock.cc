#include "base/clock.h"

#include <ctime>

namespace weir {
namespace {
int64_t read_us(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return static_cast<int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000;
}
}  // namespace

MonoMs monotonic_ms() {
  return read_us(CLOCK_MONOTONIC) / 1000;
}
int64_t monotonic_us() {
  return read_us(CLOCK_MONOTONIC);
}
int64_t wall_us() {
  return read_us(CLOCK_REALTIME);
}

}  // namespace weir
