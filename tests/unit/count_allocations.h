// Counts this thread's operator new, to prove that a path allocates nothing. To be included by one source of a program:
// it replaces the global operators.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace weir {

inline thread_local uint64_t allocations_of_thread = 0;
inline thread_local uint64_t allocated_bytes_of_thread = 0;

// The allocations made by fn().
template <class Fn>
uint64_t count_allocations(Fn&& fn) {
  const uint64_t before = allocations_of_thread;
  fn();
  return allocations_of_thread - before;
}

}  // namespace weir

// Not inlined: gcc would see malloc() on one side and operator delete on the other, and call it a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++weir::allocations_of_thread;
  weir::allocated_bytes_of_thread += size;
  void* const p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) std::abort();
  return p;
}
// std::stable_sort's buffer comes by this one and goes by the usual delete, which a sanitizer calls a mismatch if only
// that is replaced.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
