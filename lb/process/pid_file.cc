// The pid file. Two starts at once: who finds a stale file locks it, and only the holder may replace it; where there is
// none, link(2) lets one of them through.
#include "process/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/system.h"

namespace weir::process {
namespace {

std::string call_failed(const char* call, const std::string& name, int code) {
  return weir::call_failed(std::string(call) + "() \"" + name + "\"", code);
}

// 0 when there is no process id or anything beside it: 0 and negative numbers name groups of processes to kill().
pid_t read_pid(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text, 0);
  if (n <= 0 || n == static_cast<ssize_t>(sizeof text)) return 0;
  std::string_view digits(text, static_cast<size_t>(n));
  while (!digits.empty() && std::strchr(" \t\r\n", digits.back()) != nullptr) digits.remove_suffix(1);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return error == std::errc() && end == digits.data() + digits.size() && pid > 0 ? pid : 0;
}

// Whose flock() is on this file, by /proc/locks ("1: FLOCK  ADVISORY  WRITE 4711 fe:00:815 0 EOF"); 0: it does not say.
// The inode alone is compared: layered file systems show another device than stat().
pid_t lock_holder(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return 0;
  const std::string inode = ":" + std::to_string(info.st_ino);
  std::ifstream locks("/proc/locks");
  std::string number, kind, mode, access, file, rest;
  pid_t pid = 0;
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    if (words >> number >> kind >> mode >> access >> pid >> file && kind == "FLOCK" && file.ends_with(inode))
      return pid;
  }
  return 0;
}

constexpr char kFailedMark = '\t';

std::string program_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
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
  if (instance.alive) instance.holder = lock_holder(fd);
  ::close(fd);
  if (instance.pid == 0) return Unexpected{"there is no process id in \"" + path + "\""};
  return instance;
}

Status<> check_is_weir(const RunningInstance& instance) {
  const std::string pid = std::to_string(instance.pid);
  if (instance.holder != 0 && instance.holder != instance.pid)
    return Unexpected{"it names process " + pid + ", but process " + std::to_string(instance.holder) +
                      " holds its lock"};
  const std::string program = program_of(pid), own = program_of("self");
  if (!program.empty() && !own.empty() && program != own)
    return Unexpected{"process " + pid + " is not weir, but \"" + program + "\""};
  return Void{};
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
  return write_temporary();
}

Status<> PidFile::write_temporary() {
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

bool PidFile::inherit(OwnedFd file) {
  if (!same_file(file.get(), path_)) return false;
  fd_ = file.release();
  inherited_ = true;
  return true;
}

OwnedFd PidFile::duplicate() const {
  OwnedFd copy(published_ ? ::dup(fd_) : -1);
  if (copy.get() >= 0) ::fcntl(copy.get(), F_SETFD, FD_CLOEXEC);
  return copy;
}

// One write: a reader sees the one number or the other, and of a longer text before it only empty lines. The lock is of
// the open file, which two processes share here, but the kernel tells who took it last: going down to a shared lock and
// up again makes that this process, with no moment in which somebody else could have it.
void PidFile::write_pid() {
  std::string text = std::to_string(::getpid()) + "\n";
  const size_t size = text.size();
  struct stat info {};
  if (::fstat(fd_, &info) == 0 && info.st_size > static_cast<off_t>(size) && info.st_size < 64)
    text.resize(static_cast<size_t>(info.st_size), '\n');
  (void)!::pwrite(fd_, text.data(), text.size(), 0);
  (void)!::ftruncate(fd_, static_cast<off_t>(size));
  ::flock(fd_, LOCK_SH | LOCK_NB);
  ::flock(fd_, LOCK_EX | LOCK_NB);
}

void PidFile::hand_over() {
  published_ = false;
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void PidFile::leave_inherited() {
  if (inherited_) hand_over();
}

void PidFile::reclaim() {
  if (published_) write_pid();
}

Status<> PidFile::publish() {
  if (inherited_) {
    published_ = true;
    write_pid();
    return Void{};
  }
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

Status<> PidFile::restore() {
  if (!published_ || same_file(fd_, path_)) return Void{};
  if (::access(path_.c_str(), F_OK) == 0)
    return Unexpected{"\"" + path_ + "\" is not the file of this process any more"};
  inherited_ = false;
  const int lost = std::exchange(fd_, -1);  // its lock ends with it
  Status<> put_back = write_temporary();
  if (put_back) put_back = publish();
  if (put_back) {
    ::close(lost);
    return put_back;
  }
  if (!temporary_.empty()) ::unlink(std::exchange(temporary_, {}).c_str());
  if (fd_ >= 0) ::close(fd_);
  fd_ = lost;
  return put_back;
}

// Blanks, so that what only reads a number, or the first line, still does: one for the outcome, one that changes each
// time. All texts are of one length, and one call writes them: a reader sees the one or the other.
void PidFile::note_reload(bool ok) {
  if (fd_ < 0) return;
  noted_even_ = !noted_even_;
  const std::string text =
      std::to_string(::getpid()) + '\n' + (ok ? ' ' : kFailedMark) + (noted_even_ ? ' ' : '\t') + '\n';
  (void)!::pwrite(fd_, text.data(), text.size(), 0);
}

std::optional<SignalledReload> read_signalled_reload(const std::string& path) {
  std::ifstream file(path);
  std::string pid;
  SignalledReload reload;
  if (!std::getline(file, pid)) return std::nullopt;
  std::getline(file, reload.marks);
  reload.failed = reload.marks.starts_with(kFailedMark);
  return reload;
}

PidFile::~PidFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  // Only ours: an operator may have removed it, and another weir put its own there.
  if (published_ && same_file(fd_, path_) && ::unlink(path_.c_str()) != 0) (void)!::ftruncate(fd_, 0);
  if (fd_ >= 0) ::close(fd_);
  if (old_fd_ >= 0) ::close(old_fd_);
}

}  // namespace weir::process
