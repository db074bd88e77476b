#include "base/log_writer.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/start_thread.h"

namespace weir {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    if (out.size() >= LogFormatter::kLongestText) {
      out += "...";
      return;
    }
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
      continue;
    }
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

struct LogFormatter::Impl {
  // nginx's level names do not map onto spdlog's, so the name of the "logger" is the level's.
  spdlog::pattern_formatter pattern{"%Y/%m/%d %H:%M:%S [%n] %P#%t: %v", spdlog::pattern_time_type::local, "\n"};
  spdlog::memory_buf_t line;
  std::string text;
};

LogFormatter::LogFormatter() : impl_(std::make_unique<Impl>()) {}
LogFormatter::~LogFormatter() = default;

std::string_view LogFormatter::format(const LogLine& line) {
  impl_->text.clear();
  impl_->line.clear();
  append_escaped(impl_->text, line.text);
  const std::string_view level = to_string(line.level);
  const spdlog::log_clock::time_point at{
      std::chrono::duration_cast<spdlog::log_clock::duration>(std::chrono::microseconds(line.wall_us))};
  spdlog::details::log_msg message(at, spdlog::source_loc{}, {level.data(), level.size()}, spdlog::level::info,
                                   {impl_->text.data(), impl_->text.size()});
  message.thread_id = static_cast<size_t>(line.tid);
  impl_->pattern.format(message, impl_->line);
  return {impl_->line.data(), impl_->line.size()};
}

Status<> LogWriter::start(Sinks sinks) {
  const std::lock_guard lock(mutex_);
  Result<std::thread> thread = start_thread_without_signals([this] { run(); });
  if (!thread) return Unexpected{"error log: " + thread.error()};
  thread_ = std::move(*thread);
  sinks_ = std::move(sinks);
  running_ = true;
  return Void{};
}

void LogWriter::replace(Sinks sinks) {
  const std::lock_guard lock(mutex_);
  sinks_.swap(sinks);
}

LogWriter::Sinks LogWriter::sinks() const {
  const std::lock_guard lock(mutex_);
  return sinks_;
}

LogWriter::Push LogWriter::push(LogLine line) {
  if (line.text.size() > LogFormatter::kLongestText + 1) line.text.resize(LogFormatter::kLongestText + 1);
  const std::unique_lock lock(mutex_);
  if (!running_ || stopping_) return Push::kStopped;
  if (pending_.size() >= kMostLines || pending_bytes_ + line.text.size() > kMostBytes) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return Push::kDropped;
  }
  pending_bytes_ += line.text.size();
  pending_.push_back(std::move(line));
  ++pushed_;
  if (pending_.size() == 1) work_.notify_one();
  return Push::kTaken;
}

bool LogWriter::flush(Millis most) {
  std::unique_lock lock(mutex_);
  const uint64_t until = pushed_;
  return done_.wait_for(lock, most, [&] { return finished_ >= until || !running_; }) && finished_ >= until;
}

void LogWriter::stop(Millis most) {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) return;
  stopping_ = true;
  work_.notify_one();
  const bool ended = done_.wait_for(lock, most, [this] { return !running_; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LogWriter::run() {
  std::vector<LogLine> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (pending_.empty()) break;
    batch.swap(pending_);
    pending_bytes_ = 0;
    Sinks sinks = sinks_;
    lock.unlock();
    write_batch(batch, sinks);
    const uint64_t written = batch.size();
    batch.clear();
    if (batch.capacity() > 256) batch.shrink_to_fit();
    sinks.clear();  // what was replaced meanwhile is closed before anybody is told that we are done
    lock.lock();
    finished_ += written;
    done_.notify_all();
  }
  running_ = false;
  done_.notify_all();
}

void LogWriter::write_batch(const std::vector<LogLine>& batch, const Sinks& sinks) {
  bool well = true;
  for (const LogLine& line : batch) {
    well = write_one(line, sinks);
    if (!well) dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  const uint64_t lost = dropped() - reported_;
  if (lost == 0 || !well) return;
  // Lines flow again: say what is missing above.
  const LogLine note{LogLevel::kAlert, wall_us(), batch.back().tid, std::to_string(lost) + " log lines were lost"};
  if (write_one(note, sinks)) reported_ += lost;
}

bool LogWriter::write_one(const LogLine& line, const Sinks& sinks) {
  const std::string_view text = formatter_.format(line);
  bool well = true;
  for (const auto& sink : sinks)
    if (line.level >= sink->level()) well = sink->write(line.level, text) && well;
  return well;
}

}  // namespace weir
