// Deadlines of one loop: a hashed wheel of 8 ms ticks with lazy renewal. Renewing a deadline to a later time stores a number; the node
// moves when its old slot comes up. A deadline unlinks itself when it dies. Single-threaded.
#pragma once
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace weir {

class TimerWheel;

class DeadlineHandler;

// A deadline inside its owner. on_deadline is called at most once per arm; inside it anything may be armed, cancelled or destroyed,
// this deadline and its owner included.
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
  MonoMs slotted_ = kNever;  // the time its slot stands for; due_ >= slotted_ while linked
};

class DeadlineHandler {
 public:
  // `which` tells the deadlines of one owner apart.
  virtual void on_deadline(Deadline& which) = 0;

 protected:
  ~DeadlineHandler() = default;
};

class TimerWheel {
 public:
  static constexpr int kTickMs = 8;
  static constexpr int kSlots = 1024;  // one turn: 8.2 s; farther deadlines are looked at once a turn

  explicit TimerWheel(MonoMs now);
  ~TimerWheel();  // asserts that nothing is armed any more in debug builds
  // Never fires early; fires at the first advance() at or after `due`, at most one tick late.
  void arm(Deadline& deadline, MonoMs due);
  // Fires what is due. Called after the poll, so that a stalled loop reads its sockets before it declares anybody late.
  void advance(MonoMs now);
  // When advance() has next to be called; kNever when nothing is armed.
  MonoMs next_due() const;
  size_t armed() const;

 private:
  struct Slot;
  int64_t tick_of(MonoMs at) const { return (at + kTickMs - 1) / kTickMs; }
  IntrusiveList<Deadline> slots_[kSlots];
  int64_t tick_;  // all slots up to and including this tick have been run
};

}  // namespace weir
