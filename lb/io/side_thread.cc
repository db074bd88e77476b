#include "io/side_thread.h"

#include <utility>

#include "base/start_thread.h"
#include "io/loop.h"

namespace weir::io {

SideThread::~SideThread() {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    dropped.swap(jobs_);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool SideThread::run(std::function<void()> work, std::function<void()> done) {
  if (!thread_.joinable()) {
    Result<std::thread> thread = start_thread([this] { serve(); });
    if (!thread) return false;
    thread_ = std::move(*thread);
  }
  std::function<void()> deliver = [done = std::move(done), alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) done();
  };
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= most_) return false;
    jobs_.push_back({std::move(work), std::move(deliver)});
  }
  wake_.notify_one();
  return true;
}

void SideThread::serve() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (ending_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    job.work = nullptr;  // here: what is left of it is this thread's
    loop_.post(std::move(job.done));
  }
}

}  // namespace weir::io
