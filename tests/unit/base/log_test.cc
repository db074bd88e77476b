// The error log as the operator sees it: files, pipes, syslog, levels, and what happens when lines cannot be written.
#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "base/log_mute.h"
#include "base/regex.h"
#include "base/sockaddr.h"
#include "base/syslog.h"

namespace weir {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

bool looks_like(std::string_view text, std::string_view pattern) {
  return Regex::compile(pattern, false).value().matches(text);
}

class Log : public ::testing::Test {
 protected:
  Log() {
    char name[] = "/tmp/weir_log_XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~Log() override {
    EXPECT_TRUE(log::configure({}));
    std::filesystem::remove_all(dir_);
  }
  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  static std::string read(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string dir_;
};

TEST_F(Log, muted_thread_logs_nothing_until_it_is_over) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  {
    const log::Mute outer;
    { const log::Mute inner; }
    log::error("unheard");
    std::thread([] { log::error("another thread"); }).join();
  }
  log::error("heard");
  log::flush();
  const std::string text = read(path("a"));
  EXPECT_THAT(text, Not(HasSubstr("unheard")));
  EXPECT_THAT(text, HasSubstr("another thread"));
  EXPECT_THAT(text, HasSubstr(": heard"));
}

TEST_F(Log, a_line_looks_like_nginx_s) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  log::warn("peer ", std::string("10.0.0.1:80"), " is down after ", 3, " failures", '.');
  log::flush();
  EXPECT_TRUE(looks_like(read(path("a")),
                         "^\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d \\[warn\\] \\d+#\\d+: "
                         "peer 10\\.0\\.0\\.1:80 is down after 3 failures\\.\n\\z"))
      << read(path("a"));
}

TEST_F(Log, names_its_process_and_thread) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  log::info("x");
  log::flush();
  const std::string id = std::to_string(getpid());
  EXPECT_THAT(read(path("a")), HasSubstr(" " + id + "#" + id + ": x\n"));
}

TEST_F(Log, every_level_has_nginx_s_name) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kDebug}}));
  log::debug("1");
  log::info("2");
  log::notice("3");
  log::warn("4");
  log::error("5");
  log::crit("6");
  log::write(LogLevel::kAlert, "7");
  log::emerg("8");
  log::flush();
  const std::string lines = read(path("a"));
  size_t at = 0;
  for (const char* name : {"[debug]", "[info]", "[notice]", "[warn]", "[error]", "[crit]", "[alert]", "[emerg]"}) {
    at = lines.find(name, at);
    EXPECT_NE(at, std::string::npos) << name;
  }
}

TEST_F(Log, each_target_has_its_own_level) {
  ASSERT_TRUE(log::configure({{path("all"), LogLevel::kInfo}, {path("grave"), LogLevel::kError}}));
  EXPECT_FALSE(log::enabled(LogLevel::kDebug));
  EXPECT_TRUE(log::enabled(LogLevel::kInfo));
  log::debug("nobody");
  log::info("one");
  log::error("both");
  log::flush();
  EXPECT_THAT(read(path("all")), HasSubstr("one"));
  EXPECT_THAT(read(path("all")), HasSubstr("both"));
  EXPECT_THAT(read(path("all")), Not(HasSubstr("nobody")));
  EXPECT_THAT(read(path("grave")), Not(HasSubstr("one")));
  EXPECT_THAT(read(path("grave")), HasSubstr("both"));
}

TEST_F(Log, levels_are_disabled_without_a_target) {
  ASSERT_TRUE(log::configure({}));
  EXPECT_FALSE(log::enabled(LogLevel::kEmerg));
  log::emerg("into the void");
  log::flush();
}

TEST_F(Log, new_file_is_readable_by_owner_and_group) {
  std::ofstream(path("old")) << "before\n";
  ASSERT_TRUE(log::configure({{path("new"), LogLevel::kInfo}, {path("old"), LogLevel::kInfo}}));
  log::info("after");
  log::flush();
  struct stat st {};
  ASSERT_EQ(stat(path("new").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0137, 0U);
  EXPECT_THAT(read(path("old")), StartsWith("before\n2"));
}

TEST_F(Log, control_bytes_cannot_forge_a_line) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  log::info("GET /\r\n2026/01/01 00:00:00 [emerg] fake \x1b[31m\x7f\xff", std::string_view("\0", 1), "\"quoted\" \\");
  log::flush();
  const std::string lines = read(path("a"));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
  EXPECT_THAT(lines,
              HasSubstr("GET /\\x0d\\x0a2026/01/01 00:00:00 [emerg] fake \\x1b[31m\\x7f\\xff\\x00\"quoted\" \\\n"));
}

TEST_F(Log, long_text_is_cut) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  log::info(std::string(1'000'000, 'x'));
  log::info(std::string(1'000'000, '\n'));
  log::flush();
  EXPECT_LT(read(path("a")).size(), 2 * 2200U);
  EXPECT_THAT(read(path("a")), HasSubstr("xxx...\n"));
}

TEST_F(Log, failed_target_is_an_error_and_keeps_the_old) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  const auto failed = log::configure({{path("b"), LogLevel::kDebug}, {path("none/c"), LogLevel::kDebug}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), "open() \"" + path("none/c") + "\" failed (2: No such file or directory)");
  EXPECT_FALSE(log::enabled(LogLevel::kDebug));
  log::info("still here");
  log::flush();
  EXPECT_THAT(read(path("a")), HasSubstr("still here"));
}

TEST_F(Log, pipe_without_a_reader_is_an_error) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(log::configure({{path("pipe"), LogLevel::kInfo}}));
}

TEST_F(Log, reopen_follows_a_rotated_file) {
  ASSERT_TRUE(log::configure({{path("a"), LogLevel::kInfo}}));
  log::info("first");
  std::filesystem::rename(path("a"), path("a.1"));
  log::flush();
  log::info("second");
  ASSERT_TRUE(log::reopen());
  log::info("third");
  log::flush();
  EXPECT_THAT(read(path("a.1")), HasSubstr("first"));
  EXPECT_THAT(read(path("a.1")), Not(HasSubstr("third")));
  EXPECT_THAT(read(path("a")), HasSubstr("third"));
  EXPECT_THAT(read(path("a")) + read(path("a.1")), HasSubstr("second"));
}

TEST_F(Log, reopen_keeps_the_old_file_on_failure) {
  std::filesystem::create_directory(path("sub"));
  ASSERT_TRUE(log::configure({{path("sub/a"), LogLevel::kInfo}, {path("b"), LogLevel::kInfo}}));
  std::filesystem::rename(path("sub"), path("moved"));
  const auto reopened = log::reopen();
  ASSERT_FALSE(reopened);
  EXPECT_THAT(reopened.error(), HasSubstr("sub/a"));
  log::info("not lost");
  log::flush();
  EXPECT_THAT(read(path("moved/a")), HasSubstr("not lost"));
  EXPECT_THAT(read(path("b")), HasSubstr("not lost"));
}

TEST_F(Log, full_disk_is_counted_and_stops_no_other) {
  ASSERT_TRUE(log::configure({{"/dev/full", LogLevel::kError}, {path("b"), LogLevel::kInfo}}));
  const uint64_t before = log::dropped();
  log::error("one");
  log::info("not for the full one");
  log::error("two");
  log::flush();
  EXPECT_EQ(log::dropped(), before + 2);
  EXPECT_THAT(read(path("b")), HasSubstr("one"));
  EXPECT_THAT(read(path("b")), HasSubstr("two"));
}

TEST_F(Log, stalled_pipe_reader_never_blocks_callers) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  ASSERT_TRUE(log::configure({{path("pipe"), LogLevel::kInfo}}));
  const uint64_t before = log::dropped();
  for (int i = 0; i < 3000; ++i) log::info("line ", i, std::string(100, '.'));
  log::flush();
  EXPECT_GT(log::dropped(), before);
  // Once it reads again, lines flow again, and one of them tells of the loss.
  std::string got;
  char buffer[65536];
  ssize_t n = 0;
  const auto drain = [&] {
    while ((n = ::read(reader, buffer, sizeof buffer)) > 0) got.append(buffer, static_cast<size_t>(n));
  };
  drain();
  log::info("back again");
  log::flush();
  drain();
  close(reader);
  EXPECT_NE(got.find("line 0."), std::string::npos);
  EXPECT_NE(got.find("back again\n"), std::string::npos);
  EXPECT_THAT(got.substr(got.size() - std::min<size_t>(got.size(), 100)), HasSubstr(" log lines were lost\n"));
  EXPECT_EQ(std::count(got.begin(), got.end(), '#'), std::count(got.begin(), got.end(), '\n')) << "no torn line";
}

// A datagram server that the test reads from.
class SyslogServer {
 public:
  explicit SyslogServer(const SocketAddress& at) {
    sockaddr_storage storage{};
    socklen_t length = at.to_sockaddr(storage);
    fd_ = socket(storage.ss_family, SOCK_DGRAM, 0);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&storage), length), 0);
    length = sizeof storage;
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length), 0);
    address = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
    const timeval most{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  }
  ~SyslogServer() { close(fd_); }
  std::string receive() const {
    char buffer[8192];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    return n < 0 ? "(nothing came)" : std::string(buffer, static_cast<size_t>(n));
  }
  SocketAddress address;

 private:
  int fd_ = -1;
};

TEST_F(Log, syslog_over_udp_has_rfc_3164_s_head) {
  const SyslogServer server(SocketAddress::from_ip("127.0.0.1", 0).value());
  const std::string target = "syslog:server=" + server.address.to_string();
  ASSERT_TRUE(log::configure({{target + ",facility=local0,tag=lb_1", LogLevel::kInfo}}));
  log::error("went wrong");
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::string message = server.receive();
  EXPECT_THAT(message, StartsWith("<131>"));  // local0 (16) * 8 + error (3)
  EXPECT_TRUE(looks_like(message, "^<131>[A-Z][a-z]{2} [ 123][0-9] \\d\\d:\\d\\d:\\d\\d "));
  EXPECT_THAT(message, HasSubstr(std::string(" ") + host + " lb_1: 2"));
  EXPECT_THAT(message, HasSubstr("[error] "));
  EXPECT_TRUE(message.ends_with(": went wrong")) << message;
}

TEST_F(Log, syslog_over_a_unix_socket_and_without_a_host_name) {
  const SyslogServer server(SocketAddress::from_unix(path("dev_log")));
  ASSERT_TRUE(log::configure({{"syslog:server=unix:" + path("dev_log") + ",nohostname", LogLevel::kInfo}}));
  log::info("x");
  EXPECT_TRUE(looks_like(server.receive(), "^<190>[A-Z][a-z]{2} [ 123][0-9] [0-9:]{8} weir: "));
}

TEST_F(Log, a_restarted_syslog_server_is_found_again) {
  const SocketAddress at = SocketAddress::from_unix(path("dev_log"));
  ASSERT_TRUE(log::configure({{"syslog:server=unix:" + path("dev_log"), LogLevel::kInfo}}));
  const uint64_t before = log::dropped();
  log::info("nobody listens yet");
  log::flush();
  EXPECT_EQ(log::dropped(), before + 1);
  {
    const SyslogServer server(at);
    log::info("one");
    EXPECT_THAT(server.receive(), HasSubstr("one"));
  }
  std::filesystem::remove(path("dev_log"));
  const SyslogServer server(at);
  log::info("two");
  std::string message;
  for (int i = 0; i < 3 && message.find("two") == std::string::npos; ++i) message = server.receive();
  EXPECT_THAT(message, HasSubstr("two"));
}

TEST(SyslogParameters, faults_are_named) {
  const auto error = [](std::string_view parameters) {
    auto parsed = Syslog::parse(parameters);
    return parsed ? std::string("(fine)") : parsed.error();
  };
  EXPECT_EQ(error("server=127.0.0.1"), "(fine)");
  EXPECT_EQ(error("server=[::1]"), "(fine)");
  EXPECT_EQ(error("server=[::1]:1514,severity=debug"), "(fine)");
  EXPECT_EQ(error("facility=local7"), "no syslog server specified");
  EXPECT_EQ(error("server=127.0.0.1,facility=locale"), "unknown syslog facility \"locale\"");
  EXPECT_EQ(error("server=127.0.0.1,severity=loud"), "unknown syslog severity \"loud\"");
  EXPECT_EQ(error("server=127.0.0.1,tag=a-b"), "syslog \"tag\" takes 1 to 32 alphanumeric characters and underscores");
  EXPECT_EQ(error("server=127.0.0.1,tag="), "syslog \"tag\" takes 1 to 32 alphanumeric characters and underscores");
  EXPECT_EQ(error("server=127.0.0.1,tag=a,tag=b"), "duplicate syslog \"tag\"");
  EXPECT_EQ(error("server=127.0.0.1,colour=red"), "unknown syslog parameter \"colour=red\"");
  EXPECT_EQ(error(""), "unknown syslog parameter \"\"");
  EXPECT_EQ(error("server=127.0.0.1:0"), "invalid port in syslog server \"127.0.0.1:0\"");
  EXPECT_EQ(error("server=127.0.0.1:99999"), "invalid port in syslog server \"127.0.0.1:99999\"");
  EXPECT_EQ(error("server=unix:"), "invalid unix path in syslog server \"unix:\"");
  EXPECT_EQ(error("server=log.localhost:1514"), "(fine)") << "loopback without asking";
  EXPECT_EQ(Syslog::parse("server=127.0.0.1,severity=warn").value().severity(), 4);
}

TEST(LogLimit, passes_one_text_a_second_and_counts_the_rest) {
  LogLimit limit;
  EXPECT_TRUE(limit.pass(5000));
  EXPECT_FALSE(limit.pass(5000));
  EXPECT_FALSE(limit.pass(5999));
  EXPECT_TRUE(limit.pass(6000));
  EXPECT_EQ(limit.dropped(), " (2 such lines dropped)");
  EXPECT_EQ(limit.dropped(), "");
  EXPECT_FALSE(limit.pass(6001));
  EXPECT_TRUE(limit.pass(7000));
  EXPECT_EQ(limit.dropped(), " (1 such line dropped)");
}

// In a process of their own: before configure() and at exit.
using LogDeathTest = ::testing::Test;

TEST(LogDeathTest, before_configure_lines_go_straight_to_stderr) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        log::info("too small for the start");
        log::notice("early");
        _exit(0);  // no exit handlers
      },
      ::testing::ExitedWithCode(0), MatchesRegex("[0-9/]+ [0-9:]+ .notice. [0-9]+#[0-9]+: early\n"));
}

TEST(LogDeathTest, lines_are_out_when_a_program_exits_at_once) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        if (!log::configure({{"stderr", LogLevel::kInfo}})) _exit(1);
        for (int i = 0; i < 100; ++i) log::info("line ", i);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "line 99\n");
}

}  // namespace
}  // namespace weir
