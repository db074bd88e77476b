// Starts to fetch memory that is about to be written, so that the misses overlap with something else.
#pragma once
#include <cstddef>

namespace weir {

inline void prefetch(const void* from, size_t bytes) {
  constexpr size_t kLine = 64;
  const char* const at = static_cast<const char*>(from);
  for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(at + i, 1);
}

inline size_t bytes_between(const void* from, const void* to) {
  return static_cast<size_t>(static_cast<const char*>(to) - static_cast<const char*>(from));
}

}  // namespace weir
