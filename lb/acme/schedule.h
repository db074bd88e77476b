// When a certificate is asked for: pure decisions, wall time in seconds is an argument.
#pragma once
#include <cstdint>
#include <optional>

#include "acme/failure.h"

namespace weir::acme {

struct Validity {
  int64_t not_before = 0, not_after = 0;
};

// What is remembered of the tries for one certificate.
struct Tries {
  int failures = 0;      // in a row
  int64_t next_try = 0;  // not before
};

// Two thirds into the lifetime, and up to a twelfth of it later: nodes and certificates that began together part. The
// same for the same `seed`.
int64_t renewal_time(const Validity& validity, uint64_t seed);
// How long to wait after the `failures`th failure in a row (1, 2 ...), in seconds: it doubles each time, and a fifth of
// it is chance. Never less than the server asked for.
int64_t back_off(Failure::Kind kind, int failures, int64_t retry_after, uint64_t seed);
// When the next try is due. Without a certificate, or with one for other names: at once, if no failure forbids it. A
// next try that lies farther ahead than back_off() ever puts it was written under a wrong clock and forbids nothing.
int64_t next_due(const std::optional<Validity>& validity, const Tries& tries, uint64_t seed, int64_t now);

}  // namespace weir::acme
