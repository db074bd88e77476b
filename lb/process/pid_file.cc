// The pid file. Two starts at once: who finds a stale file locks it, and only the holder may replace it; where there is
// none, link(2) lets one of them through.
#include "process/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace weir::process {
namespace {

std::string call_failed(const char* call, const std::string& name, int code) {
  return std::string(call) + "() \"" + name + "\" failed (" + std::to_string(code) + ": " + std::strerror(code) + ")";
}

// 0 when there is no number.
pid_t read_pid(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  if (n <= 0) return 0;
  const long pid = std::strtol(text, nullptr, 10);
  return pid > 0 ? static_cast<pid_t>(pid) : 0;
}

bool lock(int fd) {
  int status = 0;
  while ((status = ::flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
  }
  return status == 0;
}

// `weir -s` holds a stale file's lock for a moment, to find that it is stale.
bool lock_patiently(int fd) {
  constexpr useconds_t kPause = 2'000;
  for (int tries = 0; tries < 5; ++tries) {
    if (lock(fd)) return true;
    ::usleep(kPause);
  }
  return false;
}

bool same_file(int fd, const std::string& path) {
  struct stat held {
  }, named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

Result<RunningInstance> read_pid_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Unexpected{call_failed("open", path, errno)};
  RunningInstance instance;
  instance.pid = read_pid(fd);
  instance.alive = !lock(fd);
  ::close(fd);
  if (instance.pid == 0 && !instance.alive) return Unexpected{"there is no process number in \"" + path + "\""};
  return instance;
}

Status<> PidFile::failed(const char* call, const std::string& name) const {
  return Unexpected{call_failed(call, name, errno)};
}

Status<> PidFile::prepare() {
  // Replaced between open and lock: look again.
  for (int tries = 0; tries < 10; ++tries) {
    if (old_fd_ >= 0) ::close(old_fd_);
    old_fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    if (old_fd_ < 0 && errno != ENOENT) return failed("open", path_);
    if (old_fd_ < 0) break;
    if (!lock_patiently(old_fd_))
      return Unexpected{"another instance runs (pid " + std::to_string(read_pid(old_fd_)) + "): " + path_ +
                        " is locked"};
    if (same_file(old_fd_, path_)) break;
  }
  std::string name = path_ + ".XXXXXX";
  fd_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd_ < 0) return failed("open", path_);
  temporary_ = name;
  if (::fchmod(fd_, 0644) != 0) return failed("fchmod", temporary_);
  if (!lock(fd_)) return failed("flock", temporary_);
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed("write", temporary_);
  return Void{};
}

Status<> PidFile::publish() {
  if (old_fd_ >= 0) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("rename", temporary_);
    ::close(old_fd_);
    old_fd_ = -1;
  } else {
    if (::link(temporary_.c_str(), path_.c_str()) != 0) {
      if (errno == EEXIST) return Unexpected{"another instance runs: " + path_ + " has just appeared"};
      // A file system without hard links: the race of two first starts stays open there.
      if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("rename", temporary_);
    }
    ::unlink(temporary_.c_str());
  }
  temporary_.clear();
  published_ = true;
  return Void{};
}

PidFile::~PidFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  // Only ours: an operator may have removed it, and another weir put its own there.
  if (published_ && same_file(fd_, path_) && ::unlink(path_.c_str()) != 0) (void)!::ftruncate(fd_, 0);
  if (fd_ >= 0) ::close(fd_);
  if (old_fd_ >= 0) ::close(old_fd_);
}

}  // namespace weir::process
