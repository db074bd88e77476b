#include "acme/schedule.h"

#include <algorithm>

#include "base/rng.h"

namespace weir::acme {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kLongestWait = 8 * kDay;  // a day more than a server may ask for (answers.cc), and than any pace

struct Pace {
  int64_t first, most;
};

// A server that is down costs nobody anything; a CA that says no counts (Let's Encrypt: five failures an hour and
// name).
Pace pace_of(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::kUnreachable:
    case Failure::Kind::kLocal: return {kMinute, kHour};
    case Failure::Kind::kLimited: return {kHour, kDay};
    case Failure::Kind::kRefused: return {15 * kMinute, kDay};
    case Failure::Kind::kAccount:
    case Failure::Kind::kNonsense: return {10 * kMinute, kDay};
    case Failure::Kind::kStopped: break;
  }
  return {0, 0};
}

// [0, bound]
int64_t chance(int64_t bound, uint64_t seed) {
  return bound > 0 ? static_cast<int64_t>(Rng(seed).below(static_cast<uint64_t>(bound) + 1)) : 0;
}

}  // namespace

const char* to_string(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::kUnreachable: return "server not reached";
    case Failure::Kind::kLimited: return "rate limited";
    case Failure::Kind::kRefused: return "refused";
    case Failure::Kind::kAccount: return "account";
    case Failure::Kind::kNonsense: return "answer not understood";
    case Failure::Kind::kLocal: return "state directory";
    case Failure::Kind::kStopped: break;
  }
  return "stopped";
}

int64_t renewal_time(const Validity& validity, uint64_t seed) {
  const int64_t lifetime = std::max<int64_t>(validity.not_after - validity.not_before, 0);
  return validity.not_before + lifetime / 3 * 2 + chance(lifetime / 12, seed);
}

int64_t back_off(Failure::Kind kind, int failures, int64_t retry_after, uint64_t seed) {
  const Pace pace = pace_of(kind);
  int64_t wait = pace.first;
  for (int i = 1; i < failures && wait < pace.most; ++i) wait *= 2;
  wait = std::min(wait, pace.most);
  return std::max(wait + chance(wait / 5, seed), retry_after);
}

int64_t next_due(const std::optional<Validity>& validity, const Tries& tries, uint64_t seed, int64_t now) {
  const int64_t renewal = validity ? renewal_time(*validity, seed) : 0;
  return tries.next_try <= now + kLongestWait ? std::max(renewal, tries.next_try) : renewal;
}

}  // namespace weir::acme
