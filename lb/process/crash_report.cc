// Nothing here that runs in the handler allocates, locks or waits: what it says is put together in a buffer of its own.
#include "process/crash_report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>

#include "base/log_tail.h"
#include "base/stack.h"

namespace weir::process {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // g++'s words
constexpr bool kSanitized = true;
#elif defined(__has_feature)  // clang's
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

constexpr size_t kSignalStackBytes = 64 * 1024;
constexpr size_t kPageBytes = 16 * 1024;

struct Crash {
  int number;
  std::string_view name;
};
constexpr Crash kCrashes[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
                              {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"}, {SIGSYS, "SIGSYS"}};

// Two places, so that one is whole while the other is written.
std::array<std::array<char, 1024>, 2> paths{};
std::atomic<size_t> path_in_use{0};
std::atomic_flag is_reporting;

// Text of a bounded length.
class Page {
 public:
  Page& put(std::string_view text) {
    const size_t n = std::min(text.size(), bytes_.size() - size_);
    std::memcpy(bytes_.data() + size_, text.data(), n);
    size_ += n;
    return *this;
  }
  Page& number(uint64_t value, unsigned base = 10, size_t width = 1) {
    std::array<char, 24> digits{};
    size_t n = 0;
    for (; value != 0 || n < width; value /= base) digits[n++] = "0123456789abcdef"[value % base];
    std::reverse(digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(n));
    return put({digits.data(), n});
  }
  Page& frame(const void* address) {
    size_ += stack::describe(address, {bytes_.data() + size_, bytes_.size() - size_});
    return *this;
  }
  void write_to(int fd) const {
    for (size_t done = 0; done < size_;) {
      const ssize_t n = ::write(fd, bytes_.data() + done, size_ - done);
      if (n <= 0) return;
      done += static_cast<size_t>(n);
    }
  }

 private:
  std::array<char, kPageBytes> bytes_{};
  size_t size_ = 0;
};
constinit Page page;  // too large for a signal stack

// "2026-11-28T12:00:00Z", without the C library's time zones (days since 1970 to a date as in H. Hinnant's "chrono-
// Compatible Low-Level Date Algorithms").
void put_time(int64_t seconds) {
  const auto days = static_cast<uint64_t>(seconds / 86'400) + 719'468, rest = static_cast<uint64_t>(seconds % 86'400);
  const uint64_t era = days / 146'097, of_era = days % 146'097;
  const uint64_t years = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const uint64_t day_of_year = of_era - (365 * years + years / 4 - years / 100);
  const uint64_t shifted = (5 * day_of_year + 2) / 153;
  const uint64_t day = day_of_year - (153 * shifted + 2) / 5 + 1, month = shifted < 10 ? shifted + 3 : shifted - 9;
  page.number(years + era * 400 + (month <= 2 ? 1 : 0)).put("-").number(month, 10, 2).put("-").number(day, 10, 2);
  page.put("T").number(rest / 3600, 10, 2).put(":").number(rest / 60 % 60, 10, 2);
  page.put(":").number(rest % 60, 10, 2).put("Z");
}

void put_signal(const siginfo_t& info) {
  const auto* const known = std::find_if(std::begin(kCrashes), std::end(kCrashes),
                                         [&](const Crash& each) { return each.number == info.si_signo; });
  page.put(known != std::end(kCrashes) ? known->name : "signal");
  if (info.si_code <= 0) {  // not by the kernel for what the thread did
    page.put(" (sent by process ").number(static_cast<uint64_t>(info.si_pid)).put(")");
  } else if (info.si_signo == SIGSYS) {
    page.put(" (system call ").number(static_cast<uint64_t>(info.si_syscall)).put(" is not allowed)");
  } else if (info.si_signo != SIGABRT) {
    page.put(" (address 0x").number(reinterpret_cast<uintptr_t>(info.si_addr), 16).put(")");
  }
}

void put_stack() {
  std::array<void*, stack::kMostFrames> frames;
  const int count = stack::of_caller(frames);
  page.put("stack (addr2line -Cfie /usr/sbin/weir 0x... names the functions");
  if (!stack::build_id().empty()) page.put("; build id ").put(stack::build_id());
  page.put("):\n");
  for (int i = 0; i < count; ++i) page.put("  ").frame(frames[static_cast<size_t>(i)]).put("\n");
}

void put_log(int64_t now_us) {
  std::array<log_tail::Line, log_tail::kLines> lines;
  const size_t count = log_tail::read(lines);
  page.put("last lines of the error log:\n");
  for (size_t i = 0; i < count; ++i) {
    const auto ago_ms = static_cast<uint64_t>(std::max<int64_t>(now_us - lines[i].wall_us, 0) / 1000);
    page.put("  ").number(ago_ms / 1000).put(".").number(ago_ms % 1000, 10, 3).put(" s before [");
    page.put(to_string(lines[i].level)).put("] ").put(lines[i].text).put("\n");
  }
}

void report(int number, siginfo_t* info, void*) {
  if (is_reporting.test_and_set()) {  // another thread's crash, or one in here
    ::pause();
    return;
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::array<char, 17> thread{};
  ::prctl(PR_GET_NAME, thread.data());
  page.put("weir " WEIR_VERSION " crashed at ");
  put_time(now.tv_sec);
  page.put(": ");
  put_signal(*info);
  page.put(" in thread ").put(thread.data()).put(" of process ").number(static_cast<uint64_t>(::getpid())).put("\n");
  put_stack();
  put_log(int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
  page.write_to(STDERR_FILENO);
  const char* const path = paths[path_in_use.load(std::memory_order_acquire)].data();
  const int fd = *path != '\0' ? ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640) : -1;
  if (fd >= 0) page.write_to(fd);
  ::signal(number, SIG_DFL);
  ::raise(number);  // when this handler returns; the kernel's own signals come again by themselves
}

}  // namespace

std::string crash_report_path(const std::vector<LogTarget>& logs) {
  for (const LogTarget& log : logs)
    if (!log.target.empty() && log.target != "stderr" && !log.target.starts_with("syslog:") &&
        !log.target.starts_with("/dev/"))
      return log.target + ".crash";
  return {};
}

void move_crash_report(const std::string& path) {
  const size_t free = 1 - path_in_use.load(std::memory_order_relaxed);
  std::array<char, 1024>& to = paths[free];
  to.fill('\0');
  if (path.size() < to.size()) path.copy(to.data(), path.size());
  path_in_use.store(free, std::memory_order_release);
}

void install_crash_report() {
  stack::prepare();
  if (kSanitized) return;
  for (const Crash& each : kCrashes) {
    struct sigaction action {};
    action.sa_sigaction = report;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigfillset(&action.sa_mask);  // a crash in here ends the process at once
    ::sigaction(each.number, &action, nullptr);
  }
}

SignalStack::SignalStack()
    : memory_(kSanitized
                  ? MAP_FAILED
                  : ::mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory_;
  stack.ss_size = kSignalStackBytes;
  ::sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  if (memory_ == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_flags = SS_DISABLE;
  ::sigaltstack(&stack, nullptr);
  ::munmap(memory_, kSignalStackBytes);
}

}  // namespace weir::process
