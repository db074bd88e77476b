// Four whole numbers or two fractions at a time, for the loops over all peers of a list: both compilers' vector
// extension, plain SSE2 or NEON. Comparisons give -1 and 0.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir::policy {

using Lanes = int32_t __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(16)));
using LongLanes = int64_t __attribute__((vector_size(16)));  // what comparing Doubles gives
constexpr size_t kLanes = sizeof(Lanes) / sizeof(int32_t);

template <class Vector, class T>
Vector load_lanes(const T* from) {
  Vector lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}
inline Lanes load_lanes(const int32_t* from) {
  return load_lanes<Lanes>(from);
}

template <class Vector, class T>
void store_lanes(T* to, Vector lanes) {
  std::memcpy(to, &lanes, sizeof(lanes));
}

inline Lanes all_lanes(int32_t value) {
  return Lanes{value, value, value, value};
}

inline Lanes choose_lanes(Lanes where, Lanes yes, Lanes no) {
  return (where & yes) | (~where & no);
}

inline bool any_lane(Lanes lanes) {
  LongLanes halves;
  std::memcpy(&halves, &lanes, sizeof(halves));
  return (halves[0] | halves[1]) != 0;
}

// The count of elements rounded up to whole Lanes.
constexpr size_t padded(size_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}

}  // namespace weir::policy
