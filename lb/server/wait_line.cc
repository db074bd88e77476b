// The line and its rules of calling.
#include "server/wait_line.h"

#include <iterator>
#include <list>
#include <mutex>
#include <utility>

namespace weir::server {

namespace {

enum class Standing : uint8_t { kIdle, kProbed, kCalled };

struct Waiter {
  policy::WaitQueue::Call call;
  Standing standing = Standing::kIdle;
};
using Waiters = std::list<Waiter>;

}  // namespace

struct WaitLine::State {
  explicit State(uint32_t limit) : most(limit) {}

  // Under the mutex, so that nobody leaves meanwhile; a call only posts.
  static void call(Waiter& waiter, Standing standing) {
    waiter.standing = standing;
    waiter.call();
  }
  // A real call for the first from there on who has none.
  bool call_from(Waiters::iterator from) {
    for (auto waiter = from; waiter != line.end(); ++waiter) {
      if (waiter->standing == Standing::kCalled) continue;
      call(*waiter, Standing::kCalled);
      return true;
    }
    return false;
  }
  void probe_first_idle() {
    for (Waiter& waiter : line)
      if (waiter.standing == Standing::kIdle) return call(waiter, Standing::kProbed);
  }

  std::mutex mutex;
  Waiters line;
  uint32_t most;
  uint32_t owed = 0;                  // places freed while everybody in line was called already
  std::atomic<uint32_t> waiting = 0;  // line.size()
};

class WaitLine::Place final : public Ticket {
 public:
  Place(std::shared_ptr<State> state, Waiters::iterator waiter) : state_(std::move(state)), waiter_(waiter) {}

  ~Place() override {
    State& state = *state_;
    Waiters left;  // its call holds who knows what: destroyed outside the lock
    const std::lock_guard lock(state.mutex);
    const bool was_called = waiter_->standing != Standing::kIdle;
    left.splice(left.begin(), state.line, waiter_);
    state.waiting.fetch_sub(1, std::memory_order_relaxed);
    if (state.line.empty()) state.owed = 0;
    // It got a place, and perhaps there are more; or it did not wait for what it was called to.
    if (was_called) state.probe_first_idle();
  }

  void missed() override {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    const Standing was = std::exchange(waiter_->standing, Standing::kIdle);
    if (was != Standing::kCalled) return;
    state.call_from(std::next(waiter_));
    if (state.owed == 0) return;
    --state.owed;
    State::call(*waiter_, Standing::kCalled);
  }

 private:
  const std::shared_ptr<State> state_;
  const Waiters::iterator waiter_;
};

WaitLine::WaitLine(uint32_t most) : state_(std::make_shared<State>(most)) {}
WaitLine::~WaitLine() = default;

void WaitLine::configure(uint32_t most) {
  const std::lock_guard lock(state_->mutex);
  state_->most = most;
}

std::unique_ptr<policy::WaitQueue::Ticket> WaitLine::enter(Call call) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.line.size() >= state.most) return nullptr;
  const bool first = state.line.empty();
  state.line.push_back({std::move(call)});
  const Waiters::iterator waiter = std::prev(state.line.end());
  auto place = std::make_unique<Place>(state_, waiter);
  // Either this comes before a place_freed(), which then sees it; or after, and what was freed is seen by the pick that
  // the call below brings about.
  state.waiting.fetch_add(1, std::memory_order_acq_rel);
  if (state.owed > 0) {
    --state.owed;
    State::call(*waiter, Standing::kCalled);
  } else if (first) {
    State::call(*waiter, Standing::kProbed);
  }
  return place;
}

bool WaitLine::anybody() const {
  return state_->waiting.load(std::memory_order_relaxed) != 0;
}

uint32_t WaitLine::waiting() const {
  return state_->waiting.load(std::memory_order_relaxed);
}

void WaitLine::place_freed() {
  State& state = *state_;
  // A read, but in one order with the write of enter(), and publishing that the place is free.
  if (state.waiting.fetch_add(0, std::memory_order_acq_rel) == 0) return;
  const std::lock_guard lock(state.mutex);
  if (!state.call_from(state.line.begin()) && !state.line.empty()) ++state.owed;
}

void WaitLine::call_all() {
  const std::lock_guard lock(state_->mutex);
  for (Waiter& waiter : state_->line)
    State::call(waiter, waiter.standing == Standing::kCalled ? Standing::kCalled : Standing::kProbed);
}

}  // namespace weir::server
