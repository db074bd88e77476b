// Whether a collector is given the same spans again, and when: OTLP's rules ("OTLP/HTTP Throttling", "Retryable
// Response Codes") with a bound.
#pragma once
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"
#include "fetch/http.h"

namespace weir::runtime {

struct SpanRetry {
  int tries = 5;               // of one batch, the first included
  Millis first{1'000};         // between the first two, then twice as long each time, with up to a half off by chance
  Millis most{30'000};         // of these waits
  Millis most_asked{300'000};  // of one that the collector's Retry-After asks for
};

// After so many tries, of which the last had this answer. Nothing: these spans are lost, as all tries have been made or
// the answer says that another would not help.
std::optional<Millis> wait_before_retry(const SpanRetry& retry, int tries, const Result<fetch::Answer>& answer,
                                        int64_t wall_us, Rng& rng);

}  // namespace weir::runtime
