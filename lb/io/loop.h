// One libuv loop, its timer wheel, its read slab, its chunk pool and its graveyard. Everything above io/ sees this class, never <uv.h>.
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
  static constexpr size_t kSlabBytes = 64 * 1024;

  Loop();
  ~Loop();  // closes every handle that is left, runs their close callbacks, asserts that none remain
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(). Each turn: poll, callbacks, then TimerWheel::advance (after the poll), then the graveyard and the turn hooks.
  void run();
  // One turn; `wait` lets it block until something happens. For tests and drains.
  void turn(bool wait);
  void stop();
  // Monotonic; read once a turn (and again after the poll).
  MonoMs now() const { return now_; }
  // CLOCK_REALTIME in microseconds, as of this turn.
  int64_t wall_us() const { return wall_us_; }

  void arm(Deadline& deadline, MonoMs due);
  void bury(std::unique_ptr<Buriable> dead);
  // Called at the end of every turn, for as long as the loop lives (flush logs, publish counters).
  void at_turn_end(std::function<void()> hook);

  ChunkPool& chunks() { return chunks_; }
  // The buffer that every read of this loop lands in; free for anybody's scratch outside on_read.
  std::span<char> slab() { return {slab_.get(), kSlabBytes}; }
  uv_loop_s* uv() { return uv_.get(); }

  // Thread-safe; the function runs on the loop in order of posting. After the loop has ended it is dropped, undelivered, and false returned.
  bool post(std::function<void()> fn);

 private:
  struct Impl;
  void refresh_time();
  void end_turn();
  std::unique_ptr<uv_loop_s> uv_;
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<char[]> slab_;
  ChunkPool chunks_;
  MonoMs now_ = 0;
  int64_t wall_us_ = 0;
  TimerWheel wheel_;
};

}  // namespace weir::io
