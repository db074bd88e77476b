#include "io/pool.h"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "io/off_loop.h"

namespace weir::io {
namespace {

constexpr size_t kPoolStack = 8 * 1024 * 1024;  // as libuv's
constexpr int kMostThreads = 1024;              // likewise
constexpr const char* kSizeName = "UV_THREADPOOL_SIZE";

// What a probe waits for.
struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool is_open = false;
};

void* wait_at(void* gate) {
  Gate& at = *static_cast<Gate*>(gate);
  std::unique_lock lock(at.mutex);
  at.opened.wait(lock, [&at] { return at.is_open; });
  return nullptr;
}

// Of this process; -1: not known.
ptrdiff_t count_threads() {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/self/task", error);
  return error ? -1 : std::distance(begin(tasks), end(tasks));
}

// The kernel counts a thread for a moment after it has been joined.
void wait_until_gone(ptrdiff_t before) {
  for (int i = 0; i < 1000 && count_threads() > before; ++i) ::poll(nullptr, 0, 1);
}

// Up to `most` threads that there are at once.
int count_given(int most) {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return 0;
  size_t stack = 0;
  ::pthread_attr_getstacksize(&attributes, &stack);
  ::pthread_attr_setstacksize(&attributes, std::max(stack, kPoolStack));
  const ptrdiff_t before = count_threads();
  Gate gate;
  std::vector<pthread_t> made;
  pthread_t one{};
  while (static_cast<int>(made.size()) < most && ::pthread_create(&one, &attributes, wait_at, &gate) == 0)
    made.push_back(one);
  ::pthread_attr_destroy(&attributes);
  {
    const std::lock_guard lock(gate.mutex);
    gate.is_open = true;
  }
  gate.opened.notify_all();
  for (const pthread_t each : made) ::pthread_join(each, nullptr);
  wait_until_gone(before);
  return static_cast<int>(made.size());
}

struct Nothing final : OffLoop::Work {
  void run() override {}
};

struct Waiting final : OffLoop::Handler {
  void on_work_done(std::unique_ptr<OffLoop::Work>) override { done = true; }
  bool done = false;
};

}  // namespace

int pool_size(int wanted, int spare, int given) {
  return given <= 0 ? 0 : std::clamp(given - spare, 1, wanted);
}

Result<Pool> start_pool(int wanted, int spare) {
  const char* const found = std::getenv(kSizeName);
  const std::optional<std::string> written = found == nullptr ? std::nullopt : std::optional<std::string>(found);
  if (written) wanted = std::clamp(std::atoi(written->c_str()), 1, kMostThreads);
  const int threads = pool_size(wanted, spare, count_given(wanted + spare));
  if (threads == 0) return Unexpected{std::string("no thread for files")};
  Result<std::unique_ptr<Loop>> loop = Loop::make();
  if (!loop) return Unexpected{std::move(loop.error())};
  ::setenv(kSizeName, std::to_string(threads).c_str(), 1);
  Waiting waiting;
  OffLoop first(**loop, waiting);
  first.start(std::make_unique<Nothing>());
  while (!waiting.done) (*loop)->turn(true);
  // A weir that takes this one's place inherits the environment, and may have more.
  written ? ::setenv(kSizeName, written->c_str(), 1) : ::unsetenv(kSizeName);
  return Pool{wanted, threads};
}

}  // namespace weir::io
