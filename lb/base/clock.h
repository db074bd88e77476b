// Time. Deadlines are monotonic milliseconds; wall time is for logs and Date alone. Policies take `now` as an argument
// and never read a clock.
#pragma once
#include <chrono>
#include <cstdint>

namespace weir {

using Millis = std::chrono::milliseconds;
// Monotonic milliseconds since an arbitrary start; a loop caches it once a turn.
using MonoMs = int64_t;
inline constexpr MonoMs kNever = INT64_MAX;

MonoMs monotonic_ms();
int64_t monotonic_us();
// Microseconds since the Unix epoch.
int64_t wall_us();

}  // namespace weir
