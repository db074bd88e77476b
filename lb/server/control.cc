// What each signal means: nginx's meanings.
#include "server/control.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>

#include "acme/service.h"
#include "base/log.h"
#include "base/system.h"
#include "process/admin_socket.h"
#include "runtime/automatic_certificates.h"

namespace weir::server {

Control::Control(runtime::Runtime& runtime, process::PidFile& pid_file, const process::Supervisor& supervisor)
    : runtime_(runtime),
      pid_file_(pid_file),
      service_(runtime, supervisor),
      reload_(runtime, {.began = [this] { service_.reloading(); },
                        .loaded =
                            [this] {
                              move_admin();
                              want_certificates();
                            },
                        .ended = [this] { service_.reloaded(); }}),
      certificates_(runtime.loop, [&runtime] { return runtime.model; }),
      stapling_(runtime.registry.staples()),
      admin_(runtime, reload_),
      signals_(runtime.loop, {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2},
               [this](int number) { on_signal(number); }) {}

Status<> Control::open_admin(const std::optional<process::Account>& account) {
  const config::MainConfig& main = runtime_.model->main;
  const std::string path = process::admin_socket_path(main);
  if (path.empty()) return Void{};
  if (Status<> opened = admin_.open(path); !opened) {
    if (!main.admin.empty()) return opened;
    log::warn("admin socket: not opened (", opened.error(), ")");
    return Void{};
  }
  admin_path_ = path;
  if (account && ::lchown(path.c_str(), account->uid, account->gid) != 0)
    log::warn("admin socket: owner not changed (", call_failed("lchown() \"" + path + "\"", errno), ")");
  return Void{};
}

// A reload may name another socket, and brings back one whose file somebody has removed.
void Control::move_admin() {
  const std::string path = process::admin_socket_path(runtime_.model->main);
  if (path == admin_path_ && admin_.is_reachable()) return;
  if (Status<> opened = admin_.open(path); !opened)
    return log::error("admin socket: ", admin_path_.empty() ? "not opened (" : "not moved (", opened.error(), ")");
  const char* event = path == admin_path_ ? "restored at " : "moved to ";
  admin_path_ = path;
  log::notice("admin socket: ", path.empty() ? "closed" : event + path);
}

void Control::want_certificates() {
  runtime_.automatic_certificates->want(runtime::certificate_plan(*runtime_.model));
  stapling_.want(*runtime_.model);
}

void Control::restore_pid_file() {
  if (const Status<> restored = pid_file_.restore(); !restored)
    log::error("pid file: not restored (", restored.error(), "), weir -s will not find this process");
}

void Control::run() {
  {
    std::optional<runtime::LoopWatch::Guard> watched;
    if (runtime_.watch != nullptr) watched.emplace(runtime_.watch->watch("control", runtime_.loop));
    runtime_.loop.run();
  }
  reload_.cancel();
  certificates_.stop();
  runtime_.automatic_certificates->stop();
  stapling_.stop();
  admin_.close();
  runtime_.workers.stop();
  runtime_.sockets.close_all();
  runtime_.log_writer.flush();
}

void Control::on_signal(int number) {
  switch (number) {
    case SIGTERM: return stop("SIGTERM");
    case SIGINT: return stop("SIGINT");
    case SIGQUIT: return quit();
    case SIGUSR1: return reopen_logs();
    case SIGHUP:
      if (runtime_.shutting_down) {
        pid_file_.note_reload(false);
        return log::notice("signal SIGHUP: ignored (shutting down)");
      }
      restore_pid_file();
      if (!admin_.is_reachable()) move_admin();
      return reload_.request([this](const std::vector<std::string>& errors) { pid_file_.note_reload(errors.empty()); });
    default: log::notice("signal ", number, ": ignored (no meaning for weir)"); return;
  }
}

void Control::stop(const char* why) {
  log::notice("weir: stopping (", why, ")");
  service_.stopping("stopping");
  runtime_.loop.stop();
}

void Control::quit() {
  if (runtime_.shutting_down) return;
  runtime_.shutting_down = true;
  log::notice("weir: shutting down (SIGQUIT), connections may finish");
  service_.stopping("shutting down, connections may finish");
  reload_.cancel();
  runtime_.workers.drain(runtime_.model->main.shutdown_timeout, [this] {
    log::notice("weir: all connections closed");
    runtime_.loop.stop();
  });
}

// Workers hand over first what they hold, so that a line written before the signal is in the old file.
void Control::reopen_logs() {
  runtime_.workers.flush_logs([this] {
    runtime_.log_writer.flush();
    const Status<> access = runtime_.log_writer.reopen();
    const Status<> errors = log::reopen();
    log::notice("logs: reopened");
    if (!access) log::error("access log: not reopened (", access.error(), ")");
    if (!errors) log::error("error log: not reopened (", errors.error(), ")");
  });
}

}  // namespace weir::server
