// Finding the process first, then the signal or the reload.
#include "ctl/signal.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "base/system.h"
#include "ctl/client.h"
#include "ctl/text.h"
#include "process/pid_file.h"
#include "process/places.h"

namespace weir::ctl {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

int signal_of(const std::string& word) {
  if (word == "stop") return SIGTERM;
  if (word == "quit") return SIGQUIT;
  if (word == "reopen") return SIGUSR1;
  return SIGHUP;
}

int refuse(const std::string& why) {
  say("weir: [error] " + why);
  return 1;
}

// How it ended; nullopt when there is no admin socket to ask.
std::optional<int> reload_over(const std::string& socket) {
  if (socket.empty()) return std::nullopt;
  const Result<CtlReply> reply = ask_weir(socket, "POST", "/v1/reload", "");
  if (!reply) {
    say("weir: [warn] reload: asked for by a signal (" + reply.error() + ")");
    return std::nullopt;
  }
  if (reply->status >= 200 && reply->status < 300) return 0;
  return refuse(error_text(reply->body, reply->status));
}

int failed_call(pid_t pid, const std::string& signal) {
  say("weir: [alert] " + call_failed("kill(" + std::to_string(pid) + ", " + signal + ")", errno));
  return 1;
}

// Without the admin socket: a signal, and the pid file tells when that reload has ended, and how. Names that resolve
// slowly take their time.
int reload_by_signal(pid_t pid, const std::string& pid_file) {
  constexpr useconds_t kLookUs = 10'000;
  constexpr int kLooks = 12'000;
  const auto before = process::read_signalled_reload(pid_file);
  if (::kill(pid, SIGHUP) != 0) return failed_call(pid, "reload");
  for (int look = 0; look < kLooks; ++look) {
    ::usleep(kLookUs);
    const auto now = process::read_signalled_reload(pid_file);
    if (!now) return refuse("reload: weir has ended, or its pid file is gone (the error log has the outcome)");
    if (now == before) {
      if (::kill(pid, 0) != 0) return refuse("reload: weir has ended");
      continue;
    }
    if (!now->failed) return 0;
    return refuse("reload failed: the old configuration stays in force (the error log has the reason)");
  }
  return refuse("reload: not over after 120 s (the error log will have the outcome)");
}

}  // namespace

int send_signal(const process::CommandLine& line) {
  const bool reload = line.signal == "reload";
  const process::Places places = process::find_places(line);
  if (!places.errors.empty() && (reload || !places.readable)) {
    for (const std::string& error : places.errors) say(error);
    return reload ? refuse("reload not asked for: the configuration " + line.config + " has errors") : 1;
  }
  if (!places.errors.empty())
    say("weir: [warn] configuration " + line.config + " has errors (weir -t shows them), its pid file is taken to be " +
        places.pid);
  const Result<process::RunningInstance> running = process::read_pid_file(places.pid);
  if (!running) return refuse(running.error());
  const std::string pid = std::to_string(running->pid);
  if (!running->alive) return refuse("weir is not running: \"" + places.pid + "\" is stale (pid " + pid + ")");
  if (const Status<> ours = process::check_is_weir(*running); !ours)
    return refuse("\"" + places.pid + "\": " + ours.error() + ", no signal sent");
  if (reload) {
    const std::optional<int> outcome = reload_over(places.admin);
    return outcome ? *outcome : reload_by_signal(running->pid, places.pid);
  }
  return ::kill(running->pid, signal_of(line.signal)) == 0 ? 0 : failed_call(running->pid, line.signal);
}

}  // namespace weir::ctl
