#include "cache/disk.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/start_thread.h"

namespace weir::cache {

Status<> Disk::start(std::function<bool()> upkeep) {
  upkeep_ = std::move(upkeep);
  Result<std::thread> thread = start_thread([this] { serve(); });
  if (!thread) return Unexpected{thread.error()};
  thread_ = std::move(*thread);
  return Void{};
}

Status<> Disk::start_inside(std::function<bool()> upkeep) {
  upkeep_ = std::move(upkeep);
  inside_ = true;
  return Void{};
}

void Disk::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Disk::leave(After after) {
  if (!thread_.joinable()) return after({});
  const std::lock_guard lock(mutex_);  // until the last touch of this object
  after_ = std::move(after);
  ending_ = true;
  changed_.notify_one();
}

bool Disk::post(std::function<void()> job, size_t bytes) {
  if (inside_) {
    job();
    while (upkeep_()) {
    }
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (bytes > 0 && bytes_ + bytes > kMostBytes) return false;
    bytes_ += bytes;
    jobs_.push_back({std::move(job), bytes});
  }
  changed_.notify_one();
  return true;
}

void Disk::wake() {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
  }
  changed_.notify_one();
}

void Disk::serve() {
  bool more = true;
  After after;
  std::thread own;
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      const auto is_wanted = [&] { return !jobs_.empty() || ending_ || std::exchange(awake_, false); };
      if (!more) changed_.wait_for(lock, std::chrono::seconds(1), is_wanted);
      if (jobs_.empty() && ending_) {
        after = std::move(after_);
        if (after) own = std::move(thread_);
        break;
      }
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (job.run) {
      job.run();
      job.run = nullptr;
      const std::lock_guard lock(mutex_);
      bytes_ -= job.bytes;
    }
    more = upkeep_();
  }
  if (after) after(std::move(own));
}

}  // namespace weir::cache
