#include "base/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/syslog.h"
#include "base/system.h"

namespace weir {
namespace {

constexpr int kStallMs = 100;

class FdSink final : public LogSink {
 public:
  FdSink(int fd, bool owned, LogLevel level) : LogSink(level), fd_(fd), owned_(owned) {
    struct stat st {};
    if (fstat(fd, &st) != 0) return;
    regular_ = S_ISREG(st.st_mode);
    socket_ = S_ISSOCK(st.st_mode);
  }
  ~FdSink() override {
    if (owned_) close(fd_);
  }

  bool write(LogLevel, std::string_view line) override {
    // After half a line the next one starts on its own.
    if (torn_ && put("\n") == 1) torn_ = false;
    const ssize_t n = put(line);
    if (n == static_cast<ssize_t>(line.size())) return true;
    if (n > 0) torn_ = true;
    return false;
  }

 private:
  // stderr's descriptor is shared with others and cannot be made non-blocking; but a pipe that polls writable takes a
  // line (less than PIPE_BUF) without blocking.
  ssize_t put(std::string_view bytes) {
    for (;;) {
      if (!regular_ && !writable()) return -1;
      const ssize_t n = socket_ ? send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(fd_, bytes.data(), bytes.size());
      if (n >= 0 || errno != EINTR) return n;
    }
  }
  // Once a reader has let us wait in vain, lines are dropped without waiting until it reads again.
  bool writable() {
    pollfd p{fd_, POLLOUT, 0};
    int n = 0;
    do n = poll(&p, 1, stalled_ ? 0 : kStallMs);
    while (n < 0 && errno == EINTR);
    stalled_ = n == 0;
    return n > 0;
  }

  const int fd_;
  const bool owned_;
  bool regular_ = false;
  bool socket_ = false;
  bool stalled_ = false;
  bool torn_ = false;
};

class SyslogSink final : public LogSink {
 public:
  SyslogSink(Syslog syslog, LogLevel level) : LogSink(level), syslog_(std::move(syslog)) {}

  bool write(LogLevel level, std::string_view line) override {
    line.remove_suffix(1);
    // LogLevel counts up in gravity, RFC 3164's severity down.
    return syslog_.send(static_cast<int>(LogLevel::kEmerg) - static_cast<int>(level), line);
  }

 private:
  Syslog syslog_;
};

}  // namespace

Result<std::shared_ptr<LogSink>> open_log_sink(const LogTarget& target) {
  using Opened = Result<std::shared_ptr<LogSink>>;
  constexpr std::string_view kSyslog = "syslog:";
  if (target.target == "stderr") return Opened(std::make_shared<FdSink>(STDERR_FILENO, false, target.level));
  if (target.target.starts_with(kSyslog)) {
    auto syslog = Syslog::parse(std::string_view(target.target).substr(kSyslog.size()));
    if (!syslog) return Unexpected{std::move(syslog.error())};
    return Opened(std::make_shared<SyslogSink>(std::move(*syslog), target.level));
  }
  // O_NONBLOCK: opening a named pipe that nobody reads fails instead of hanging; a regular file does not care.
  const int fd = open(target.target.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (fd < 0) {
    const int error = errno;
    // A pipe that root has given to a process of another user does not open.
    if (target.target == "/dev/stderr") return Opened(std::make_shared<FdSink>(STDERR_FILENO, false, target.level));
    if (target.target == "/dev/stdout" && fcntl(STDOUT_FILENO, F_GETFD) >= 0)
      return Opened(std::make_shared<FdSink>(STDOUT_FILENO, false, target.level));
    return Unexpected{call_failed("open() \"" + target.target + "\"", error)};
  }
  return Opened(std::make_shared<FdSink>(fd, true, target.level));
}

}  // namespace weir
