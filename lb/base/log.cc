#include "base/log.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include "base/log_mute.h"
#include "base/log_sink.h"
#include "base/log_tail.h"
#include "base/log_writer.h"

namespace weir {
namespace {

constexpr LogLevel kBeforeConfigure = LogLevel::kNotice;
constexpr int kSilent = static_cast<int>(LogLevel::kEmerg) + 1;
constexpr Millis kFlushMost{2000};  // a hung disk must not hang the control thread, nor the exit

// The least level that any target wants.
std::atomic<int> threshold{static_cast<int>(kBeforeConfigure)};
// The direct way to stderr: before configure() and after the exit handler has run.
std::atomic<bool> direct{true};
std::atomic<uint64_t> direct_lost{0};

// Never destroyed: other threads may still log while the process exits.
LogWriter& writer() {
  static LogWriter* const instance = std::make_unique<LogWriter>().release();
  return *instance;
}

thread_local int mutes = 0;

// What the sinks were opened from, in their order. Control thread only.
std::vector<LogTarget>& current_targets() {
  static auto* const instance = std::make_unique<std::vector<LogTarget>>().release();
  return *instance;
}

int thread_id() {
  thread_local const int id = static_cast<int>(syscall(SYS_gettid));
  return id;
}

void write_direct(const LogLine& line) {
  static std::mutex* const mutex = std::make_unique<std::mutex>().release();
  static LogFormatter* const formatter = std::make_unique<LogFormatter>().release();
  const std::lock_guard lock(*mutex);
  const std::string_view text = formatter->format(line);
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) direct_lost.fetch_add(1, std::memory_order_relaxed);
}

void at_exit() {
  writer().stop(kFlushMost);
  direct.store(true, std::memory_order_release);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"};
  return kNames[static_cast<size_t>(level)];
}

namespace log {

Status<> configure(const std::vector<LogTarget>& targets) {
  LogWriter::Sinks sinks;
  int least = kSilent;
  for (const LogTarget& target : targets) {
    auto sink = open_log_sink(target);
    if (!sink) return Unexpected{std::move(sink.error())};
    sinks.push_back(std::move(*sink));
    least = std::min(least, static_cast<int>(target.level));
  }
  static bool started = false;
  if (started) {
    writer().replace(std::move(sinks));
  } else {
    if (Status<> running = writer().start(std::move(sinks)); !running) return running;
    started = true;
    std::atexit(at_exit);
    direct.store(false, std::memory_order_release);
  }
  current_targets() = targets;
  threshold.store(least, std::memory_order_relaxed);
  writer().flush(kFlushMost);
  return Void{};
}

Status<> reopen() {
  LogWriter::Sinks sinks = writer().sinks();
  std::string errors;
  for (size_t i = 0; i < sinks.size(); ++i) {
    auto sink = open_log_sink(current_targets()[i]);
    if (sink) {
      sinks[i] = std::move(*sink);
    } else {
      errors += (errors.empty() ? "" : "; ") + sink.error();
    }
  }
  writer().replace(std::move(sinks));
  writer().flush(kFlushMost);  // afterwards a rotated file is written no more
  if (!errors.empty()) return Unexpected{std::move(errors)};
  return Void{};
}

void flush() {
  writer().flush(kFlushMost);
}

bool enabled(LogLevel level) {
  return static_cast<int>(level) >= threshold.load(std::memory_order_relaxed) && mutes == 0;
}

void write(LogLevel level, std::string_view text) {
  if (!enabled(level)) return;
  const int64_t now = wall_us();
  log_tail::note(level, now, text);
  LogLine line{level, now, thread_id(), std::string(text.substr(0, LogFormatter::kLongestText + 1))};
  if (direct.load(std::memory_order_acquire)) return write_direct(line);
  if (writer().push(line) == LogWriter::Push::kStopped) write_direct(line);
}

Mute::Mute() {
  ++mutes;
}

Mute::~Mute() {
  --mutes;
}

uint64_t dropped() {
  return writer().dropped() + direct_lost.load(std::memory_order_relaxed);
}

}  // namespace log

bool LogLimit::pass(MonoMs now) {
  MonoMs next = next_.load(std::memory_order_relaxed);
  if (now >= next && next_.compare_exchange_strong(next, now + kWindow, std::memory_order_relaxed)) return true;
  dropped_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

std::string LogLimit::dropped() {
  const uint64_t count = dropped_.exchange(0, std::memory_order_relaxed);
  if (count == 0) return {};
  return " (" + std::to_string(count) + (count == 1 ? " such line dropped)" : " such lines dropped)");
}

}  // namespace weir
