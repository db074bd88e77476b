// Lets a balancer keep what it knows about a thousand peers from one pick to the next: the stamp moves whenever a
// check, the operator or a passive verdict changes any peer. It says "look again" and nothing else, so one serves the
// whole process.
#pragma once
#include <atomic>
#include <cstdint>

namespace weir::policy {

class ChangeStamp {
 public:
  // What was written to a peer before the stamp moved to this value is seen after reading it.
  static uint64_t read() { return stamp_.load(std::memory_order_acquire); }
  static void move() { stamp_.fetch_add(1, std::memory_order_release); }

 private:
  alignas(64) inline static std::atomic<uint64_t> stamp_{1};
};

// An atomic bool that moves the stamp when it changes.
class Switch {
 public:
  explicit Switch(bool on = false) : on_(on) {}
  bool load(std::memory_order order = std::memory_order_seq_cst) const { return on_.load(order); }
  operator bool() const { return load(); }  // NOLINT: like std::atomic
  void store(bool on, std::memory_order order = std::memory_order_seq_cst) {
    if (on_.exchange(on, order) != on) ChangeStamp::move();
  }
  bool operator=(bool on) {  // NOLINT: like std::atomic
    store(on);
    return on;
  }

 private:
  std::atomic<bool> on_;
};

}  // namespace weir::policy
