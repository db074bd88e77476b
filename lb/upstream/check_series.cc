#include "upstream/check_series.h"

#include <algorithm>

namespace weir::upstream {
namespace {

// After a stall of the loop everybody is due at once; they are spread over this.
constexpr MonoMs kSpreadAgain = 500;
constexpr MonoMs kLate = 100;

}  // namespace

CheckSeries::CheckSeries(ProbeKit& kit, Rng& rng, const SocketAddress& address, const CheckOptions& check,
                         Listener& listener)
    : loop_(kit.loop()), rng_(rng), listener_(listener), health_(check.health), probe_(kit, address, check, *this) {
  MonoMs delay = health_.first_delay(rng_);
  // Nobody gets a request until it has answered: that is to be soon.
  if (check.health.mandatory && check.health.interval > check.health.fastinter)
    delay = delay * check.health.fastinter.count() / check.health.interval.count();
  schedule(loop_.now() + delay);
}

void CheckSeries::inherit(const CheckSeries& before) {
  if (before.standing() != Standing::kChecking)
    health_.note(before.standing() == Standing::kUp, before.health_.changed_at());
  passed_ = before.passed_;
  failed_ = before.failed_;
  inconclusive_ = before.inconclusive_;
  last_failure_ = before.last_failure_;
  last_ = before.last_;
  kept_ = before.kept_;
}

void CheckSeries::restore(const ProbeStanding& before) {
  if (before.standing != Standing::kChecking) health_.note(before.standing == Standing::kUp, before.changed_at);
  passed_ = before.passed;
  failed_ = before.failed;
  inconclusive_ = before.inconclusive;
  last_failure_ = before.last_failure;
}

ProbeStanding CheckSeries::standing_now() const {
  return {{}, standing(), health_.changed_at(), passed_, failed_, inconclusive_, last_failure_};
}

// What is overdue because the last probe took long is due now: only the loop's own lateness is to be seen.
void CheckSeries::schedule(MonoMs due) {
  due_ = std::max(due, loop_.now());
  loop_.arm(next_, due_);
}

void CheckSeries::on_deadline(Deadline&) {
  const MonoMs now = loop_.now();
  const MonoMs interval = std::max<MonoMs>(health_.options().interval.count(), 1);
  if (now - due_ > std::max(kLate, interval / 4) && !spread_again_) {
    spread_again_ = true;
    schedule(now + static_cast<MonoMs>(rng_.below(static_cast<uint64_t>(std::min(interval, kSpreadAgain)))));
    return;
  }
  spread_again_ = false;
  began_ = now;
  listener_.on_begin();
  probe_.begin();
}

void CheckSeries::on_outcome(const ProbeOutcome& outcome) {
  keep(outcome);
  const Standing before = standing();
  MonoMs delay = 0;
  if (outcome.verdict == ProbeOutcome::Verdict::kInconclusive) {
    ++inconclusive_;
    // Soon, but not everybody at once.
    const auto soon = static_cast<uint64_t>(std::max<MonoMs>(health_.options().fastinter.count(), 2));
    delay = outcome.stalled ? loop_.now() - began_ + static_cast<MonoMs>(soon / 2 + rng_.below(soon / 2))
                            : health_.next_delay(rng_);
  } else {
    const bool passed = outcome.verdict == ProbeOutcome::Verdict::kPassed;
    ++(passed ? passed_ : failed_);
    if (!passed) last_failure_ = outcome.reason;
    health_.note(passed, loop_.now());
    delay = health_.next_delay(rng_);
  }
  schedule(began_ + delay);
  listener_.on_result(outcome, standing() != before);
}

void CheckSeries::keep(const ProbeOutcome& outcome) {
  ProbeReport::Result& place = last_[kept_++ % kKept];
  place.wall_us = loop_.wall_us();
  place.passed = outcome.verdict == ProbeOutcome::Verdict::kPassed;
  place.status = outcome.status;
  place.micros = outcome.micros;
  place.reason = outcome.reason;
}

void CheckSeries::report(ProbeReport& out) const {
  out.standing = standing();
  out.changed_at = health_.changed_at();
  out.passed = passed_;
  out.failed = failed_;
  out.inconclusive = inconclusive_;
  const size_t count = std::min(kept_, kKept);
  out.last.reserve(count);
  for (size_t i = 1; i <= count; ++i) out.last.push_back(last_[(kept_ - i) % kKept]);
}

}  // namespace weir::upstream
