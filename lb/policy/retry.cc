// weir's retry rule (SEMANTICS 2.6), its budget, and what a failed attempt means to the client and to the peer.
#include "policy/retry.h"

#include <algorithm>

namespace weir::policy {
namespace {

bool is_reused_and_closed(const AttemptFacts& facts) {
  return facts.error == ErrorKind::kReusedClosed ||
         (facts.error == ErrorKind::kResetBeforeResponse && facts.reused_connection && !facts.response_started);
}

bool is_listed(const RetryConditions& on, const AttemptFacts& facts) {
  switch (facts.error) {
    case ErrorKind::kNone: return on.lists_status(facts.status);
    case ErrorKind::kTlsFailed:  // behind the handshake: in TLS 1.3 a peer judges weir's certificate then
    case ErrorKind::kReusedClosed:
    case ErrorKind::kResetBeforeResponse: return on.error;
    case ErrorKind::kHeaderTimeout:
    case ErrorKind::kSendTimeout: return on.timeout;
    case ErrorKind::kInvalidResponse:
    case ErrorKind::kNotHttp: return on.invalid_header;
    default: return false;
  }
}

bool is_charged_to_budget(ErrorKind error) {
  return error == ErrorKind::kNone || error == ErrorKind::kHeaderTimeout || error == ErrorKind::kSendTimeout;
}

bool rule_allows(const RetryConditions& on, const AttemptFacts& facts) {
  const bool untouched = facts.bytes_accepted == 0;
  // (a) The peer has seen nothing of the request.
  if (traits(facts.error).retry == RetryClass::kConnect && untouched) return true;
  // Its gateway has answered for an application that never saw the request: neither method nor upgrade matters.
  if (facts.error == ErrorKind::kNotReady) return true;
  // (d)
  if (facts.error == ErrorKind::kDeclaredDown) return untouched || (facts.idempotent && !facts.upgrade);
  if (facts.upgrade) return false;
  // (b)
  if (is_reused_and_closed(facts) && !facts.response_started && (facts.idempotent || untouched)) return true;
  // (c)
  return is_listed(on, facts) && (facts.idempotent || untouched || on.non_idempotent);
}

}  // namespace

bool RetryConditions::lists_status(int status) const {
  if (off) return false;
  switch (status) {
    case 500: return http_500;
    case 502: return http_502;
    case 503: return http_503;
    case 504: return http_504;
    case 403: return http_403;
    case 404: return http_404;
    case 429: return http_429;
    default: return false;
  }
}

RetryDecision decide_retry(const RetryOptions& options, const AttemptFacts& facts) {
  if (facts.client_answered || options.on.off) return RetryDecision::kNo;
  if (!facts.request_held && facts.bytes_accepted != 0) return RetryDecision::kNo;
  if (options.timeout.count() > 0 && facts.now - facts.first_started >= options.timeout.count())
    return RetryDecision::kNo;
  if (!rule_allows(options.on, facts)) return RetryDecision::kNo;

  const bool free = is_reused_and_closed(facts);
  const uint32_t spent = free ? facts.tries_made - 1 : facts.tries_made;
  if (options.tries != 0 && spent >= options.tries) return RetryDecision::kNo;
  if (free) return RetryDecision::kFree;
  return is_charged_to_budget(facts.error) ? RetryDecision::kBudget : RetryDecision::kYes;
}

int exhausted_status(const AttemptFacts& facts) {
  if (facts.error == ErrorKind::kNotReady && facts.status != 0) return facts.status;
  if (facts.error != ErrorKind::kNone) return traits(facts.error).status;
  switch (facts.status) {
    case 500:
    case 503:
    case 504:
    case 403:
    case 404:
    case 429: return facts.status;
    default: return 502;
  }
}

bool counts_as_failure(const RetryOptions& options, const AttemptFacts& facts) {
  if (facts.error == ErrorKind::kNone) {
    const bool never = facts.status == 403 || facts.status == 404;
    return !never && options.on.lists_status(facts.status);
  }
  if (is_reused_and_closed(facts)) return false;
  // Node destroys the socket of an upgrade that it does not want: no failure of the node.
  const bool closed = facts.error == ErrorKind::kResetBeforeResponse || facts.error == ErrorKind::kResetMidResponse;
  if (facts.upgrade && closed) return false;
  return traits(facts.error).blames_peer;
}

bool RetryBudget::take(uint32_t requests_in_flight) {
  const uint64_t share = uint64_t{requests_in_flight} * percent_ / 100;
  const uint64_t most = std::max<uint64_t>(share, least_);
  uint32_t taken = retries_.load(std::memory_order_relaxed);
  do {
    if (taken >= most) return false;
  } while (!retries_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
  return true;
}

void RetryBudget::give() {
  retries_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace weir::policy
