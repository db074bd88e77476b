#include "base/memory.h"

#include <cstdlib>  // says whether this is glibc

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace weir {

#ifdef __GLIBC__

void prepare_heap() {
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

void return_free_memory() {
  malloc_trim(0);
  // That gives back what is free between blocks, but of the heap's end only the main thread's: any other's is looked at
  // when a large block is freed there.
  constexpr size_t kLarge = 100 * 1024;
  void* volatile block = std::malloc(kLarge);
  std::free(block);
}

#else

void prepare_heap() {}
void return_free_memory() {}

#endif

}  // namespace weir
