// posix_spawn: a fork of many threads may call almost nothing before it runs another program.
#include "process/successor.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/system.h"

extern char** environ;

namespace weir::process {
namespace {

constexpr int kChannel = 3;
constexpr const char* kVariable = "WEIR_HANDOVER";

std::string current_directory() {
  char path[PATH_MAX];
  return ::getcwd(path, sizeof path) != nullptr ? path : "/";
}

// This thread's and its children's: a program keeps over exec what is ambient, and only that. A supervisor may have
// made it so already; where that may not be changed, ports below 1024 that are handed over work all the same.
class AmbientBind {
 public:
  AmbientBind() {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) == 1) return;
    if (::syscall(SYS_capget, &header_, before_) != 0) return;
    __user_cap_data_struct raised[2] = {before_[0], before_[1]};
    raised[0].inheritable |= (1U << CAP_NET_BIND_SERVICE) & raised[0].permitted;
    if (::syscall(SYS_capset, &header_, raised) != 0) return;
    raised_ = true;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
  }
  ~AmbientBind() {
    if (!raised_) return;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_BIND_SERVICE, 0, 0);
    ::syscall(SYS_capset, &header_, before_);
  }
  AmbientBind(const AmbientBind&) = delete;
  AmbientBind& operator=(const AmbientBind&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
  bool raised_ = false;
};

// What posix_spawn is told, freed again.
struct SpawnPlan {
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Invocation take_invocation(int argc, const char* const* argv) {
  Invocation invocation;
  invocation.arguments.assign(argv, argv + argc);
  invocation.directory = current_directory();
  const std::string name = argc > 0 ? argv[0] : "";
  if (name.find('/') != std::string::npos) {
    invocation.program = name.front() == '/' ? name : invocation.directory + "/" + name;
    return invocation;
  }
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size > 0) invocation.program.assign(path, static_cast<size_t>(size));
  return invocation;
}

Result<pid_t> start_successor(const Invocation& invocation, const std::string& binary, int channel) {
  const std::string& program = binary.empty() ? invocation.program : binary;
  if (program.empty()) return Unexpected{std::string("where its own binary is, is not known: --binary names it")};
  SpawnPlan plan;
  ::posix_spawn_file_actions_addchdir_np(&plan.actions, invocation.directory.c_str());
  // dup2() of a descriptor to itself clears close-on-exec there, too.
  ::posix_spawn_file_actions_adddup2(&plan.actions, channel, kChannel);
  std::vector<std::string> arguments = invocation.arguments;
  if (arguments.empty()) arguments.push_back(program);
  std::vector<std::string> variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each)
    if (!std::string_view(*each).starts_with("WEIR_HANDOVER=")) variables.emplace_back(*each);
  variables.push_back(std::string(kVariable) + "=" + std::to_string(kChannel));
  pid_t pid = 0;
  const AmbientBind ambient;
  const int code = ::posix_spawn(&pid, program.c_str(), &plan.actions, &plan.attributes, pointers(arguments).data(),
                                 pointers(variables).data());
  if (code != 0) return Unexpected{call_failed("exec() \"" + program + "\"", code)};
  return pid;
}

std::string wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return call_failed("waitpid()", errno);
  return end_text(status);
}

std::string end_child(pid_t pid) {
  constexpr useconds_t kLookUs = 5'000;
  constexpr int kLooks = 100;
  int status = 0;
  for (int look = 0; look < kLooks; ++look) {
    if (::waitpid(pid, &status, WNOHANG) == pid) return end_text(status);
    ::usleep(kLookUs);
  }
  ::kill(pid, SIGKILL);
  return wait_for_end(pid);
}

std::optional<OwnedFd> take_handover() {
  const char* value = std::getenv(kVariable);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> fd = parse_decimal(value);
  ::unsetenv(kVariable);
  struct stat info {};
  if (!fd || *fd < kChannel || *fd > INT_MAX || ::fstat(static_cast<int>(*fd), &info) != 0 || !S_ISSOCK(info.st_mode))
    return std::nullopt;
  ::fcntl(static_cast<int>(*fd), F_SETFD, FD_CLOEXEC);
  return OwnedFd(static_cast<int>(*fd));
}

}  // namespace weir::process
