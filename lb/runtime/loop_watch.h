// Whether every loop turns. A thread of its own sends each loop a message, a beat, once a second; a loop that has not
// taken it after `stalled` is logged with the stack of its thread. The supervisor hears of a beat that all have taken.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/result.h"

namespace weir::io {
class Loop;
}

namespace weir::runtime {

struct LoopWatchOptions {
  Millis beat{1000};
  Millis stalled{5000};
  Millis stack{500};  // what a stalled loop's thread is given to say where it is
  // After each beat that every loop has taken. On the watch's thread.
  std::function<void()> all_turned = {};
};

class LoopWatch {
 public:
  explicit LoopWatch(LoopWatchOptions options);
  ~LoopWatch();
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  // The error: the system gives no thread.
  [[nodiscard]] Status<> start();
  // No beat comes any more. Idempotent.
  void stop();

  // A loop is watched as long as this lives: it goes before the loop does.
  class Guard {
   public:
    Guard(Guard&& other) noexcept : watch_(other.watch_), loop_(std::move(other.loop_)) {}
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    Guard& operator=(Guard&&) = delete;

   private:
    friend class LoopWatch;
    struct Watched;
    Guard(LoopWatch& watch, std::shared_ptr<Watched> loop) : watch_(watch), loop_(std::move(loop)) {}
    LoopWatch& watch_;
    std::shared_ptr<Watched> loop_;
  };
  // Call on the loop's thread. `name` as in the log: "worker 0".
  [[nodiscard]] Guard watch(std::string name, io::Loop& loop);

  // Times that a loop was found stalled.
  uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }
  // How late beats were taken: how long whatever comes to that loop waits for its turn. Each name once: a worker that
  // drains and the one in its place count as one. Any thread.
  struct Lag {
    std::string loop;  // "worker 0"
    HistogramSum sum;
  };
  std::vector<Lag> lags() const;

 private:
  using Watched = Guard::Watched;
  void run();
  void beat();
  bool look_at(const std::shared_ptr<Watched>& watched, MonoMs now);
  void tell_of_stall(const Watched& loop, MonoMs now);

  const LoopWatchOptions options_;
  std::atomic<uint64_t> stalls_{0};
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool stopped_ = false;
  MonoMs last_beat_ = 0;
  std::vector<std::shared_ptr<Watched>> loops_;
  std::thread thread_;
};

}  // namespace weir::runtime
