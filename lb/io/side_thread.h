// A thread beside a loop, for what takes long and has no descriptor to wait on: hashing a password, reading a small
// file. Started when it is first needed. What is done there holds nobody up but those behind it.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace weir::io {

class Loop;

class SideThread {
 public:
  // `most`: so much may wait. The loop outlives this object.
  SideThread(Loop& loop, size_t most) : loop_(loop), most_(most) {}
  // Waits for the piece of work that is being done; what waits is dropped, and no further `done` is called.
  ~SideThread();
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;

  // The loop's thread only. `work` there, then `done` on the loop. False, and neither is called: too much waits, or
  // the system gives no thread.
  bool run(std::function<void()> work, std::function<void()> done);

 private:
  struct Job {
    std::function<void()> work, done;
  };
  void serve();

  Loop& loop_;
  const size_t most_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // touched on the loop's thread alone
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace weir::io
