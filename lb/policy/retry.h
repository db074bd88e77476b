// Whether a failed attempt may go to another peer: weir's rule of SEMANTICS 2.6 and nothing else.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/error.h"

namespace weir::policy {

// proxy_next_upstream's words.
struct RetryConditions {
  bool error = true, timeout = true, invalid_header = false;
  bool http_500 = false, http_502 = false, http_503 = false, http_504 = false, http_403 = false, http_404 = false,
       http_429 = false;
  bool non_idempotent = false;
  bool off = false;
  bool lists_status(int status) const;
};

struct RetryOptions {
  RetryConditions on;
  uint32_t tries = 3;      // 0: as many as there are peers
  Millis timeout{10'000};  // 0: none
};

// What is known of the failed attempt.
struct AttemptFacts {
  ErrorKind error = ErrorKind::kNone;  // kNone: a response with `status`
  int status = 0;
  bool reused_connection = false;
  bool response_started = false;  // a response byte came from the peer
  uint64_t bytes_accepted = 0;    // of the request, by the kernel
  bool idempotent = true;
  bool request_held = true;      // everything sent so far can be sent again
  bool client_answered = false;  // a byte went to the client
  bool upgrade = false;          // an upgrade is not retried round the pool
  uint32_t tries_made = 1;       // this one included, free ones not
  MonoMs first_started = 0;
  MonoMs now = 0;
};

enum class RetryDecision : uint8_t {
  kNo,
  kYes,     // costs a try
  kFree,    // a failed reused connection: gives its try back
  kBudget,  // would have been kYes, but costs a place in the budget: ask RetryBudget
};
RetryDecision decide_retry(const RetryOptions& options, const AttemptFacts& facts);

// What the client gets when no further try is allowed: timeouts and 504 -> 504; 500 503 403 404 429 and what a gateway
// that was not ready said as they are; all else 502.
int exhausted_status(const AttemptFacts& facts);
// Whether the attempt counts towards max_fails (error, timeout, invalid_header and "not ready" always; 5xx and 429 only
// when listed; 403, 404 never; failures of this machine never, nor what a check has found out by itself).
bool counts_as_failure(const RetryOptions& options, const AttemptFacts& facts);

// Retries in flight, at most `percent` of requests in flight and at least `least`. Shared by workers of a cluster.
class RetryBudget {
 public:
  RetryBudget(uint32_t percent, uint32_t least) : percent_(percent), least_(least) {}
  bool take(uint32_t requests_in_flight);
  void give();

 private:
  uint32_t percent_;
  uint32_t least_;
  std::atomic<uint32_t> retries_{0};
};

}  // namespace weir::policy
