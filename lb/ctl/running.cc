#include "ctl/running.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/system.h"
#include "process/pid_file.h"

namespace weir::ctl {

int refuse(const std::string& why) {
  std::fprintf(stderr, "weir: [error] %s\n", why.c_str());
  return 1;
}

int failed_kill(pid_t pid, const std::string& signal) {
  const std::string call = call_failed("kill(" + std::to_string(pid) + ", " + signal + ")", errno);
  std::fprintf(stderr, "weir: [alert] %s\n", call.c_str());
  return 1;
}

std::optional<Running> find_running(process::Places places) {
  const Result<process::RunningInstance> running = process::read_pid_file(places.pid);
  if (!running) return refuse(running.error()), std::nullopt;
  if (!running->alive) {
    refuse("weir is not running: \"" + places.pid + "\" is stale (pid " + std::to_string(running->pid) + ")");
    return std::nullopt;
  }
  if (const Status<> ours = process::check_is_weir(*running); !ours) {
    refuse("\"" + places.pid + "\": " + ours.error() + ", no signal sent");
    return std::nullopt;
  }
  return Running{std::move(places), running->pid};
}

}  // namespace weir::ctl
