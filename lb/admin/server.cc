// The admin socket on control's loop.
#include "admin/server.h"

#include <utility>

#include "admin/api.h"
#include "admin/content.h"
#include "admin/monitor_desk.h"
#include "admin/site.h"
#include "base/log.h"
#include "io/listener.h"
#include "process/admin_socket.h"
#include "proxy/core.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

constexpr size_t kMostSessions = 64;

}  // namespace

struct AdminServer::Impl {
  Impl(runtime::Runtime& of, runtime::Reload& reload, StartUpgrade start_upgrade)
      : runtime(of),
        api(of, reload, std::move(start_upgrade)),
        desk(of, api),
        contents(of.loop, api),
        core(of.loop, of.log_writer, {}) {
    runtime.workers.set_desk(&desk);
    core.adopt(make_admin_site(make_admin_handler(contents)));
    // What a connection that ended gives back is taken before anybody else takes it.
    runtime.loop.at_turn_end([this, of_this = std::weak_ptr<int>(alive)] {
      if (!of_this.expired() && listener != nullptr) listener->keep_spare();
    });
  }

  Status<> open(const std::string& path) {
    if (path == socket.path() && is_reachable()) return Void{};
    OwnedFd fd;
    process::AdminSocket opened;
    if (!path.empty()) {
      Result<process::AdminSocket> made = process::AdminSocket::open(path, fd);
      if (!made) return Unexpected{made.error()};
      opened = std::move(*made);
    }
    listener.reset();
    socket = std::move(opened);
    if (path.empty()) return Void{};
    listen(std::move(fd));
    log::info("admin socket: listening on unix:", path);
    return Void{};
  }

  void listen(OwnedFd fd) {
    listener = std::make_unique<io::Listener>(
        runtime.loop, fd.release(), [this](std::unique_ptr<io::Transport> transport) { accept(std::move(transport)); });
  }

  bool is_reachable() const { return socket.path().empty() || socket.is_in_place(); }

  // Who waits longest without a request under way makes room, so that idle connections lock nobody out.
  bool make_room() {
    if (core.sessions() < kMostSessions) return true;
    if (!core.close_longest_waiting()) return false;
    log::info("admin connection: closed (idle, ", kMostSessions, " are open and another came)");
    return true;
  }

  void accept(std::unique_ptr<io::Transport> transport) {
    if (make_room())
      core.accept(std::move(transport), admin_listen_address());
    else
      log::warn("admin connection: refused (", kMostSessions, " requests under way)");
  }

  void close() {
    alive.reset();
    listener.reset();
    socket = process::AdminSocket();
    core.close_all();
    api.changes().stop();
    api.live_view().stop();
  }

  runtime::Runtime& runtime;
  AdminApi api;
  MonitorDesk desk;
  process::AdminSocket socket;
  std::unique_ptr<io::Listener> listener;
  AdminContents contents;
  proxy::Core core;  // whose only listener is the admin socket
  std::shared_ptr<int> alive = std::make_shared<int>(0);
};

AdminServer::AdminServer(runtime::Runtime& runtime, runtime::Reload& reload, StartUpgrade start_upgrade)
    : impl_(std::make_unique<Impl>(runtime, reload, std::move(start_upgrade))) {
  // Not before the loop runs: the start has read the overrides and built the snapshot by then.
  runtime.loop.post([impl = impl_.get(), alive = std::weak_ptr<int>(impl_->alive)] {
    if (!alive.expired()) {
      impl->api.changes().resume_drains();
      impl->api.live_view().start();
    }
  });
}

AdminServer::~AdminServer() {
  close();
}

Status<> AdminServer::open(const std::string& path) {
  return impl_->open(path);
}

void AdminServer::inherit(const std::string& path, OwnedFd fd) {
  impl_->listener.reset();
  impl_->socket = process::AdminSocket::inherit(path);
  impl_->listen(std::move(fd));
}

OwnedFd AdminServer::duplicate() const {
  const bool there = impl_->listener != nullptr && impl_->socket.is_in_place();
  return there ? impl_->listener->duplicate() : OwnedFd();
}

void AdminServer::hand_over() {
  impl_->socket.hand_over();
  impl_->listener.reset();
  impl_->api.changes().stop();
}

bool AdminServer::is_reachable() const {
  return impl_->is_reachable();
}

void AdminServer::close() {
  impl_->close();
}

}  // namespace weir::admin
