// A thread beside a loop for work on disks that may never answer. Other than a SideThread, or one of libuv's pool, it
// is not waited for at the end: what hangs is left to itself.
#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"

namespace weir::io {

class Loop;

class DiskThread {
 public:
  // The loop outlives this object. `patience`: of the destructor, for work that is under way.
  explicit DiskThread(Loop& loop, Millis patience = Millis(1'000));
  // No further `done` is called.
  ~DiskThread();
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;

  // The loop's thread only, while not busy. `work` there, then `done` on the loop. `work` owns all that it uses. False,
  // and neither is called: the system gives no thread.
  bool run(std::function<void()> work, std::function<void()> done);
  // From run() to its `done`.
  bool is_busy() const { return busy_; }

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // shared with the thread
  const Millis patience_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // touched on the loop's thread alone
  bool busy_ = false;
  std::thread thread_;  // begins with the first work
};

}  // namespace weir::io
