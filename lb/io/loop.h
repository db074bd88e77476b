// One libuv loop, its timer wheel, its read slab, its chunk pool and its graveyard. Everything above io/ sees this
// class, never <uv.h>.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/chunk.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/timer_wheel.h"

struct uv_loop_s;

namespace weir::io {

// Anything that was closed inside a callback and may still be on the stack: destroyed between turns.
class Buriable {
 public:
  virtual ~Buriable() = default;
};

class Loop {
 public:
  // The most that one read takes, and one connection in one event.
  static constexpr size_t kSlabBytes = 256 * 1024;

  // `clock`, when not null, is read instead of the system's monotonic clock and outlives the loop: a simulation moves
  // it.
  // Ends the process when the system has no descriptor or memory for it: for who has nothing to go on with.
  explicit Loop(const MonoMs* clock = nullptr);
  // The same where that is an error to be told.
  static Result<std::unique_ptr<Loop>> make();
  ~Loop();  // closes every handle that is left, runs their close callbacks, asserts that none remain
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(). Each turn: poll, callbacks, then TimerWheel::advance (after the poll), then the turn hooks and
  // the graveyard. Not to be called from a callback.
  void run();
  // One turn; `wait` lets it block until something happens. For tests and drains.
  void turn(bool wait);
  // The next turn's poll does not wait: there is work that was put off to let others have theirs.
  void hurry();
  // The loop's own thread only; others post it. Before run(), it makes that run return at once.
  void stop();
  // Monotonic, as monotonic_ms(); read when the turn begins and again after its poll, so that callbacks see fresh time.
  MonoMs now() const;
  // CLOCK_MONOTONIC in microseconds, for records and logs: read when a callback first asks, so that what happens in one
  // callback happens at one time and costs one look at the clock.
  int64_t now_us() {
    if (now_us_ == 0) now_us_ = monotonic_us();
    return now_us_;
  }
  // CLOCK_REALTIME in microseconds: now_us() plus a distance that is measured once a turn.
  int64_t wall_us();

  void arm(Deadline& deadline, MonoMs due);
  // O(n): for tests and for the check that a drained loop has none.
  size_t armed() const { return wheel_.armed(); }
  // Destroys `dead` at the end of this turn, in order of burial, after the hooks; what its destructor buries, too.
  void bury(std::unique_ptr<Buriable> dead);
  // Called at the end of every turn, for as long as the loop lives (flush logs, publish counters).
  void at_turn_end(std::function<void()> hook);

  ChunkPool& chunks() { return chunks_; }
  // The buffer that every read of this loop lands in; free for anybody's scratch outside on_read.
  std::span<char> slab() { return {slab_.get(), kSlabBytes}; }
  uv_loop_s* uv() { return uv_.get(); }

  // Thread-safe; the function runs on the loop in order of posting. Once the loop's destructor has begun it is dropped,
  // undelivered, and false returned.
  bool post(std::function<void()> fn);

  // What the rest of io/ keeps per loop; its members are known in io/ alone (io/loop_impl.h).
  struct Impl;
  Impl& impl() { return *impl_; }
  // Each of io's callbacks begins with this: time has passed.
  void time_passed() { now_us_ = 0; }

 private:
  Loop(const MonoMs* clock, std::unique_ptr<uv_loop_s> uv);
  void set_timer();
  void end_turn();
  void empty_graveyard();
  const MonoMs* clock_;
  std::unique_ptr<uv_loop_s> uv_;
  std::unique_ptr<char[]> slab_;
  ChunkPool chunks_;
  std::unique_ptr<Impl> impl_;
  TimerWheel wheel_;
  int status_ = 0;           // an error of libuv's: the constructor could not do its work
  int64_t now_us_ = 0;       // 0: nobody asked yet
  int64_t wall_offset_ = 0;  // from now_us() to wall_us(); 0: nobody asked in this turn
};

}  // namespace weir::io
