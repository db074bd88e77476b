// The log thread. Producers push blocks under one mutex; the thread takes a file's whole queue at a time, writes
// without the mutex, and sleeps in poll() on an eventfd and on the pipes that are full.
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/owned_fd.h"
#include "base/start_thread.h"
#include "base/system.h"
#include "observe/access_log.h"
#include "observe/log_output.h"

namespace weir::observe {
namespace {

constexpr size_t kMostSpares = 32;
constexpr size_t kSmallestSpare = 1024;
constexpr size_t kUsualBlocks = AccessLogWriter::kMostQueued / (64 * 1024);  // in a full queue, with the usual buffers
// With something always moving (a reader of one byte a second), waiting ends after this many times the patience.
constexpr int kMostPatience = 10;

uint64_t count_lines(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

struct AccessLogWriter::Impl {
  struct File {
    File(std::string p, std::shared_ptr<LogOutput> out) : path(std::move(p)), output(std::move(out)) {
      queue.reserve(kUsualBlocks);
      batch.blocks.reserve(kUsualBlocks);
    }
    // Nobody will write to it, and all that was pushed is out.
    bool is_idle() const { return uses == 0 && output != nullptr && queue.empty() && batch.empty(); }
    // Under the mutex.
    std::string path;
    int uses = 0;  // LogFile::Use
    std::vector<std::string> queue;
    size_t queued = 0;     // memory held by the queue and by the batch in the thread's hands
    uint64_t pushed = 0;   // bytes, ever
    uint64_t settled = 0;  // written or lost
    std::shared_ptr<LogOutput> reopened;
    std::shared_ptr<LogOutput> output;  // changed by the thread, under the mutex; used by it without. Null: closed
    // The thread's own.
    LogBatch batch;
    bool stalled = false;
  };

  explicit Impl(Millis p) : patience(p) { spares.reserve(kMostSpares); }

  // The thread, where it does not run yet.
  static Status<> start(const std::shared_ptr<Impl>& self);
  void wake() {
    if (!std::exchange(asleep, false)) return;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_fd.get(), &one, sizeof one);
  }
  void recycle(std::string block) {
    if (spares.size() >= kMostSpares || block.capacity() < kSmallestSpare) return;
    block.clear();
    spares.push_back(std::move(block));
  }

  void run();
  bool take_work(std::unique_lock<std::mutex>& lock);
  void swap_output(File& file, std::shared_ptr<LogOutput>& old);
  bool write_round();
  void sleep();
  template <class Done>
  bool wait_while_moving(std::unique_lock<std::mutex>& lock, Done done);

  const Millis patience;
  OwnedFd wake_fd;  // with the thread
  std::mutex mutex;
  std::condition_variable settled_some;
  std::vector<std::unique_ptr<File>> files;
  std::vector<std::string> spares;
  bool asleep = false;
  bool stopping = false;
  bool abandoned = false;
  bool ended = false;
  std::atomic<uint64_t> moved{0};  // counts rounds in which something was written: the sign of life
  std::atomic<uint64_t> dropped{0};
  std::vector<File*> active;  // the thread's own: files with a batch
  std::thread thread;
};

// Takes over queues and reopened outputs. False when it is time to end.
bool AccessLogWriter::Impl::take_work(std::unique_lock<std::mutex>& lock) {
  std::vector<std::shared_ptr<LogOutput>> closed;
  active.clear();
  for (const auto& file : files) {
    if (file->is_idle()) {
      closed.push_back(std::exchange(file->output, nullptr));
      closed.push_back(std::exchange(file->reopened, nullptr));
      continue;
    }
    if (file->reopened != nullptr) swap_output(*file, closed.emplace_back());
    if (file->batch.empty() && !file->queue.empty()) {
      file->batch.clear();
      std::swap(file->batch.blocks, file->queue);
      file->stalled = false;
    }
    if (!file->batch.empty()) active.push_back(file.get());
  }
  if (!closed.empty()) {  // a close may take its time
    lock.unlock();
    closed.clear();
    lock.lock();
    return take_work(lock);
  }
  return !abandoned && !(stopping && active.empty());
}

void AccessLogWriter::Impl::swap_output(File& file, std::shared_ptr<LogOutput>& old) {
  if (file.batch.inside_line()) {  // the old reader has half of that line; the new file starts with a whole one
    file.batch.skip_line();
    dropped.fetch_add(1, std::memory_order_relaxed);
  }
  old = std::exchange(file.output, std::move(file.reopened));
  file.stalled = false;
}

// True when anything was written or lost.
bool AccessLogWriter::Impl::write_round() {
  bool any = false;
  for (File* file : active) {
    const size_t at = file->batch.at;
    const size_t offset = file->batch.offset;
    uint64_t lost = 0;
    const auto outcome = file->output->write(file->batch, lost);
    if (lost > 0) dropped.fetch_add(lost, std::memory_order_relaxed);
    if (outcome == LogOutput::Outcome::kFailed) file->batch.at = file->batch.blocks.size(), file->batch.offset = 0;
    file->stalled = outcome == LogOutput::Outcome::kStalled;
    any = any || file->batch.at != at || file->batch.offset != offset;
  }
  if (any) moved.fetch_add(1, std::memory_order_relaxed);
  return any;
}

void AccessLogWriter::Impl::sleep() {
  std::vector<pollfd> fds{{wake_fd.get(), POLLIN, 0}};
  for (const File* file : active)
    if (file->stalled) fds.push_back({file->output->fd(), POLLOUT, 0});
  poll(fds.data(), fds.size(), -1);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(wake_fd.get(), &count, sizeof count);
}

void AccessLogWriter::Impl::run() {
  std::unique_lock lock(mutex);
  while (take_work(lock)) {
    lock.unlock();
    const bool any = write_round();
    lock.lock();
    for (File* file : active) {
      if (!file->batch.empty()) continue;
      size_t bytes = 0;
      for (std::string& block : file->batch.blocks) {
        bytes += block.size();
        file->queued -= block.capacity();
        recycle(std::move(block));
      }
      file->batch.clear();
      file->settled += bytes;
    }
    if (any) {
      settled_some.notify_all();
      continue;
    }
    const bool more = std::any_of(files.begin(), files.end(), [](const auto& file) {
      return file->reopened != nullptr || file->is_idle() || (file->batch.empty() && !file->queue.empty());
    });
    if (more || abandoned || (stopping && active.empty())) continue;
    asleep = true;
    lock.unlock();
    sleep();
    lock.lock();
    asleep = false;
  }
  for (const auto& file : files) {  // abandoned: nobody reads
    uint64_t lines = file->batch.lines_left();
    for (const std::string& block : file->queue) lines += count_lines(block);
    dropped.fetch_add(lines, std::memory_order_relaxed);
  }
  ended = true;
  settled_some.notify_all();
}

// Waits for `done` as long as something moves.
template <class Done>
bool AccessLogWriter::Impl::wait_while_moving(std::unique_lock<std::mutex>& lock, Done done) {
  for (int i = 0; i < kMostPatience; ++i) {
    const uint64_t before = moved.load(std::memory_order_relaxed);
    if (settled_some.wait_for(lock, patience, done)) return true;
    if (moved.load(std::memory_order_relaxed) == before) return false;
  }
  return false;
}

Status<> AccessLogWriter::Impl::start(const std::shared_ptr<Impl>& self) {
  const std::lock_guard lock(self->mutex);
  if (self->thread.joinable()) return Void{};
  if (self->wake_fd.get() < 0) self->wake_fd = OwnedFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (self->wake_fd.get() < 0) return Unexpected{call_failed("eventfd()", errno)};
  Result<std::thread> thread = start_thread_without_signals([self] { self->run(); });
  if (!thread) return Unexpected{"access logs: " + thread.error()};
  self->thread = std::move(*thread);
  return Void{};
}

AccessLogWriter::AccessLogWriter(Millis patience) : impl_(std::make_shared<Impl>(patience)) {}

AccessLogWriter::~AccessLogWriter() {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->thread.joinable()) return;
  const auto ended = [this] { return impl_->ended; };
  impl_->stopping = true;
  impl_->wake();
  bool over = impl_->wait_while_moving(lock, ended);
  if (!over) {
    impl_->abandoned = true;
    impl_->wake();
    over = impl_->settled_some.wait_for(lock, impl_->patience, ended);
  }
  lock.unlock();
  if (over)
    impl_->thread.join();
  else
    impl_->thread.detach();  // inside a write() that may never return; it holds its own share of impl_
}

struct LogFile::Use {
  Use(const std::shared_ptr<AccessLogWriter::Impl>& of, int file) : impl(of), id(file) {}
  ~Use() {
    const std::shared_ptr<AccessLogWriter::Impl> writer = impl.lock();
    if (writer == nullptr) return;
    const std::lock_guard lock(writer->mutex);
    if (--writer->files[static_cast<size_t>(id)]->uses == 0) writer->wake();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  const std::weak_ptr<AccessLogWriter::Impl> impl;
  const int id;
};

LogFile::LogFile(std::shared_ptr<const Use> use) : use_(std::move(use)), id_(use_->id) {}

Result<LogFile> AccessLogWriter::open(const std::string& path) {
  if (Status<> started = Impl::start(impl_); !started) return Unexpected{std::move(started.error())};
  auto& files = impl_->files;
  const auto use = [&](auto found) {
    ++(*found)->uses;
    return static_cast<int>(found - files.begin());
  };
  const auto use_open = [&] {
    const std::lock_guard lock(impl_->mutex);
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const auto& file) { return file->output != nullptr && file->path == path; });
    return found == files.end() ? -1 : use(found);
  };
  int id = use_open();
  if (id < 0) {
    auto output = open_log_output(path);  // without the mutex: it may resolve a name
    if (!output) return Unexpected{std::move(output.error())};
    id = use_open();  // somebody else may have been quicker
    if (id < 0) {
      const std::lock_guard lock(impl_->mutex);
      const auto closed = std::find_if(files.begin(), files.end(),
                                       [](const auto& file) { return file->output == nullptr && file->uses == 0; });
      if (closed != files.end()) {
        (*closed)->path = path;
        (*closed)->output = std::move(*output);
        id = use(closed);
      } else {
        files.push_back(std::make_unique<Impl::File>(path, std::move(*output)));
        id = use(files.end() - 1);
      }
    }
  }
  return LogFile(std::make_shared<const LogFile::Use>(impl_, id));
}

Status<> AccessLogWriter::reopen() {
  Status<> status = Void{};
  size_t count = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    count = impl_->files.size();
  }
  for (size_t i = 0; i < count; ++i) {
    Impl::File* file = nullptr;
    std::string path;
    std::shared_ptr<LogOutput> current;
    {
      const std::lock_guard lock(impl_->mutex);
      file = impl_->files[i].get();
      if (file->uses == 0) continue;
      path = file->path;
      current = file->reopened != nullptr ? file->reopened : file->output;
    }
    if (current->is_same_file(path)) continue;  // without the mutex: a dead disk shall stop nobody
    auto output = open_log_output(path);
    if (!output) {
      if (status) status = Unexpected{std::move(output.error())};
      continue;
    }
    const std::lock_guard lock(impl_->mutex);
    if (file->uses == 0 || file->path != path) continue;  // given up meanwhile
    file->reopened = std::move(*output);
    impl_->wake();
  }
  return status;
}

bool AccessLogWriter::write(const LogFile& file, std::string block) {
  if (block.empty()) return true;
  const std::lock_guard lock(impl_->mutex);
  Impl::File& to = *impl_->files[static_cast<size_t>(file.id())];
  if (!to.queue.empty() && to.queue.back().capacity() - to.queue.back().size() >= block.size()) {
    // Small blocks of a slow hour share one: a stalled pipe must not make each of them hold a whole buffer.
    to.pushed += block.size();
    to.queue.back() += block;
    impl_->recycle(std::move(block));
    return true;
  }
  if (to.queued + block.capacity() > kMostQueued) {
    impl_->dropped.fetch_add(count_lines(block), std::memory_order_relaxed);
    impl_->recycle(std::move(block));
    return false;
  }
  to.pushed += block.size();
  to.queued += block.capacity();
  to.queue.push_back(std::move(block));
  impl_->wake();
  return true;
}

std::string AccessLogWriter::take_buffer(size_t capacity) {
  std::string buffer;
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->spares.empty()) {
      buffer = std::move(impl_->spares.back());
      impl_->spares.pop_back();
    }
  }
  buffer.reserve(capacity);
  return buffer;
}

void AccessLogWriter::flush() {
  std::unique_lock lock(impl_->mutex);
  std::vector<std::pair<Impl::File*, uint64_t>> goals;
  for (const auto& file : impl_->files) goals.emplace_back(file.get(), file->pushed);
  impl_->wait_while_moving(lock, [&] {
    return std::all_of(goals.begin(), goals.end(), [](const auto& goal) { return goal.first->settled >= goal.second; });
  });
}

uint64_t AccessLogWriter::dropped_lines() const {
  return impl_->dropped.load(std::memory_order_relaxed);
}

}  // namespace weir::observe
