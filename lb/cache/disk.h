// The thread beside a cache: all that may wait for its disk is done there, in order. So a slow disk keeps nobody but
// the cache itself waiting.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "base/result.h"

namespace weir::cache {

class Disk {
 public:
  static constexpr size_t kMostBytes = 64 * 1024 * 1024;

  Disk() = default;
  ~Disk() { stop(); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // `upkeep` is called on the thread between jobs, at least once a second, and again at once while it answers true.
  // Once. An error, and it may be called again: the system gives no thread.
  Status<> start(std::function<bool()> upkeep);
  // Instead of a thread, post() does its job itself: for tests that are to be the same each time. Once.
  Status<> start_inside(std::function<bool()> upkeep);
  // What was posted is done before. No job may be posted afterwards.
  void stop();
  // Instead of stop() and of waiting for it: `after` is called when what was posted is done, on the thread, as its last
  // act, so it may delete this object; where there is no thread, at once. `own` is that thread, for somebody else to
  // join: until then it may still hold what it is to free as it ends.
  using After = std::function<void(std::thread own)>;
  void leave(After after);
  // From any thread; not started yet, it waits. `bytes`: that the job holds. False, and the job is not done: so much
  // waits already. A job of 0 bytes is always taken.
  bool post(std::function<void()> job, size_t bytes);
  // Has upkeep look now.
  void wake();

 private:
  struct Job {
    std::function<void()> run;
    size_t bytes;
  };
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  size_t bytes_ = 0;
  bool ending_ = false;
  bool awake_ = false;
  bool inside_ = false;
  std::function<bool()> upkeep_;
  After after_;
  std::thread thread_;
};

}  // namespace weir::cache
