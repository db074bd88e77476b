// A worker as other workers see it: how busy it is, and a way to send it something while it lives.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "io/loop.h"

namespace weir::server {

class Worker;

class Seat {
 public:
  Seat(Worker& worker, io::Loop& loop) : worker_(&worker), loop_(&loop) {}
  // Runs `fn` on the worker's thread; false when the worker has ended. The lock is taken per dealt connection, not per
  // request.
  bool send(std::function<void(Worker&)> fn) {
    const std::lock_guard lock(mutex_);
    Worker* worker = worker_;
    return worker != nullptr && loop_->post([worker, fn = std::move(fn)] { fn(*worker); });
  }
  void vacate() {
    const std::lock_guard lock(mutex_);
    worker_ = nullptr;
  }

  std::atomic<uint32_t> sessions{0};  // as of the worker's last turn
  std::atomic<uint32_t> coming{0};    // dealt, not yet arrived
  std::atomic<bool> full{false};      // at its connection cap
  uint32_t load() const { return sessions.load(std::memory_order_relaxed) + coming.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  Worker* worker_;
  io::Loop* loop_;
};

using Seats = std::vector<std::shared_ptr<Seat>>;

// The least loaded of those that are not full, the next after `last` among equals; -1 when all are full.
int choose_seat(const Seats& seats, int last);

}  // namespace weir::server
