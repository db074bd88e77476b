// Between those who make spans and the thread that sends them: a queue with a bound, which never makes anybody wait.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "observe/span.h"

namespace weir::observe {

class SpanQueue {
 public:
  // A batch is due when so many spans wait; of more than `most` those that come are dropped, but into an empty queue a
  // request comes with all it has. 0: nobody sends any.
  void configure(size_t batch, size_t most);
  // Those of one request, all or none: false and counted where they find no room. Any thread.
  bool push(std::vector<Span> spans);
  bool is_on() const { return most_.load(std::memory_order_relaxed) != 0; }

  // For the one thread that sends: waits until a batch is due, `most` has passed or nobody waits any more (wake(),
  // end()). Then up to one batch, the oldest first.
  std::vector<Span> take(Millis most);
  // Without waiting.
  std::vector<Span> take_now();
  // Takes nothing: waits until `most` has passed. False: wake(), configure() or end() cut it short.
  bool pause(Millis most);
  void wake();
  void end();
  bool ended() const { return ended_.load(std::memory_order_relaxed); }

  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  size_t waiting() const;

 private:
  std::vector<Span> take_batch();  // with the lock held

  mutable std::mutex mutex_;
  std::condition_variable due_;
  std::vector<Span> spans_;
  size_t batch_ = 0;
  std::atomic<size_t> most_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<bool> ended_{false};
  bool woken_ = false;
};

}  // namespace weir::observe
