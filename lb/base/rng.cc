#include "base/rng.h"

#include <sys/random.h>

#include <cerrno>

#include "base/clock.h"

namespace weir {

uint64_t random_seed() {
  uint64_t seed = 0;
  ssize_t n = 0;
  do n = getrandom(&seed, sizeof seed, 0);
  while (n < 0 && errno == EINTR);
  // Only a kernel without the call (before 3.17) comes here; the generator is not for secrets.
  if (n != static_cast<ssize_t>(sizeof seed))
    seed = static_cast<uint64_t>(wall_us()) ^ (static_cast<uint64_t>(monotonic_us()) << 20);
  return seed;
}

}  // namespace weir
