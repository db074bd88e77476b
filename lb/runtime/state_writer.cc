#include "runtime/state_writer.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/start_thread.h"
#include "io/loop.h"
#include "runtime/state_file.h"

namespace weir::runtime {
namespace {

Status<> write_file(const std::string& path, const Overrides& overrides) {
  return StateFile(path).save(overrides);
}

}  // namespace

struct StateWriter::Impl {
  struct Content {
    std::string path;
    Overrides overrides;
  };
  static void run(const std::shared_ptr<Impl>& self);
  void write_one(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex;
  std::condition_variable changed;
  io::Loop* loop = nullptr;  // null: nobody is there to be told any more
  Write write;
  std::optional<Content> wanted;
  std::vector<Done> waiting, told_next;  // of `wanted`; of the write that is under way
  bool writing = false;
  bool ending = false;
  uint64_t written = 0, failed = 0;
};

StateWriter::StateWriter(io::Loop& loop, Write write, Millis patience)
    : impl_(std::make_shared<Impl>()), patience_(patience) {
  impl_->loop = &loop;
  impl_->write = write ? std::move(write) : Write(write_file);
}

StateWriter::~StateWriter() {
  std::vector<Done> dropped;  // behind the lock, and on this thread
  std::unique_lock lock(impl_->mutex);
  impl_->ending = true;
  impl_->changed.notify_all();
  const bool done =
      impl_->changed.wait_for(lock, patience_, [this] { return !impl_->writing && !impl_->wanted.has_value(); });
  if (!done) log::warn("state file: not written in time (its disk does not answer), overrides may be lost on restart");
  impl_->loop = nullptr;
  impl_->wanted.reset();
  dropped.swap(impl_->waiting);
  for (Done& each : impl_->told_next) dropped.push_back(std::move(each));
  impl_->told_next.clear();
  lock.unlock();
  if (thread_.joinable()) done ? thread_.join() : thread_.detach();
}

void StateWriter::save(const std::string& path, const Overrides& overrides, Done done) {
  if (path.empty()) {  // nothing is kept
    if (done) impl_->loop->post([done = std::move(done)] { done(Void{}); });
    return;
  }
  const std::lock_guard lock(impl_->mutex);
  impl_->wanted = Impl::Content{path, overrides};
  if (done) impl_->waiting.push_back(std::move(done));
  impl_->changed.notify_all();
  if (thread_.joinable()) return;
  Result<std::thread> thread = start_thread([impl = impl_] { Impl::run(impl); });
  if (thread) {
    thread_ = std::move(*thread);
    return;
  }
  // Here and now then; the next one tries again.
  const Status<> saved = impl_->write(path, overrides);
  ++(saved ? impl_->written : impl_->failed);
  impl_->wanted.reset();
  for (Done& each : std::exchange(impl_->waiting, {}))
    impl_->loop->post([saved, each = std::move(each)] { each(saved); });
}

void StateWriter::Impl::run(const std::shared_ptr<Impl>& self) {
  std::unique_lock lock(self->mutex);
  while (true) {
    self->changed.wait(lock, [&] { return self->ending || self->wanted.has_value(); });
    if (!self->wanted.has_value()) return;
    self->write_one(lock);
  }
}

void StateWriter::Impl::write_one(std::unique_lock<std::mutex>& lock) {
  const Content now = std::move(*wanted);
  wanted.reset();
  told_next.swap(waiting);
  writing = true;
  lock.unlock();
  Status<> saved = write(now.path, now.overrides);
  if (!saved) log::error("state file: not written (", saved.error(), "), overrides will be lost on restart");
  lock.lock();
  writing = false;
  ++(saved ? written : failed);
  if (loop != nullptr)
    for (Done& each : told_next) loop->post([saved, each = std::move(each)] { each(saved); });
  told_next.clear();
  changed.notify_all();
}

StateWriter::Counts StateWriter::counts() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->written, impl_->failed, impl_->writing || impl_->wanted.has_value()};
}

}  // namespace weir::runtime
