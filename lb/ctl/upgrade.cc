// The same two ways as a reload.
#include "ctl/upgrade.h"

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
std::optional<int> upgrade_over(const Running& running, const process::CommandLine& line) {
  // What a signal does not tell.
  const char* needs_socket = nullptr;
  if (line.upgrade.within != process::UpgradeLine().within) needs_socket = "--within needs the admin socket";
  if (!line.upgrade.binary.empty()) needs_socket = "--binary needs the admin socket";
  const std::string& socket = running.places.admin;
  if (socket.empty()) return needs_socket != nullptr ? std::optional(refuse(needs_socket)) : std::nullopt;
  const std::string body = upgrade_body(line.upgrade, line.invocation.directory);
  const Result<CtlReply> reply = ask_weir(socket, "POST", "/v1/upgrade", body, kWorkPatience);
  if (!reply) {
    if (needs_socket != nullptr) return refuse("upgrade not asked for: " + reply.error());
    std::fprintf(stderr, "weir: [warn] upgrade: asked for by a signal (%s)\n", reply.error().c_str());
    return std::nullopt;
  }
  if (reply->status < 200 || reply->status >= 300) return refuse(error_text(reply->body, reply->status));
  std::fputs(upgrade_text(reply->body).c_str(), stdout);
  return 0;
}

// The successor writes its number into the pid file when it serves.
int upgrade_by_signal(const Running& running) {
  constexpr useconds_t kLookUs = 10'000;
  constexpr Millis kToServe{
      25'000};  // beyond `within`, which ends when the successor is ready: then it is handed the state
  const Millis most = process::UpgradeLine().within + kToServe;
  if (::kill(running.pid, SIGUSR2) != 0) return failed_kill(running.pid, "upgrade");
  for (int64_t waited = 0; waited < most.count(); waited += kLookUs / 1000) {
    ::usleep(kLookUs);
    const Result<process::RunningInstance> now = process::read_pid_file(running.places.pid);
    if (now && now->alive && now->pid != running.pid) {
      std::printf("upgraded: process %d serves\n", static_cast<int>(now->pid));
      return 0;
    }
    if (::kill(running.pid, 0) != 0) return refuse("upgrade: weir has ended");
  }
  return refuse("upgrade: the running weir still serves (the error log has the reason)");
}

}  // namespace

std::string upgrade_body(const process::UpgradeLine& line, const std::string& directory) {
  nlohmann::json body = {{"within_ms", line.within.count()}};
  if (!line.binary.empty()) body["binary"] = line.binary.front() == '/' ? line.binary : directory + "/" + line.binary;
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int upgrade(const process::CommandLine& line) {
  process::Places places = process::find_places(line);
  if (!places.errors.empty()) {
    for (const std::string& error : places.errors) std::fprintf(stderr, "%s\n", error.c_str());
    return refuse("upgrade not asked for: the configuration " + line.config + " has errors");
  }
  const std::optional<Running> running = find_running(std::move(places));
  if (!running) return 1;
  const std::optional<int> outcome = upgrade_over(*running, line);
  return outcome ? *outcome : upgrade_by_signal(*running);
}

}  // namespace weir::ctl
