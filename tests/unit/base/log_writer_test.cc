// The queue between callers and the logger thread, with a sink that does what the test says.
#include "base/log_writer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "unit/no_threads.h"

namespace weir {
namespace {

constexpr Millis kLong{60'000};

// Holds the logger thread inside write() until opened; then takes what comes.
class GateSink final : public LogSink {
 public:
  explicit GateSink(bool open) : LogSink(LogLevel::kDebug), open_(open) {}
  bool write(LogLevel, std::string_view line) override {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    lines_.emplace_back(line);
    return takes_;
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return entered_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void set_takes(bool takes) {
    const std::lock_guard lock(mutex_);
    takes_ = takes;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_;
  bool entered_ = false;
  bool takes_ = true;
  std::vector<std::string> lines_;
};

LogLine line(std::string text) {
  return {LogLevel::kError, 0, 1, std::move(text)};
}

TEST(LogWriter, want_of_a_thread_is_an_error) {
  const auto sink = std::make_shared<GateSink>(true);
  LogWriter writer;
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    const Status<> started = writer.start({sink});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().rfind("error log: no thread: ", 0), 0U) << started.error();
  }
  EXPECT_EQ(writer.push(line("lost")), LogWriter::Push::kStopped);
  ASSERT_TRUE(writer.start({sink}));
  EXPECT_EQ(writer.push(line("one")), LogWriter::Push::kTaken);
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_EQ(sink->lines().size(), 1U);
}

TEST(LogWriter, writes_in_order) {
  auto sink = std::make_shared<GateSink>(true);
  LogWriter writer;
  ASSERT_TRUE(writer.start({sink}));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(writer.push(line("n" + std::to_string(i))), LogWriter::Push::kTaken);
  ASSERT_TRUE(writer.flush(kLong));
  const auto lines = sink->lines();
  ASSERT_EQ(lines.size(), 1000U);
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_TRUE(lines[i].ends_with(": n" + std::to_string(i) + "\n"));
}

TEST(LogWriter, a_hung_sink_makes_callers_drop_instead_of_wait) {
  auto sink = std::make_shared<GateSink>(false);
  LogWriter writer;
  ASSERT_TRUE(writer.start({sink}));
  writer.push(line("first"));
  sink->wait_until_entered();
  for (size_t i = 0; i < LogWriter::kMostLines; ++i) ASSERT_EQ(writer.push(line("x")), LogWriter::Push::kTaken);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(writer.push(line("too much")), LogWriter::Push::kDropped);
  EXPECT_EQ(writer.dropped(), 10U);
  EXPECT_FALSE(writer.flush(Millis(0)));
  sink->open();
  ASSERT_TRUE(writer.flush(kLong));
  writer.push(line("last"));
  ASSERT_TRUE(writer.flush(kLong));
  const auto lines = sink->lines();
  int notes = 0;
  for (const auto& text : lines)
    if (text.find("[alert] ") != std::string::npos && text.ends_with(": 10 log lines were lost\n")) ++notes;
  EXPECT_EQ(notes, 1);
  EXPECT_EQ(lines.size(), LogWriter::kMostLines + 3);  // first, the queue, the note, last
}

TEST(LogWriter, the_queue_is_bounded_in_bytes_too) {
  auto sink = std::make_shared<GateSink>(false);
  LogWriter writer;
  ASSERT_TRUE(writer.start({sink}));
  writer.push(line("first"));
  sink->wait_until_entered();
  size_t taken = 0;
  while (taken < LogWriter::kMostLines && writer.push(line(std::string(5000, 'x'))) == LogWriter::Push::kTaken) ++taken;
  EXPECT_LT(taken, LogWriter::kMostLines);
  EXPECT_GT(taken, 1000U);
  sink->open();
}

TEST(LogWriter, line_lost_by_a_single_sink_counts_once) {
  auto good = std::make_shared<GateSink>(true);
  auto full = std::make_shared<GateSink>(true);
  auto also_full = std::make_shared<GateSink>(true);
  full->set_takes(false);
  also_full->set_takes(false);
  LogWriter writer;
  ASSERT_TRUE(writer.start({full, good, also_full}));
  writer.push(line("x"));
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_EQ(writer.dropped(), 1U);
  EXPECT_EQ(good->lines().size(), 1U);
}

TEST(LogWriter, replaced_sinks_are_closed_when_flush_returns) {
  auto first = std::make_shared<GateSink>(true);
  const std::weak_ptr<GateSink> watch = first;
  auto second = std::make_shared<GateSink>(true);
  LogWriter writer;
  ASSERT_TRUE(writer.start({std::move(first)}));
  writer.push(line("a"));
  writer.replace({second});
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_TRUE(watch.expired());
  writer.push(line("b"));
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_TRUE(second->lines().back().ends_with(": b\n"));
}

TEST(LogWriter, stop_writes_the_queue_and_refuses_more) {
  auto sink = std::make_shared<GateSink>(true);
  LogWriter writer;
  ASSERT_TRUE(writer.start({sink}));
  for (int i = 0; i < 100; ++i) writer.push(line("x"));
  writer.stop(kLong);
  EXPECT_EQ(sink->lines().size(), 100U);
  EXPECT_EQ(writer.push(line("late")), LogWriter::Push::kStopped);
  EXPECT_TRUE(writer.flush(kLong));
}

TEST(LogWriter, accepted_lines_of_many_threads_are_written) {
  auto sink = std::make_shared<GateSink>(true);
  LogWriter writer;
  ASSERT_TRUE(writer.start({sink}));
  std::vector<std::thread> threads;
  std::atomic<size_t> taken{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) taken += writer.push(line("x")) == LogWriter::Push::kTaken ? 1U : 0U;
    });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(writer.flush(kLong));
  size_t lines = 0;
  for (const auto& text : sink->lines()) lines += text.ends_with(": x\n") ? 1U : 0U;
  EXPECT_EQ(lines, taken.load());
  EXPECT_EQ(taken + writer.dropped(), 8000U);
}

}  // namespace
}  // namespace weir
