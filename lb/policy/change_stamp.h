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

// An atomic that moves the stamp when it changes.
template <class T>
class Watched {
 public:
  explicit Watched(T value = T()) : value_(value) {}
  T load(std::memory_order order = std::memory_order_seq_cst) const { return value_.load(order); }
  operator T() const { return load(); }  // NOLINT: like std::atomic
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    if (value_.exchange(value, order) != value) ChangeStamp::move();
  }
  T operator=(T value) {  // NOLINT: like std::atomic
    store(value);
    return value;
  }

 private:
  std::atomic<T> value_;
};

using Switch = Watched<bool>;

}  // namespace weir::policy
