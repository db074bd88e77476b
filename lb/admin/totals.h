// Counters of all workers together, those that have ended included.
#pragma once
#include <cstdint>

#include "base/log.h"
#include "observe/metrics.h"
#include "runtime/runtime.h"

namespace weir::admin {

class AdminTotals {
 public:
  explicit AdminTotals(runtime::Runtime& runtime) : sums_(runtime.workers.departed()) {
    runtime.workers.each([this](runtime::Worker& worker) {
      sums_.add(worker.metrics());
      live_epochs_ += worker.live_epochs();
      connections_ += worker.seat()->sessions.load();
      idle_connections_ += worker.seat()->idle.load();
      exchanges_ += worker.seat()->exchanges.load();
      most_connections_ += worker.seat()->cap;
      buffered_ += worker.seat()->buffered.load(std::memory_order_relaxed);
      buffer_memory_ += worker.seat()->buffer_memory.load(std::memory_order_relaxed);
      workers_full_ += worker.seat()->full.load() ? 1 : 0;
    });
    // What the writer lost later than the workers know, and lines of the error log.
    lost_by_writers_ = runtime.log_writer.dropped_lines() + log::dropped();
  }
  uint64_t get(observe::Counter counter) const { return sums_.get(counter); }
  uint64_t retries(ErrorKind kind) const { return sums_.retries(kind); }
  const HistogramSum& request_time() const { return sums_.request_time(); }
  uint64_t connections() const { return connections_; }            // of clients, open now
  uint64_t idle_connections() const { return idle_connections_; }  // of them, without a request
  uint64_t exchanges() const { return exchanges_; }                // requests under way
  uint64_t buffered() const { return buffered_; }                  // memory of what waits, in bytes
  uint64_t buffer_memory() const { return buffer_memory_; }        // that may wait so
  // worker_connections of all workers, where upstream connections count too.
  uint64_t most_connections() const { return most_connections_; }
  // Workers whose connections are all in use, none of them idle.
  int workers_full() const { return workers_full_; }
  uint64_t log_lines_dropped() const { return lost_by_writers_; }
  int live_epochs() const { return live_epochs_; }

 private:
  observe::MetricTotals sums_;
  uint64_t connections_ = 0;
  uint64_t idle_connections_ = 0;
  uint64_t exchanges_ = 0;
  uint64_t most_connections_ = 0;
  uint64_t buffered_ = 0;
  uint64_t buffer_memory_ = 0;
  int workers_full_ = 0;
  uint64_t lost_by_writers_ = 0;
  int live_epochs_ = 0;
};

}  // namespace weir::admin
