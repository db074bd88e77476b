// Over the admin socket; where there is none, by a signal and the pid file.
#include "ctl/reload.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "ctl/client.h"
#include "ctl/running.h"
#include "ctl/text.h"
#include "process/pid_file.h"

namespace weir::ctl {
namespace {

// How it ended; nullopt when there is no admin socket to ask.
std::optional<int> reload_over(const std::string& socket, const process::CommandLine& line) {
  const bool verifies = !line.ctl.verify.empty();
  if (socket.empty()) return verifies ? std::optional(refuse("--verify needs the admin socket")) : std::nullopt;
  const Result<CtlReply> reply = ask_weir(socket, "POST", "/v1/reload", reload_body(line.ctl), kWorkPatience);
  if (!reply) {
    if (verifies) return refuse("reload not asked for: " + reply.error());
    std::fprintf(stderr, "weir: [warn] reload: asked for by a signal (%s)\n", reply.error().c_str());
    return std::nullopt;
  }
  if (reply->status < 200 || reply->status >= 300) return refuse(error_text(reply->body, reply->status));
  if (line.command == process::Command::kReload) std::fputs(reload_text(reply->body).c_str(), stdout);
  return 0;
}

// The pid file tells when that reload has ended, and how. Names that resolve slowly take their time.
int reload_by_signal(pid_t pid, const std::string& pid_file) {
  constexpr useconds_t kLookUs = 10'000;
  constexpr int kLooks = 12'000;
  const auto before = process::read_signalled_reload(pid_file);
  if (::kill(pid, SIGHUP) != 0) return failed_kill(pid, "reload");
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

std::string reload_body(const process::CtlLine& line) {
  if (line.verify.empty()) return {};
  const nlohmann::json body = {{"verify", line.verify}, {"within_ms", line.within.count()}};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int reload(const process::CommandLine& line) {
  process::Places places = process::find_places(line);
  if (!places.errors.empty()) {
    for (const std::string& error : places.errors) std::fprintf(stderr, "%s\n", error.c_str());
    return refuse("reload not asked for: the configuration " + line.config + " has errors");
  }
  const std::optional<Running> running = find_running(std::move(places));
  if (!running) return 1;
  const std::optional<int> outcome = reload_over(running->places.admin, line);
  if (outcome) return *outcome;
  const int code = reload_by_signal(running->pid, running->places.pid);
  if (code == 0 && line.command == process::Command::kReload) std::puts("reloaded");
  return code;
}

}  // namespace weir::ctl
