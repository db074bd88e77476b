// The log thread: files, reopening, pipes that nobody reads, full disks, many threads.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "observe/access_log.h"
#include "unit/few_descriptors.h"
#include "unit/no_threads.h"
#include "unit/route/fake_source.h"

namespace weir::observe {
namespace {

using route::FakeSource;
using route::Template;
using route::Var;

constexpr Millis kPatience{60'000};  // the thread may be kept from running; nothing else stalls it

std::string lines(const std::string& line, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += line + "\n";
  return out;
}

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    std::string pattern = testing::TempDir() + "weir-log-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~LogWriterTest() override {
    for (const std::string& path : made_) unlink(path.c_str());
    rmdir(folder_.c_str());
  }
  LogWriterTest(const LogWriterTest&) = delete;
  LogWriterTest& operator=(const LogWriterTest&) = delete;

  std::string path(const std::string& name) {
    made_.push_back(folder_ + "/" + name);
    return made_.back();
  }
  std::string fifo(const std::string& name) {
    const std::string at = path(name);
    EXPECT_EQ(mkfifo(at.c_str(), 0600), 0);
    return at;
  }
  static std::string content(const std::string& at) {
    std::ifstream file(at, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static LogFile opened(AccessLogWriter& writer, const std::string& at) {
    const auto file = writer.open(at);
    EXPECT_TRUE(file) << (file ? "" : file.error());
    return file ? *file : LogFile();
  }
  static std::shared_ptr<const LogFormat> format(std::string_view text) {
    auto compiled = LogFormat::compile(LogEscape::kDefault, text, {});
    EXPECT_TRUE(compiled);
    return std::make_shared<const LogFormat>(std::move(*compiled));
  }

 private:
  std::string folder_;
  std::vector<std::string> made_;
};

TEST_F(LogWriterTest, writes_blocks_in_order) {
  const std::string at = path("access.log");
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, at);
  EXPECT_TRUE(writer.write(id, "one\n"));
  EXPECT_TRUE(writer.write(id, "two\nthree\n"));
  EXPECT_TRUE(writer.write(id, ""));
  writer.flush();
  EXPECT_EQ(content(at), "one\ntwo\nthree\n");
  EXPECT_EQ(writer.dropped_lines(), 0u);
}

TEST_F(LogWriterTest, want_of_a_thread_or_descriptor_is_an_error) {
  const std::string at = path("access.log");
  AccessLogWriter writer;
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    const auto file = writer.open(at);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().rfind("access logs: no thread: ", 0), 0u) << file.error();
    writer.flush();
  }
  const LogFile id = opened(writer, at);
  EXPECT_TRUE(writer.write(id, "one\n"));
  writer.flush();
  EXPECT_EQ(content(at), "one\n");

  AccessLogWriter another;
  const FewDescriptors none;
  EXPECT_FALSE(another.open(at));
}

TEST_F(LogWriterTest, appends_and_creates_files_for_its_owner) {
  const std::string at = path("access.log");
  {
    AccessLogWriter writer(kPatience);
    writer.write(opened(writer, at), "one\n");
  }
  AccessLogWriter writer(kPatience);
  writer.write(opened(writer, at), "two\n");
  writer.flush();
  EXPECT_EQ(content(at), "one\ntwo\n");
  struct stat info {};
  ASSERT_EQ(stat(at.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0137u, 0u);  // at most 0640, whatever the umask
}

TEST_F(LogWriterTest, destructor_writes_queued_blocks) {
  const std::string at = path("access.log");
  {
    AccessLogWriter writer(kPatience);
    const LogFile id = opened(writer, at);
    for (int i = 0; i < 100; ++i) writer.write(id, lines("line", 100));
  }
  EXPECT_EQ(content(at), lines("line", 10000));
}

TEST_F(LogWriterTest, equal_paths_share_a_file) {
  const std::string a = path("a.log");
  const std::string b = path("b.log");
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, a);
  EXPECT_NE(opened(writer, b), id);
  EXPECT_EQ(opened(writer, a), id);
}

// How many descriptors of this process stand for that path, whether the file is still there or not.
size_t descriptors_of(const std::string& path) {
  size_t count = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string to = std::filesystem::read_symlink(each.path(), gone).string();
    if (to == path || to == path + " (deleted)") ++count;
  }
  return count;
}

testing::AssertionResult closes(const std::string& path) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (descriptors_of(path) != 0)
    if (std::chrono::steady_clock::now() > end) return testing::AssertionFailure() << path << " stays open";
  return testing::AssertionSuccess();
}

TEST_F(LogWriterTest, file_is_closed_when_its_last_user_goes) {
  const std::string at = path("access.log");
  AccessLogWriter writer(kPatience);
  std::optional<LogFile> file = opened(writer, at);
  std::optional<LogFile> copy = file;
  writer.write(*file, "one\n");
  file.reset();
  writer.flush();
  EXPECT_EQ(descriptors_of(at), 1u);
  writer.write(*copy, "two\n");
  copy.reset();
  EXPECT_TRUE(closes(at));
  EXPECT_EQ(content(at), "one\ntwo\n");
}

TEST_F(LogWriterTest, reopen_does_not_create_a_file_out_of_use) {
  const std::string at = path("access.log");
  const std::string other = path("other.log");
  AccessLogWriter writer(kPatience);
  opened(writer, at);  // and given up
  const LogFile kept = opened(writer, other);
  EXPECT_TRUE(closes(at));
  unlink(at.c_str());
  unlink(other.c_str());
  EXPECT_TRUE(writer.reopen());
  EXPECT_NE(access(at.c_str(), F_OK), 0);
  EXPECT_EQ(access(other.c_str(), F_OK), 0);
}

TEST_F(LogWriterTest, file_out_of_use_is_opened_anew_on_demand) {
  const std::string a = path("a.log");
  const std::string b = path("b.log");
  AccessLogWriter writer(kPatience);
  const int id = opened(writer, a).id();
  EXPECT_TRUE(closes(a));
  const LogFile other = opened(writer, b);  // takes the free place
  EXPECT_EQ(other.id(), id);
  const LogFile again = opened(writer, a);
  EXPECT_NE(again.id(), id);
  writer.write(again, "a\n");
  writer.write(other, "b\n");
  writer.flush();
  EXPECT_EQ(content(a), "a\n");
  EXPECT_EQ(content(b), "b\n");
}

TEST_F(LogWriterTest, log_file_may_outlive_its_writer) {
  LogFile file;
  {
    AccessLogWriter writer(kPatience);
    file = opened(writer, path("access.log"));
  }
  EXPECT_GE(file.id(), 0);
}

TEST_F(LogWriterTest, a_file_that_cannot_be_opened_is_an_error) {
  AccessLogWriter writer(kPatience);
  const auto id = writer.open("/nonexistent/access.log");
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error(), "open() \"/nonexistent/access.log\" failed (2: No such file or directory)");
  EXPECT_FALSE(writer.open("syslog:facility=local7"));
}

TEST_F(LogWriterTest, after_a_rename_reopening_starts_a_new_file) {
  const std::string at = path("access.log");
  const std::string rotated = path("access.log.1");
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, at);
  writer.write(id, "before\n");
  writer.flush();
  ASSERT_EQ(rename(at.c_str(), rotated.c_str()), 0);
  writer.write(id, "between\n");
  writer.flush();
  EXPECT_TRUE(writer.reopen());
  writer.write(id, "after\n");
  writer.flush();
  EXPECT_EQ(content(rotated), "before\nbetween\n");
  EXPECT_EQ(content(at), "after\n");
}

TEST_F(LogWriterTest, reopening_under_load_loses_and_doubles_nothing) {
  const std::string at = path("access.log");
  constexpr int kRotations = 20;
  std::vector<std::string> files{at};
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, at);
  int next = 0;
  for (int rotation = 0; rotation < kRotations; ++rotation) {
    for (int i = 0; i < 50; ++i, ++next) writer.write(id, std::to_string(next) + "\n");
    files.push_back(path("access.log." + std::to_string(rotation)));
    ASSERT_EQ(rename(at.c_str(), files.back().c_str()), 0);
    ASSERT_TRUE(writer.reopen());
  }
  writer.flush();
  std::vector<int> seen;
  for (const std::string& file : files) {
    std::ifstream in(file);
    for (int n = 0; in >> n;) seen.push_back(n);
  }
  std::sort(seen.begin(), seen.end());
  ASSERT_EQ(seen.size(), static_cast<size_t>(next));
  for (int i = 0; i < next; ++i) ASSERT_EQ(seen[static_cast<size_t>(i)], i);
}

TEST_F(LogWriterTest, a_file_that_cannot_be_reopened_keeps_its_descriptor) {
  const std::string folder = path("folder");
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  const std::string at = folder + "/access.log";
  const std::string other = path("other.log");
  const std::string other_rotated = path("other.log.1");
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, at);
  const LogFile other_id = opened(writer, other);
  const int keep = open(at.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(unlink(at.c_str()), 0);
  ASSERT_EQ(rmdir(folder.c_str()), 0);
  ASSERT_EQ(rename(other.c_str(), other_rotated.c_str()), 0);
  const auto status = writer.reopen();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error(), "open() \"" + at + "\" failed (2: No such file or directory)");
  writer.write(id, "kept\n");
  writer.write(other_id, "new\n");
  writer.flush();
  char text[16] = {};
  EXPECT_EQ(read(keep, text, sizeof text), 5);
  EXPECT_STREQ(text, "kept\n");
  close(keep);
  EXPECT_EQ(content(other), "new\n");
}

TEST_F(LogWriterTest, unread_pipe_loses_lines_and_stops_no_other) {
  const std::string pipe = fifo("pipe");
  const std::string file = path("file.log");
  constexpr size_t kLines = 1000;
  const std::string block = lines(std::string(63, 'x'), kLines);  // 64 KB
  uint64_t refused = 0;
  {
    AccessLogWriter writer(Millis{50});
    const LogFile id = opened(writer, pipe);
    for (size_t sent = 0; sent < 2 * AccessLogWriter::kMostQueued; sent += block.size())
      if (!writer.write(id, block)) ++refused;
    EXPECT_GT(refused, 0u);
    EXPECT_EQ(writer.dropped_lines(), refused * kLines);
    const LogFile other = opened(writer, file);
    EXPECT_TRUE(writer.write(other, "alive\n"));
    writer.flush();  // ends although the pipe stands still
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (content(file).empty() && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
    EXPECT_EQ(content(file), "alive\n");
  }  // and so does this
}

TEST_F(LogWriterTest, a_reader_that_comes_late_gets_whole_lines) {
  const std::string pipe = fifo("pipe");
  constexpr size_t kBlocks = 20;
  const std::string block = lines(std::string(99, 'y'), 1000);
  std::string got;
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, pipe);
  for (size_t i = 0; i < kBlocks; ++i) ASSERT_TRUE(writer.write(id, block));
  const int fd = open(pipe.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  std::string buffer(65536, '\0');
  while (got.size() < kBlocks * block.size()) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    ASSERT_GT(n, 0);
    got.append(buffer, 0, static_cast<size_t>(n));
  }
  close(fd);
  std::string expected;
  for (size_t i = 0; i < kBlocks; ++i) expected += block;
  EXPECT_EQ(got, expected);
  EXPECT_EQ(writer.dropped_lines(), 0u);
}

TEST_F(LogWriterTest, pipe_replaced_by_a_file_continues_with_whole_lines) {
  const std::string at = fifo("pipe");
  const std::string block = lines(std::string(1000, 'z'), 200);  // more than a pipe holds
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, at);
  const int keep = open(at.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_TRUE(writer.write(id, block));
  pollfd readable{keep, POLLIN, 0};
  ASSERT_EQ(poll(&readable, 1, 10'000), 1);  // the thread has begun with the block
  ASSERT_EQ(unlink(at.c_str()), 0);
  ASSERT_TRUE(writer.reopen());
  writer.flush();
  const std::string tail = content(at);
  close(keep);
  const std::string line(1000, 'z');
  ASSERT_EQ(tail.size() % (line.size() + 1), 0u);
  EXPECT_EQ(tail, lines(line, tail.size() / (line.size() + 1)));
  EXPECT_LE(writer.dropped_lines(), 1u);
}

TEST_F(LogWriterTest, full_disk_is_counted_and_stops_no_other) {
  const std::string good = path("good.log");
  AccessLogWriter writer(kPatience);
  const LogFile full = opened(writer, "/dev/full");
  const LogFile id = opened(writer, good);
  writer.write(full, lines("lost", 7));
  writer.write(id, "kept\n");
  writer.flush();
  EXPECT_EQ(writer.dropped_lines(), 7u);
  EXPECT_EQ(content(good), "kept\n");
}

TEST_F(LogWriterTest, syslog_gets_a_datagram_for_each_line) {
  const std::string at = path("syslog");
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(at.size(), sizeof address.sun_path);
  at.copy(address.sun_path, at.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  AccessLogWriter writer(kPatience);
  const LogFile id =
      opened(writer, "syslog:server=unix:" + at + ",facility=local0,tag=edge,severity=notice,nohostname");
  writer.write(id, "one\ntwo\n");
  for (const std::string expected : {"edge: one", "edge: two"}) {
    char text[256];
    const ssize_t n = recv(fd, text, sizeof text, 0);
    ASSERT_GT(n, 0);
    const std::string message(text, static_cast<size_t>(n));
    EXPECT_TRUE(message.starts_with("<133>")) << message;
    EXPECT_TRUE(message.ends_with(expected)) << message;
  }
  close(fd);
}

TEST_F(LogWriterTest, a_syslog_server_that_is_gone_is_counted) {
  AccessLogWriter writer(kPatience);
  const LogFile id = opened(writer, "syslog:server=unix:" + path("nobody"));
  writer.write(id, "one\ntwo\n");
  writer.flush();
  EXPECT_EQ(writer.dropped_lines(), 2u);
}

TEST_F(LogWriterTest, lines_of_many_threads_stay_whole) {
  const std::string at = path("access.log");
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  {
    AccessLogWriter writer(kPatience);
    const LogFile id = opened(writer, at);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        WorkerLog log(writer);
        AccessLogOptions options;
        options.format = format("$request");
        options.buffer = 1000;
        FakeSource source;
        source.set(Var::kRequest, std::string(40, static_cast<char>('a' + t)));
        Arena arena;
        for (int i = 0; i < kLines; ++i) log.log(id, options, source, arena, i);
        log.flush(kLines, true);
      });
    }
    for (int i = 0; i < 5; ++i) {
      writer.flush();
      EXPECT_TRUE(writer.reopen());
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(writer.dropped_lines(), 0u);
  }
  std::ifstream in(at);
  int count[kThreads] = {};
  for (std::string line; std::getline(in, line);) {
    ASSERT_EQ(line.size(), 40u);
    ASSERT_EQ(line.find_first_not_of(line[0]), std::string::npos);
    ++count[line[0] - 'a'];
  }
  for (const int n : count) EXPECT_EQ(n, kLines);
}

class WorkerLogTest : public LogWriterTest {
 protected:
  WorkerLogTest() : at_(path("access.log")), id_(opened(writer_, at_)), log_(writer_) {
    options_.format = format("$request");
    source_.set(Var::kRequest, "GET /");
  }
  void log(MonoMs now) { log_.log(id_, options_, source_, arena_, now); }
  std::string written() {
    writer_.flush();
    return content(at_);
  }

  AccessLogWriter writer_{kPatience};
  const std::string at_;
  const LogFile id_;
  WorkerLog log_;
  AccessLogOptions options_;
  FakeSource source_;
  Arena arena_;
};

TEST_F(WorkerLogTest, hands_over_when_the_flush_time_has_passed) {
  EXPECT_EQ(log_.flush(0, false), kNever);
  log(100);
  log(900);
  EXPECT_EQ(log_.flush(1099, false), 1100);
  EXPECT_EQ(written(), "");
  EXPECT_EQ(log_.flush(1100, false), kNever);
  EXPECT_EQ(written(), "GET /\nGET /\n");
}

TEST_F(WorkerLogTest, buffered_line_keeps_its_file_open) {
  const std::string other = path("other.log");
  log_.log(opened(writer_, other), options_, source_, arena_, 0);
  writer_.flush();
  EXPECT_EQ(descriptors_of(other), 1u);
  log_.flush(0, true);
  EXPECT_TRUE(closes(other));
  EXPECT_EQ(content(other), "GET /\n");
}

TEST_F(WorkerLogTest, hands_over_when_full) {
  options_.buffer = 12;
  log(0);
  EXPECT_EQ(written(), "");
  log(0);
  EXPECT_EQ(written(), "GET /\nGET /\n");
  EXPECT_EQ(log_.flush(0, false), kNever);
}

TEST_F(WorkerLogTest, unbuffered_line_is_handed_over_at_once) {
  options_.buffer = 0;
  log(0);
  EXPECT_EQ(written(), "GET /\n");
}

TEST_F(WorkerLogTest, hands_over_all_on_demand) {
  log(0);
  EXPECT_EQ(log_.flush(0, true), kNever);
  EXPECT_EQ(written(), "GET /\n");
}

TEST_F(WorkerLogTest, next_due_is_the_earliest_of_all_files) {
  const LogFile other = opened(writer_, path("other.log"));
  log_.log(other, options_, source_, arena_, 500);
  log(100);
  EXPECT_EQ(log_.flush(1000, false), 1100);
  EXPECT_EQ(log_.flush(1100, false), 1500);
}

TEST_F(WorkerLogTest, a_condition_that_is_empty_or_0_logs_nothing) {
  auto condition = Template::compile("$arg_log", {});
  ASSERT_TRUE(condition);
  options_.condition = std::make_shared<const Template>(std::move(*condition));
  log(0);
  source_.set(Var::kArg, "log", "0");
  log(0);
  EXPECT_EQ(log_.flush(0, false), kNever);
  source_.set(Var::kArg, "log", "00");
  log(0);
  log_.flush(0, true);
  EXPECT_EQ(written(), "GET /\n");
}

}  // namespace
}  // namespace weir::observe
