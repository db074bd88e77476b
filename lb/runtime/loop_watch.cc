// Beats out, answers in.
#include "runtime/loop_watch.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/stack.h"
#include "base/start_thread.h"
#include "io/loop.h"

namespace weir::runtime {
namespace {

constexpr size_t kFramesShown = 24;

std::string seconds(MonoMs ms) {
  return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
}

}  // namespace

struct LoopWatch::Guard::Watched {
  Watched(std::string called, io::Loop& of) : name(std::move(called)), loop(of) {}
  const std::string name;
  io::Loop& loop;
  const pid_t thread = static_cast<pid_t>(::syscall(SYS_gettid));
  // The last beat sent, and the last one taken, on the loop's thread.
  uint64_t sent = 0;
  std::atomic<uint64_t> taken{0};
  MonoMs sent_at = 0;
  bool stalled = false;  // and logged
  Histogram lag;         // written on the loop's thread
};

LoopWatch::Guard::~Guard() {
  if (loop_ == nullptr) return;
  const std::lock_guard lock(watch_.mutex_);
  std::erase(watch_.loops_, loop_);
}

LoopWatch::LoopWatch(LoopWatchOptions options) : options_(std::move(options)) {}

LoopWatch::~LoopWatch() {
  stop();
}

Status<> LoopWatch::start() {
  stack::prepare();
  Result<std::thread> thread = start_thread([this] { run(); });
  if (!thread) return Unexpected{"watch of the loops: " + thread.error()};
  thread_ = std::move(*thread);
  return Void{};
}

void LoopWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

LoopWatch::Guard LoopWatch::watch(std::string name, io::Loop& loop) {
  auto watched = std::make_shared<Watched>(std::move(name), loop);
  const std::lock_guard lock(mutex_);
  loops_.push_back(watched);
  return Guard(*this, std::move(watched));
}

void LoopWatch::run() {
  ::pthread_setname_np(::pthread_self(), "weir-watch");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    beat();
    stopping_.wait_for(lock, options_.beat, [this] { return stopped_; });
  }
}

void LoopWatch::beat() {
  const MonoMs now = monotonic_ms();
  // Stopped and continued, or a machine that did not run: nobody could answer meanwhile.
  const bool slept = last_beat_ != 0 && now - last_beat_ > options_.beat.count() + options_.stalled.count() / 2;
  last_beat_ = now;
  bool all = true;
  for (const auto& loop : loops_) {
    if (slept) loop->sent_at = now;
    all = look_at(loop, now) && all;
  }
  if (all && options_.all_turned) options_.all_turned();
}

// Whether it has taken the last beat. If so, the next one is on its way.
bool LoopWatch::look_at(const std::shared_ptr<Watched>& watched, MonoMs now) {
  Watched& loop = *watched;
  if (loop.taken.load(std::memory_order_acquire) != loop.sent) {
    if (!loop.stalled && now - loop.sent_at >= options_.stalled.count()) {
      loop.stalled = true;
      stalls_.fetch_add(1, std::memory_order_relaxed);
      tell_of_stall(loop, now);
    }
    return false;
  }
  if (loop.stalled)
    log::warn("loop of ", loop.name, ": turns again (it did not for ", seconds(now - loop.sent_at), ")");
  loop.stalled = false;
  loop.sent_at = now;
  loop.loop.post([of = watched, beat = ++loop.sent, at = monotonic_us()] {
    of->lag.add(monotonic_us() - at);
    of->taken.store(beat, std::memory_order_release);
  });
  return true;
}

std::vector<LoopWatch::Lag> LoopWatch::lags() const {
  const std::lock_guard lock(mutex_);
  std::vector<Lag> all;
  for (const auto& loop : loops_) {
    auto lag = std::find_if(all.begin(), all.end(), [&](const Lag& each) { return each.loop == loop->name; });
    if (lag == all.end()) lag = all.insert(all.end(), Lag{loop->name, {}});
    lag->sum.add(loop->lag);
  }
  return all;
}

void LoopWatch::tell_of_stall(const Watched& loop, MonoMs now) {
  const auto frames = stack::of_thread(loop.thread, options_.stack);
  std::string text;
  if (!frames) text = "no stack: " + frames.error();
  for (size_t i = 0; frames && i < std::min(frames->size(), kFramesShown); ++i)
    text += (i == 0 ? "stack: " : " < ") + (*frames)[i];
  log::error("loop of ", loop.name, ": stalled (it has not turned for ", seconds(now - loop.sent_at), "), ", text);
}

}  // namespace weir::runtime
