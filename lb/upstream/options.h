// What an upstream{} says about connections to its peers; the pool and the connector read it.
#pragma once
#include <cstdint>

#include "base/clock.h"

namespace weir::upstream {

struct PoolOptions {
  uint32_t max_idle = 64;        // per worker and upstream, but never less than 4 a peer. 0: no pool
  uint32_t max_requests = 1000;  // per connection
  Millis max_age{3'600'000};
  Millis idle_timeout{4'000};
  // By the operator. Else the backend's `Keep-Alive: timeout=N`, less 1 s, may be longer.
  bool idle_timeout_set = false;
};

}  // namespace weir::upstream
