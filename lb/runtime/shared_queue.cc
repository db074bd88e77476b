// The queue and its rules of waking.
#include "runtime/shared_queue.h"

#include <iterator>
#include <list>
#include <mutex>
#include <utility>

namespace weir::runtime {

namespace {

enum class Wake : uint8_t { kIdle, kProbed, kWoken };

struct Waiter {
  policy::WaitQueue::WakeUp wake_up;
  Wake wake = Wake::kIdle;
};
using Waiters = std::list<Waiter>;

}  // namespace

struct SharedQueue::State {
  explicit State(uint32_t limit) : most(limit) {}

  // Under the mutex, so that no request leaves meanwhile; a wake-up only posts.
  static void wake_up(Waiter& waiter, Wake wake) {
    waiter.wake = wake;
    waiter.wake_up();
  }
  // Wakes the first from there on that is not woken.
  bool wake_from(Waiters::iterator from) {
    for (auto waiter = from; waiter != queue.end(); ++waiter) {
      if (waiter->wake == Wake::kWoken) continue;
      wake_up(*waiter, Wake::kWoken);
      return true;
    }
    return false;
  }
  void probe_first_idle() {
    for (Waiter& waiter : queue)
      if (waiter.wake == Wake::kIdle) return wake_up(waiter, Wake::kProbed);
  }

  std::mutex mutex;
  Waiters queue;
  uint32_t most;
  uint32_t owed = 0;                  // places freed while all were woken already
  std::atomic<uint32_t> waiting = 0;  // queue.size()
};

class SharedQueue::Place final : public Ticket {
 public:
  Place(std::shared_ptr<State> state, Waiters::iterator waiter) : state_(std::move(state)), waiter_(waiter) {}

  ~Place() override {
    State& state = *state_;
    Waiters left;  // its wake-up may hold anything: destroyed outside the lock
    const std::lock_guard lock(state.mutex);
    const bool was_woken = waiter_->wake != Wake::kIdle;
    left.splice(left.begin(), state.queue, waiter_);
    state.waiting.fetch_sub(1, std::memory_order_relaxed);
    if (state.queue.empty()) state.owed = 0;
    // It got a place, and perhaps there are more; or it did not wait for the place that it was woken for.
    if (was_woken) state.probe_first_idle();
  }

  void pass_on() override {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    const Wake was = std::exchange(waiter_->wake, Wake::kIdle);
    if (was != Wake::kWoken) return;
    state.wake_from(std::next(waiter_));
    if (state.owed == 0) return;
    --state.owed;
    State::wake_up(*waiter_, Wake::kWoken);
  }

 private:
  const std::shared_ptr<State> state_;
  const Waiters::iterator waiter_;
};

SharedQueue::SharedQueue(uint32_t most) : state_(std::make_shared<State>(most)) {}
SharedQueue::~SharedQueue() = default;

void SharedQueue::configure(uint32_t most) {
  const std::lock_guard lock(state_->mutex);
  state_->most = most;
}

std::unique_ptr<policy::WaitQueue::Ticket> SharedQueue::enter(WakeUp wake_up) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.queue.size() >= state.most) return nullptr;
  const bool first = state.queue.empty();
  state.queue.push_back({std::move(wake_up)});
  const Waiters::iterator waiter = std::prev(state.queue.end());
  auto place = std::make_unique<Place>(state_, waiter);
  // Either this comes before a place_freed(), which then sees it; or after, and what was freed is seen by the pick that
  // the wake-up below brings about.
  state.waiting.fetch_add(1, std::memory_order_acq_rel);
  if (state.owed > 0) {
    --state.owed;
    State::wake_up(*waiter, Wake::kWoken);
  } else if (first) {
    State::wake_up(*waiter, Wake::kProbed);
  }
  return place;
}

bool SharedQueue::has_waiting() const {
  return state_->waiting.load(std::memory_order_relaxed) != 0;
}

uint32_t SharedQueue::waiting() const {
  return state_->waiting.load(std::memory_order_relaxed);
}

void SharedQueue::place_freed() {
  State& state = *state_;
  // A read, but in one order with the write of enter(), and publishing that the place is free.
  if (state.waiting.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  const std::lock_guard lock(state.mutex);
  if (!state.wake_from(state.queue.begin()) && !state.queue.empty()) ++state.owed;
}

void SharedQueue::wake_all() {
  const std::lock_guard lock(state_->mutex);
  for (Waiter& waiter : state_->queue)
    State::wake_up(waiter, waiter.wake == Wake::kWoken ? Wake::kWoken : Wake::kProbed);
}

}  // namespace weir::runtime
