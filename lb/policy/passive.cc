// A window of failure times, and one word whose exchange decides every change of state.
#include "policy/passive.h"

#include <algorithm>
#include <span>

#include "policy/change_stamp.h"

namespace weir::policy {
namespace {

void fill(std::span<std::atomic<int64_t>> slots, int64_t value) {
  for (std::atomic<int64_t>& slot : slots) slot.store(value, std::memory_order_relaxed);
}

}  // namespace

PassiveState::PassiveState(const PassiveOptions& options)
    : fail_timeout_(options.fail_timeout.count()),
      failures_(std::make_unique<std::atomic<int64_t>[]>(kSlots)),
      max_fails_(options.max_fails) {
  fill({failures_.get(), kSlots}, kNobody);
}

void PassiveState::configure(const PassiveOptions& options) {
  const uint32_t before = max_fails_.exchange(options.max_fails);
  fail_timeout_.store(options.fail_timeout.count());
  // The slots of another max_fails mean other failures.
  if (before != options.max_fails) fill({failures_.get(), kSlots}, kNobody);
  if (options.max_fails == 0 || options.fail_timeout.count() <= 0) {
    ejections_.store(0);
    ejected_until_.store(kNotEjected);
  }
  ChangeStamp::move();
}

PassiveState::Verdict PassiveState::verdict_of_ejected(int64_t until, MonoMs now) const {
  if (now < until) return Verdict::kOut;
  const int64_t taken_at = probe_taken_at_.load(std::memory_order_relaxed);
  if (taken_at == kNobody) return Verdict::kProbe;
  return now - taken_at < fail_timeout_.load(std::memory_order_relaxed) ? Verdict::kOut : Verdict::kProbe;
}

bool PassiveState::take_probe(MonoMs now) {
  const int64_t until = ejected_until_.load();
  if (until == kNotEjected || now < until) return false;
  int64_t taken_at = probe_taken_at_.load();
  if (taken_at != kNobody && now - taken_at < fail_timeout_.load()) return false;
  if (!probe_taken_at_.compare_exchange_strong(taken_at, now)) return false;
  ChangeStamp::move();
  return true;
}

void PassiveState::abandon_probe() {
  probe_taken_at_.store(kNobody);
}

bool PassiveState::failure(MonoMs now) {
  if (max_fails_.load(std::memory_order_relaxed) == 0 || fail_timeout_.load(std::memory_order_relaxed) <= 0)
    return false;
  int64_t until = ejected_until_.load();
  if (until != kNotEjected && now < until) return false;
  if (until == kNotEjected && !window_is_full(now)) return false;

  const uint32_t ejections = ejections_.load();
  const bool was_in = until == kNotEjected;
  if (!ejected_until_.compare_exchange_strong(until, now + ejection_length(ejections))) return false;
  // Alone from here on: nobody else gets past the ejection that has just begun.
  ejections_.store(ejections + 1);
  probe_taken_at_.store(kNobody);
  ChangeStamp::move();
  return was_in;
}

bool PassiveState::success(MonoMs now) {
  int64_t until = ejected_until_.load(std::memory_order_relaxed);
  if (until == kNotEjected || now < until) return false;
  if (!ejected_until_.compare_exchange_strong(until, kNotEjected)) return false;
  ejections_.store(0);
  ChangeStamp::move();
  return true;
}

bool PassiveState::reinstate(MonoMs) {
  fill({failures_.get(), kSlots}, kNobody);  // first: what fails once the peer is back counts
  if (ejected_until_.exchange(kNotEjected) == kNotEjected) return false;
  ejections_.store(0);
  ChangeStamp::move();
  return true;
}

// Notes a failure and says whether it makes max_fails within fail_timeout. Every slot is looked at, so that of several
// workers failing at once at least the last sees all.
bool PassiveState::window_is_full(MonoMs now) {
  const uint32_t max_fails = std::max(max_fails_.load(), 1u);
  const uint32_t per_slot = (max_fails + kSlots - 1) / kSlots;
  const uint32_t slots = (max_fails + per_slot - 1) / per_slot;
  const uint32_t count = failure_count_.fetch_add(1) + 1;
  if (count % per_slot != 0) return false;
  failures_[(count / per_slot) % slots].store(now);

  const int64_t oldest = now - fail_timeout_.load();
  for (uint32_t i = 0; i < slots; ++i)
    if (failures_[i].load() <= oldest) return false;
  return true;
}

MonoMs PassiveState::ejection_length(uint32_t ejections) const {
  const MonoMs first = fail_timeout_.load();
  if (first >= kLongestEjection) return first;
  return std::min(first << std::min(ejections, 20u), kLongestEjection);
}

}  // namespace weir::policy
