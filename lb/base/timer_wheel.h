// Deadlines of one loop: a hashed wheel of 8 ms ticks with lazy renewal. Renewing a deadline to a later time stores a
// number; the node moves when its old slot comes up. A deadline unlinks itself when it dies. Single-threaded.
#pragma once
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace weir {

class TimerWheel;

class DeadlineHandler;

// A deadline inside its owner. on_deadline is called at most once per arm; inside it anything may be armed, cancelled
// or destroyed, this deadline and its owner included.
class Deadline : private ListNode {
 public:
  explicit Deadline(DeadlineHandler* owner = nullptr) : owner_(owner) {}
  void set_owner(DeadlineHandler* owner) { owner_ = owner; }
  bool armed() const { return due_ != kNever; }
  MonoMs due() const { return due_; }
  void cancel() {
    due_ = kNever;
    unlink();
  }

 private:
  friend class TimerWheel;
  template <class T>
  friend class IntrusiveList;
  DeadlineHandler* owner_;
  MonoMs due_ = kNever;
  MonoMs slotted_ = kNever;  // the time its slot was chosen for; due_ >= slotted_ while linked
};

class DeadlineHandler {
 public:
  // `which` tells the deadlines of one owner apart.
  virtual void on_deadline(Deadline& which) = 0;

 protected:
  ~DeadlineHandler() = default;
};

// A slot is walked only when a deadline filed in it may be due, so a hundred thousand idle connections cost nothing
// between their deadlines.
class TimerWheel {
 public:
  static constexpr int kTickMs = 8;
  static constexpr int kSlots = 1024;  // one turn: 8.2 s; a farther deadline waits in its slot for the right turn

  explicit TimerWheel(MonoMs now);
  ~TimerWheel();  // what is still armed is forgotten
  // Never fires early; fires at the first advance() that has reached `due` rounded up to a whole tick. A past `due`
  // fires at the next tick, never inside the advance() that is running. kNever cancels.
  void arm(Deadline& deadline, MonoMs due);
  // Fires what is due, in order of ticks. Called after the poll, so that a stalled loop reads its sockets before it
  // declares anybody late. Time never goes back; not to be called from on_deadline.
  void advance(MonoMs now);
  // When advance() has next to be called; kNever when nothing is armed. O(1). May be earlier than the first deadline
  // (one was cancelled or renewed since), never later than when it fires.
  MonoMs next_due() const;
  // O(n): for tests and for the check that a drained worker has none.
  size_t armed() const;

 private:
  static int64_t tick_of(MonoMs at) { return at / kTickMs + (at % kTickMs > 0 ? 1 : 0); }
  static size_t slot_of(int64_t tick) { return static_cast<size_t>(tick) % kSlots; }
  void file(Deadline& deadline);
  void run_slot(size_t slot);
  int64_t first_filed() const;

  static constexpr int64_t kNoTick = INT64_MAX;
  IntrusiveList<Deadline> slots_[kSlots];
  int64_t earliest_[kSlots];  // no deadline in the slot is due before this tick
  int64_t next_ = kNoTick;    // nor any in the wheel before this one
  int64_t tick_;              // all slots up to and including this tick have been run
  bool running_ = false;
};

}  // namespace weir
