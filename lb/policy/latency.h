// How long peers and upstreams take: histograms that each worker writes alone, so that a sample is plain stores, and
// that whoever looks adds up (lb/design/0036).
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/histogram.h"

namespace weir::policy {

// Something of each worker, made when that worker first needs it and kept as long as this lives: a worker that ends
// leaves its own to the next one of its number. Two of one number at a time (one of them leaving) may lose a sample.
template <class T>
class WorkerLanes {
 public:
  WorkerLanes() = default;
  WorkerLanes(const WorkerLanes&) = delete;
  WorkerLanes& operator=(const WorkerLanes&) = delete;
  ~WorkerLanes() {
    for (Lane* lane = first_.load(std::memory_order_relaxed); lane != nullptr;) {
      const std::unique_ptr<Lane> gone(lane);
      lane = gone->next;
    }
  }
  // Any thread.
  T& of(int worker) {
    for (Lane* lane = first_.load(std::memory_order_acquire); lane != nullptr; lane = lane->next)
      if (lane->worker == worker) return lane->value;
    auto made = std::make_unique<Lane>(worker, first_.load(std::memory_order_relaxed));
    while (
        !first_.compare_exchange_weak(made->next, made.get(), std::memory_order_release, std::memory_order_relaxed)) {
    }
    return made.release()->value;  // owned by the list until ~WorkerLanes
  }
  // Any thread.
  template <class See>
  void each(See see) const {
    for (const Lane* lane = first_.load(std::memory_order_acquire); lane != nullptr; lane = lane->next)
      see(lane->value);
  }

 private:
  struct Lane {
    Lane(int of, Lane* behind) : worker(of), next(behind) {}
    const int worker;
    Lane* next;
    T value;
  };
  std::atomic<Lane*> first_{nullptr};
};

// Bytes both ways of attempts that are over; of a WebSocket when it is.
class Traffic {
 public:
  void add(uint64_t sent, uint64_t received) {
    sent_.store(sent_.load(std::memory_order_relaxed) + sent, std::memory_order_relaxed);  // one writer
    received_.store(received_.load(std::memory_order_relaxed) + received, std::memory_order_relaxed);
  }
  uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
  uint64_t received() const { return received_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> sent_{0}, received_{0};
};

// From the begin of an attempt. Only of attempts that a head came for; a tunnel has no last byte.
struct AttemptTimes {
  Histogram header;    // to the head of the response
  Histogram response;  // to its last byte
  Traffic traffic;
};

// Of a whole upstream, peers that have gone included.
struct UpstreamTimes : AttemptTimes {
  Histogram queue;  // in the queue for a place, whether one came or not
};

}  // namespace weir::policy
