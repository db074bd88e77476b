// Daemonizing and resource limits.
#include "process/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/system.h"

namespace weir::process {
namespace {

Unexpected<std::string> failed(const char* call) {
  return Unexpected{call_failed(call, errno)};
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe()");
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork()");
  if (pid > 0) {
    ::close(ends[1]);
    char word = 0;
    ssize_t n = 0;
    while ((n = ::read(ends[0], &word, 1)) < 0 && errno == EINTR) {
    }
    ::_exit(n == 1 ? 0 : 1);  // what went wrong the child has said on the same stderr
  }
  ::close(ends[0]);
  if (::setsid() < 0) return failed("setsid()");
  return std::unique_ptr<Daemon>(new Daemon(ends[1]));  // NOLINT: the constructor is private
}

void Daemon::ready(bool keep_stderr) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    if (!keep_stderr) ::dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) ::close(null);
  }
  const char word = 1;
  while (::write(fd_, &word, 1) < 0 && errno == EINTR) {
  }
  ::close(std::exchange(fd_, -1));
}

Daemon::~Daemon() {
  if (fd_ >= 0) ::close(fd_);
}

Result<uint64_t> raise_descriptor_limit(uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("getrlimit(RLIMIT_NOFILE)");
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  if (wanted != 0) {
    raised.rlim_cur = wanted;
    raised.rlim_max = std::max<rlim_t>(limit.rlim_max, wanted);
  }
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return static_cast<uint64_t>(raised.rlim_cur);
  Unexpected<std::string> error = failed("setrlimit(RLIMIT_NOFILE)");
  raised.rlim_cur = raised.rlim_max = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0 || wanted != 0)
    return Unexpected{error.error + ", the limit stays " + std::to_string(limit.rlim_max)};
  return static_cast<uint64_t>(raised.rlim_cur);
}

// Beyond the hard limit root may go, if nothing else forbids it.
uint64_t expected_descriptor_limit(uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const uint64_t hard = limit.rlim_max;
  return wanted != 0 && (wanted <= hard || ::geteuid() == 0) ? wanted : hard;
}

}  // namespace weir::process
