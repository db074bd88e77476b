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

namespace weir::runtime {

class Worker;

class Seat {
 public:
  Seat(Worker& worker, io::Loop& loop, uint32_t most) : room(most), cap(most), worker_(&worker), loop_(&loop) {}
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

  // Sequentially consistent all of them: who deals sets `waiting` and then looks at loads again, who has room publishes
  // that and then looks at `waiting`.
  std::atomic<uint32_t> sessions{0};       // as of the worker's last turn
  std::atomic<uint32_t> idle{0};           // of them, without a request
  std::atomic<uint32_t> exchanges{0};      // requests under way, as of then
  std::atomic<uint32_t> room;              // the same: how many connections may still come, idle ones counted as gone
  std::atomic<uint32_t> coming{0};         // dealt, not yet arrived
  std::atomic<bool> full{false};           // at its connection cap and nothing idle, upstream connections counted too
  std::atomic<bool> waiting{false};        // of who deals: it has stopped, for nobody had room
  std::atomic<uint64_t> buffered{0};       // bytes that wait, as of the last turn
  std::atomic<uint64_t> buffer_memory{0};  // and the worker's share of proxy_buffers_memory
  std::atomic<uint32_t> cap;               // worker_connections
  uint32_t load() const { return sessions.load() + coming.load(); }
  bool has_room() const { return !full.load() && coming.load() < room.load(); }

 private:
  std::mutex mutex_;
  Worker* worker_;
  io::Loop* loop_;
};

using Seats = std::vector<std::shared_ptr<Seat>>;

// The least loaded of those that have room, the next after `last` among equals; -1 when none has.
int choose_seat(const Seats& seats, int last);

}  // namespace weir::runtime
