// The logger thread behind its bounded queue: callers never wait for a disk, a pipe's reader or a syslog server.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_sink.h"
#include "base/result.h"

namespace weir {

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  int64_t wall_us = 0;
  int tid = 0;
  std::string text;
};

// Turns a line into "2026/01/02 03:04:05 [warn] PID#TID: TEXT\n" with TEXT escaped and cut to kLongestText. Not
// thread-safe.
class LogFormatter {
 public:
  static constexpr size_t kLongestText = 2048;  // as nginx; with its prefix a line stays below PIPE_BUF
  LogFormatter();
  ~LogFormatter();
  // The view lives until the next call.
  std::string_view format(const LogLine& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class LogWriter {
 public:
  using Sinks = std::vector<std::shared_ptr<LogSink>>;
  static constexpr size_t kMostLines = 8192;
  static constexpr size_t kMostBytes = 4 * 1024 * 1024;

  LogWriter() = default;
  ~LogWriter() { stop(Millis(INT32_MAX)); }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // The error: the system gives no thread; it may be tried again.
  [[nodiscard]] Status<> start(Sinks sinks);
  // Lines pushed from here on go to the new sinks; the old ones are closed when the lines in hand are written.
  void replace(Sinks sinks);
  Sinks sinks() const;
  enum class Push : uint8_t { kTaken, kDropped /* the queue is full; counted */, kStopped };
  Push push(LogLine line);
  // Waits until every line pushed before has been written or lost; false after `most`.
  bool flush(Millis most);
  // Writes what is queued, then ends the thread. After `most` the thread is left to itself: this object must then
  // outlive it.
  void stop(Millis most);
  // Lines that did not reach every sink that wanted them.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  void write_batch(const std::vector<LogLine>& batch, const Sinks& sinks);
  bool write_one(const LogLine& line, const Sinks& sinks);

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::vector<LogLine> pending_;
  size_t pending_bytes_ = 0;
  uint64_t pushed_ = 0;
  uint64_t finished_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  Sinks sinks_;
  std::atomic<uint64_t> dropped_{0};
  std::thread thread_;
  // The thread's own.
  uint64_t reported_ = 0;
  LogFormatter formatter_;
};

}  // namespace weir
