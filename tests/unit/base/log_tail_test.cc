// The last lines of the log, in memory.
#include "base/log_tail.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace weir::log_tail {
namespace {

std::vector<std::string> texts() {
  std::array<Line, kLines> lines;
  std::vector<std::string> out;
  const size_t count = read(lines);
  for (size_t i = 0; i < count; ++i) out.emplace_back(lines[i].text);
  return out;
}

TEST(LogTail, newest_lines_stay_in_order) {
  for (size_t i = 0; i < 3 * kLines; ++i) note(LogLevel::kWarn, static_cast<int64_t>(i), "line " + std::to_string(i));
  const std::vector<std::string> lines = texts();
  ASSERT_EQ(lines.size(), kLines);
  for (size_t i = 0; i < kLines; ++i) EXPECT_EQ(lines[i], "line " + std::to_string(2 * kLines + i));
  std::array<Line, 2> two;
  ASSERT_EQ(read(two), 2U);
  EXPECT_EQ(two[1].text, lines.back());
  EXPECT_EQ(two[1].level, LogLevel::kWarn);
  EXPECT_EQ(two[1].wall_us, static_cast<int64_t>(3 * kLines - 1));
}

TEST(LogTail, long_line_is_cut) {
  note(LogLevel::kInfo, 0, std::string(2 * kLongest, 'x'));
  EXPECT_EQ(texts().back(), std::string(kLongest, 'x'));
}

TEST(LogTail, lines_of_many_threads_are_whole) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 2000; ++i) note(LogLevel::kInfo, i, std::string(100, static_cast<char>('a' + t)));
    });
  for (int i = 0; i < 200; ++i) (void)texts().size();
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts()) EXPECT_EQ(text.find_first_not_of(text.front()), std::string::npos);
}

}  // namespace
}  // namespace weir::log_tail
