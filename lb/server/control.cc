// What each signal means: nginx's meanings.
#include "server/control.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "acme/service.h"
#include "base/log.h"
#include "base/system.h"
#include "cache/zone.h"
#include "process/admin_socket.h"
#include "runtime/automatic_certificates.h"

namespace weir::server {

Control::Control(runtime::Runtime& runtime, process::PidFile& pid_file, const process::Supervisor& supervisor)
    : runtime_(runtime),
      supervisor_(supervisor),
      pid_file_(pid_file),
      service_(runtime, supervisor),
      reload_(runtime, {.began = [this] { service_.reloading(); },
                        .loaded =
                            [this] {
                              move_admin();
                              want_certificates();
                              geo_.start();
                            },
                        .ended = [this] { service_.reloaded(); }}),
      certificates_(
          runtime.loop, [&runtime] { return runtime.model; }, [this] { tell_peers(); }),
      geo_(runtime.loop, [&runtime] { return runtime.model; }),
      stapling_(runtime.registry.staples()),
      upgrade_(runtime, reload_, upgrade_hooks()),
      admin_(runtime, reload_,
             [this](const admin::UpgradeChange& change, admin::UpgradeOutcome outcome) {
               upgrade_.start(change.binary, change.within, std::move(outcome));
             }),
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

bool Control::inherit_admin(const std::string& path, OwnedFd socket) {
  if (socket.get() < 0 || path != process::admin_socket_path(runtime_.model->main)) return false;
  admin_.inherit(path, std::move(socket));
  admin_path_ = path;
  return true;
}

void Control::start(const runtime::BuiltSite& built, std::function<bool()> serving, Succession* succession) {
  reload_.start(built, [this, serving = std::move(serving), succession] {
    if (!serving()) return;
    if (succession != nullptr) succession->serving();
    service_.start();
  });
  certificates_.start();
  geo_.start();
  want_certificates();
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

// Of certificates that were read again.
void Control::tell_peers() {
  reload_.rebuild([this](const std::vector<std::string>& errors) {
    if (!errors.empty()) certificates_.peers_not_told();
  });
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
  upgrade_.cancel();
  reload_.cancel();
  certificates_.stop();
  geo_.stop();
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
    case SIGUSR2: return upgrade_by_signal();
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
  if (!upgrade_.is_done()) service_.stopping("stopping");
  runtime_.loop.stop();
}

void Control::quit() {
  if (upgrade_.is_done()) return runtime_.workers.close_all_tunnels(Millis(0));
  if (runtime_.shutting_down) return;
  upgrade_.cancel();
  runtime_.shutting_down = true;
  log::notice("weir: shutting down (SIGQUIT), connections may finish");
  service_.stopping("shutting down, connections may finish");
  reload_.cancel();
  runtime_.workers.drain(runtime_.model->main.shutdown_timeout, [this] {
    log::notice("weir: all connections closed");
    runtime_.loop.stop();
  });
}

void Control::upgrade_by_signal() {
  log::notice("weir: upgrade requested (SIGUSR2)");
  upgrade_.start({}, process::UpgradeLine().within, {});
}

UpgradeHooks Control::upgrade_hooks() {
  UpgradeHooks hooks;
  hooks.add_items = [this](std::vector<process::HandoverItem>& items) { add_items(items); };
  hooks.announce = [this](pid_t successor) {
    service_.silence();
    supervisor_.main_process(successor);
  };
  hooks.release = [this] { release(); };
  hooks.take_back = [this] { pid_file_.reclaim(); };
  // Nobody accepts any more: whoever watches over weir is to see that at once.
  hooks.successor_lost = [this](const std::string& how) {
    log::crit("weir: the process that has taken over has ended (", how, "), stopping");
    runtime_.loop.stop();
  };
  return hooks;
}

void Control::add_items(std::vector<process::HandoverItem>& items) {
  using Kind = process::HandoverItem::Kind;
  const auto add = [&items](Kind kind, const std::string& name, OwnedFd fd) {
    if (fd.get() < 0) return;
    process::HandoverItem& item = items.emplace_back();
    item.kind = kind;
    item.name = name;
    item.fd = std::move(fd);
  };
  add(Kind::kPidFile, pid_file_.path(), pid_file_.duplicate());
  add(Kind::kAdmin, admin_path_, admin_.duplicate());
  add(Kind::kNotify, {}, supervisor_.duplicate());
  if (supervisor_.is_there()) items.back().watchdog = supervisor_.watchdog();
}

// Files and whatever acts beside the requests are the new weir's.
void Control::release() {
  pid_file_.hand_over();
  admin_.hand_over();
  runtime_.sockets.hand_over();
  runtime_.state = {};
  reload_.cancel("a new weir has taken over: ask it");
  certificates_.stop();
  geo_.stop();
  runtime_.end_checks();
  for (const auto& cache : runtime_.registry.caches()) cache->hand_over();
  drain_after_upgrade();
  runtime_.automatic_certificates->stop();
  stapling_.stop();
}

// WebSockets are what takes long: they stay until worker_shutdown_timeout, and are closed evenly over the last part of
// it, so that not all clients come back at once. Those of peers that the operator drains go now.
void Control::drain_after_upgrade() {
  constexpr Millis kLongestSpread{10'000}, kDrainSpread{10'000};
  const Millis most = runtime_.model->main.shutdown_timeout;
  runtime_.workers.drain(
      most,
      [this] {
        log::notice("weir: all connections closed");
        runtime_.loop.stop();
      },
      true);
  const auto close_tunnels_of = [&](const std::shared_ptr<policy::PeerState>& peer) {
    runtime_.workers.each([&](runtime::Worker& worker) { worker.close_tunnels(peer, 1001, kDrainSpread); });
  };
  for (const auto& [key, peer] : runtime_.registry.in_use().peers)
    if (peer->drain) close_tunnels_of(peer);
  if (most.count() == 0) return;
  goodbye_spread_ = std::min(most / 4, kLongestSpread);
  runtime_.loop.arm(goodbye_, runtime_.loop.now() + (most - goodbye_spread_).count());
}

void Control::on_deadline(Deadline&) {
  log::notice("weir: closing the WebSockets that are left (worker_shutdown_timeout)");
  runtime_.workers.close_all_tunnels(goodbye_spread_ / 2);
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
