// The threads of libuv's pool, which all loops of the process share, made before anybody is served: libuv makes them
// with the first work that it gets, and ends the process when it is refused one.
#pragma once
#include "base/result.h"

namespace weir::io {

struct Pool {
  int wanted = 0;
  int threads = 0;  // at least one; fewer than wanted where the system gives no more
};

// How many of `given` threads, which the system would give, the pool gets when `spare` are to be left for others. None
// only of none.
int pool_size(int wanted, int spare, int given);

// Makes them: `wanted`, or as many as UV_THREADPOOL_SIZE in the environment says. The error: there is not one to be
// had, or no event loop. Once, while the process has no other threads.
Result<Pool> start_pool(int wanted, int spare);

}  // namespace weir::io
