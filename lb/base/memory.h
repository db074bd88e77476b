// The heap as a whole.
#pragma once

namespace weir {

// Once, before the threads start: what is free at the end of a thread's heap goes back to the system beyond a fixed
// size. glibc starts out so too, but lets the size grow (up to 64 MB) with every large block that is freed.
void prepare_heap();

// Gives the pages of the heap that nothing stands on back to the system: after thousands of small objects have gone,
// the allocator would keep them for good. To be called on the thread whose objects they were. Milliseconds with a large
// heap; a no-op where the allocator is not glibc's.
void return_free_memory();

}  // namespace weir
