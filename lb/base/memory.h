// The heap as a whole.
#pragma once

namespace weir {

// Gives the pages of the heap that nothing stands on back to the system: after thousands of small objects have gone,
// the allocator would keep them for good. Milliseconds with a large heap; a no-op where the allocator is not glibc's.
void return_free_memory();

}  // namespace weir
