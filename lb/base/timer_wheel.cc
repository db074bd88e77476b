#include "base/timer_wheel.h"

#include <algorithm>
#include <cassert>

namespace weir {

TimerWheel::TimerWheel(MonoMs now) : tick_(now / kTickMs) {
  std::fill(std::begin(earliest_), std::end(earliest_), kNoTick);
}

TimerWheel::~TimerWheel() = default;

void TimerWheel::arm(Deadline& deadline, MonoMs due) {
  if (due == kNever) {
    deadline.cancel();
    return;
  }
  deadline.due_ = due;
  if (deadline.linked() && due >= deadline.slotted_) return;  // lazy: it moves when its old slot comes up
  file(deadline);
}

void TimerWheel::file(Deadline& deadline) {
  const int64_t tick = std::max(tick_of(deadline.due_), tick_ + 1);
  const size_t slot = slot_of(tick);
  deadline.slotted_ = deadline.due_;
  slots_[slot].push_back(deadline);
  earliest_[slot] = std::min(earliest_[slot], tick);
  next_ = std::min(next_, tick);
}

void TimerWheel::advance(MonoMs now) {
  assert(!running_);
  const int64_t target = now / kTickMs;
  if (target <= tick_) return;
  // From here on whatever a callback arms lands behind `target`: a deadline that is armed anew each time it fires
  // cannot keep us here.
  const int64_t from = std::max(tick_ + 1, target - kSlots + 1);
  tick_ = target;
  if (next_ > target) return;
  running_ = true;
  for (int64_t tick = from; tick <= target; ++tick) {
    const size_t slot = slot_of(tick);
    if (earliest_[slot] <= target) run_slot(slot);
  }
  running_ = false;
  next_ = first_filed();
}

// The slot's nodes are detached before the first callback, so that whatever the callbacks arm, cancel or destroy, the
// list that is walked only ever loses nodes.
void TimerWheel::run_slot(size_t slot) {
  IntrusiveList<Deadline> detached;
  detached.take_all(slots_[slot]);
  earliest_[slot] = kNoTick;
  while (Deadline* deadline = detached.front()) {
    if (tick_of(deadline->due_) > tick_) {
      file(*deadline);
      continue;
    }
    deadline->cancel();
    if (deadline->owner_ != nullptr) deadline->owner_->on_deadline(*deadline);
  }
}

int64_t TimerWheel::first_filed() const {
  int64_t first = kNoTick;
  for (int64_t tick = tick_ + 1; tick <= tick_ + kSlots; ++tick) {
    const size_t slot = slot_of(tick);
    if (earliest_[slot] >= first || slots_[slot].empty()) continue;
    first = earliest_[slot];
    if (first <= tick) break;  // the slots behind this one stand for later ticks
  }
  return first;
}

MonoMs TimerWheel::next_due() const {
  if (next_ == kNoTick) return kNever;
  return next_ > kNever / kTickMs ? kNever - 1 : next_ * kTickMs;
}

size_t TimerWheel::armed() const {
  size_t n = 0;
  for (const auto& slot : slots_) n += slot.count();
  return n;
}

}  // namespace weir
