#include "io/disk_thread.h"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/start_thread.h"
#include "io/loop.h"

namespace weir::io {

struct DiskThread::Impl {
  void serve();

  std::mutex mutex;
  std::condition_variable changed;
  Loop* loop = nullptr;  // null: nobody is there to be told any more
  std::function<void()> work, done;
  bool wanted = false;
  bool working = false;
  bool ending = false;
};

DiskThread::DiskThread(Loop& loop, Millis patience) : impl_(std::make_shared<Impl>()), patience_(patience) {
  impl_->loop = &loop;
}

DiskThread::~DiskThread() {
  std::unique_lock lock(impl_->mutex);
  impl_->ending = true;
  impl_->changed.notify_all();
  if (!thread_.joinable()) return;
  const bool ends = impl_->changed.wait_for(lock, patience_, [this] { return !impl_->working; });
  impl_->loop = nullptr;
  lock.unlock();
  ends ? thread_.join() : thread_.detach();
}

bool DiskThread::run(std::function<void()> work, std::function<void()> done) {
  assert(!busy_);
  if (!thread_.joinable()) {
    Result<std::thread> thread = start_thread([impl = impl_] { impl->serve(); });
    if (!thread) return false;
    thread_ = std::move(*thread);
  }
  busy_ = true;
  const std::lock_guard lock(impl_->mutex);
  impl_->work = std::move(work);
  impl_->done = [this, done = std::move(done), alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    busy_ = false;
    done();
  };
  impl_->wanted = true;
  impl_->changed.notify_all();
  return true;
}

void DiskThread::Impl::serve() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return ending || wanted; });
    if (ending) return;
    wanted = false;
    working = true;
    std::function<void()> now = std::exchange(work, nullptr);
    lock.unlock();
    now();
    now = nullptr;  // what it holds may be the last of it
    lock.lock();
    working = false;
    if (loop != nullptr) loop->post(std::exchange(done, nullptr));
    changed.notify_all();
  }
}

}  // namespace weir::io
