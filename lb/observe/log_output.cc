// Outputs of access logs: descriptors by writev, syslog by datagrams.
#include "observe/log_output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/syslog.h"

namespace weir::observe {
namespace {

constexpr std::string_view kSyslog = "syslog:";

std::string error_text(int error) {
  char text[128];
  return "(" + std::to_string(error) + ": " + strerror_r(error, text, sizeof text) + ")";
}

uint64_t count_lines(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

class FdOutput final : public LogOutput {
 public:
  // `shared`: the descriptor may block, and others use what it leads to.
  FdOutput(int fd, bool shared, const struct stat& info, std::string path)
      : fd_(fd),
        shared_(shared),
        socket_(S_ISSOCK(info.st_mode)),
        device_(info.st_dev),
        inode_(info.st_ino),
        path_(std::move(path)) {}
  ~FdOutput() override { close(fd_); }
  FdOutput(const FdOutput&) = delete;
  FdOutput& operator=(const FdOutput&) = delete;

  int fd() const override { return fd_; }
  bool is_same_file(const std::string& path) const override {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_;
  }

  Outcome write(LogBatch& batch, uint64_t& lost) override {
    while (!batch.empty()) {
      if (torn_ && !end_torn_line()) return errno == EAGAIN ? Outcome::kStalled : fail(batch, lost);
      const ssize_t n = put_some(batch);
      if (n >= 0) {
        batch.advance(static_cast<size_t>(n));
        if (failing_) log::notice("access log \"", path_, "\": writes succeed again");
        failing_ = false;
        continue;
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::kStalled;
      return fail(batch, lost);
    }
    return Outcome::kWritten;
  }

 private:
  static constexpr size_t kMostPieces = 64;

  ssize_t put_some(const LogBatch& batch) {
    std::array<iovec, kMostPieces> pieces;
    size_t count = 0;
    size_t room = shared_ && !socket_ ? PIPE_BUF : SIZE_MAX;
    for (size_t i = batch.at; i < batch.blocks.size() && count < kMostPieces && room > 0; ++i) {
      std::string_view piece = batch.blocks[i];
      if (i == batch.at) piece.remove_prefix(batch.offset);
      piece = piece.substr(0, room);
      room -= piece.size();
      pieces[count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
    return put(pieces.data(), count);
  }
  ssize_t put(iovec* pieces, size_t count) {
    if (!socket_) return shared_ && !takes_more() ? -1 : writev(fd_, pieces, static_cast<int>(count));
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    return sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  // A pipe that polls writable takes PIPE_BUF bytes without blocking.
  bool takes_more() {
    pollfd writable{fd_, POLLOUT, 0};
    const int n = poll(&writable, 1, 0);
    if (n == 0) errno = EAGAIN;
    return n > 0;
  }
  // After half a line the next one starts on its own.
  bool end_torn_line() {
    char newline = '\n';
    iovec piece{&newline, 1};
    ssize_t n = 0;
    do n = put(&piece, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1) torn_ = false;
    return n == 1;
  }
  Outcome fail(LogBatch& batch, uint64_t& lost) {
    const int error = errno;
    if (!failing_)
      log::error("access log \"", path_, "\": write() failed ", error_text(error),
                 ", lines are dropped until it succeeds");
    failing_ = true;
    if (batch.inside_line()) torn_ = true;
    lost += batch.lines_left();
    return Outcome::kFailed;
  }

  const int fd_;
  const bool shared_;
  const bool socket_;
  const dev_t device_;
  const ino_t inode_;
  const std::string path_;
  bool torn_ = false;
  bool failing_ = false;
};

// One datagram a line, as nginx sends them.
class SyslogOutput final : public LogOutput {
 public:
  explicit SyslogOutput(Syslog syslog) : syslog_(std::move(syslog)) {}
  bool is_same_file(const std::string&) const override { return true; }

  Outcome write(LogBatch& batch, uint64_t& lost) override {
    while (!batch.empty()) {
      const std::string_view rest = std::string_view(batch.blocks[batch.at]).substr(batch.offset);
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (!syslog_.send(syslog_.severity(), line)) ++lost;
      batch.advance(std::min(line.size() + 1, rest.size()));
    }
    return Outcome::kWritten;
  }

 private:
  Syslog syslog_;
};

struct Descriptor {
  int fd;
  bool shared = false;
};

// Opened anew, so that it is not blocking for weir alone. A socket cannot be, nor can the pipe that root has given to a
// process of another user (containers, su): then it is the descriptor itself.
Descriptor open_standard(const std::string& path, int standard, int flags) {
  struct stat info {};
  const bool socket = fstat(standard, &info) == 0 && S_ISSOCK(info.st_mode);  // it is written with MSG_DONTWAIT
  const int fd = socket ? -1 : open(path.c_str(), O_WRONLY | flags);
  if (fd >= 0) return {fd};
  const int error = errno;
  const int same = fcntl(standard, F_DUPFD_CLOEXEC, 0);
  if (same < 0) errno = error;
  return {same, true};
}

// A named pipe is opened for reading too, so that it opens without a reader and a reader that restarts loses nothing;
// what /dev/stdout leads to is not, for its reader's end is the end.
Descriptor open_descriptor(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;  // a regular file does not mind O_NONBLOCK
  if (path == "/dev/stdout") return open_standard(path, STDOUT_FILENO, kFlags);
  if (path == "/dev/stderr") return open_standard(path, STDERR_FILENO, kFlags);
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    const int fd = open(path.c_str(), O_RDWR | kFlags);
    if (fd >= 0 || errno != EACCES) return {fd};
  }
  return {open(path.c_str(), O_WRONLY | O_CREAT | kFlags, 0640)};
}

}  // namespace

void LogBatch::advance(size_t bytes) {
  while (bytes > 0) {
    const size_t left = blocks[at].size() - offset;
    if (bytes < left) {
      offset += bytes;
      return;
    }
    bytes -= left;
    ++at;
    offset = 0;
  }
}

void LogBatch::skip_line() {
  if (!inside_line()) return;
  const size_t newline = blocks[at].find('\n', offset);
  advance((newline == std::string::npos ? blocks[at].size() : newline + 1) - offset);
}

uint64_t LogBatch::lines_left() const {
  uint64_t lines = 0;
  for (size_t i = at; i < blocks.size(); ++i)
    lines += count_lines(std::string_view(blocks[i]).substr(i == at ? offset : 0));
  return lines;
}

Result<std::unique_ptr<LogOutput>> open_log_output(const std::string& path) {
  using Opened = Result<std::unique_ptr<LogOutput>>;
  if (path.starts_with(kSyslog)) {
    auto syslog = Syslog::parse(std::string_view(path).substr(kSyslog.size()));
    if (!syslog) return Unexpected{std::move(syslog.error())};
    return Opened(std::make_unique<SyslogOutput>(std::move(*syslog)));
  }
  const auto [fd, shared] = open_descriptor(path);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    std::string error = "open() \"" + path + "\" failed " + error_text(errno);
    if (fd >= 0) close(fd);
    return Unexpected{std::move(error)};
  }
  return Opened(std::make_unique<FdOutput>(fd, shared, info, path));
}

}  // namespace weir::observe
