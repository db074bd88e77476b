// How long the loop stood still: a peer is not declared down for an answer that we were too late to read. While anybody
// watches, a deadline beats; what it is late by is time that the loop has lost.
#pragma once
#include "base/timer_wheel.h"
#include "io/loop.h"

namespace weir::upstream {

class StallWatch final : private DeadlineHandler {
 public:
  explicit StallWatch(io::Loop& loop) : loop_(loop) {}
  void enter();  // until the matching leave()
  void leave();
  // Milliseconds lost so far, in all; its growth is what tells.
  MonoMs lost() const { return lost_; }

 private:
  static constexpr MonoMs kBeat = 50;
  static constexpr MonoMs kNoise = 4L * TimerWheel::kTickMs;  // rounding and an ordinary turn
  void on_deadline(Deadline& which) override;
  void beat();

  io::Loop& loop_;
  Deadline deadline_{this};
  MonoMs due_ = 0;
  MonoMs lost_ = 0;
  int watchers_ = 0;
};

}  // namespace weir::upstream
