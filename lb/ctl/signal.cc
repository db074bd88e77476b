// Finding the process first, then the signal.
#include "ctl/signal.h"

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "ctl/reload.h"
#include "ctl/running.h"
#include "process/places.h"

namespace weir::ctl {
namespace {

int signal_of(const std::string& word) {
  if (word == "stop") return SIGTERM;
  return word == "quit" ? SIGQUIT : SIGUSR1;
}

}  // namespace

int send_signal(const process::CommandLine& line) {
  if (line.signal == "reload") return reload(line);
  process::Places places = process::find_places(line);
  if (!places.readable) {
    for (const std::string& error : places.errors) std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  if (!places.errors.empty())
    std::fprintf(stderr,
                 "weir: [warn] configuration %s has errors (weir -t shows them), its pid file is taken to be %s\n",
                 line.config.c_str(), places.pid.c_str());
  const std::optional<Running> running = find_running(std::move(places));
  if (!running) return 1;
  return ::kill(running->pid, signal_of(line.signal)) == 0 ? 0 : failed_kill(running->pid, line.signal);
}

}  // namespace weir::ctl
