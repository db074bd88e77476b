// Finding the process first, then the signal or the reload.
#include "ctl/signal.h"

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

// How it ended; nullopt when there is no admin socket to ask, which has been said.
std::optional<int> reload_over(const std::string& socket) {
  if (socket.empty()) {
    say("weir: [warn] reload: the outcome is in the error log alone (admin off)");
    return std::nullopt;
  }
  const Result<CtlReply> reply = ask_weir(socket, "POST", "/v1/reload", "");
  if (!reply) {
    say("weir: [warn] reload: the outcome is in the error log alone (" + reply.error() + ")");
    return std::nullopt;
  }
  if (reply->status >= 200 && reply->status < 300) return 0;
  return refuse(error_text(reply->body, reply->status));
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
  if (reload)
    if (const std::optional<int> outcome = reload_over(places.admin)) return *outcome;
  if (::kill(running->pid, signal_of(line.signal)) == 0) return 0;
  say("weir: [alert] " + call_failed("kill(" + pid + ", " + line.signal + ")", errno));
  return 1;
}

}  // namespace weir::ctl
