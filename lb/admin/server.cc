// The admin socket on control's loop.
#include "admin/server.h"

#include <map>
#include <utility>

#include "admin/api.h"
#include "admin/session.h"
#include "base/log.h"
#include "io/listener.h"
#include "process/admin_socket.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

constexpr size_t kMostSessions = 64;

}  // namespace

struct AdminServer::Impl {
  Impl(runtime::Runtime& of, runtime::Reload& reload) : runtime(of), api(of, reload) {}

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
    listener = io::Listener::of_descriptors(runtime.loop, fd.release(), [this](int connected) { accept(connected); });
    log::info("admin socket: listening on unix:", path);
    return Void{};
  }

  bool is_reachable() const { return socket.path().empty() || socket.is_in_place(); }

  // Who waits longest without a request under way makes room, so that idle connections lock nobody out.
  bool make_room() {
    if (sessions.size() < kMostSessions) return true;
    AdminSession* longest = nullptr;
    for (const auto& [session, owner] : sessions)
      if (session->is_waiting() && (longest == nullptr || session->waits_since() < longest->waits_since()))
        longest = session;
    if (longest == nullptr) return false;
    log::info("admin connection: closed (idle, ", kMostSessions, " are open and another came)");
    longest->close();
    return true;
  }

  void accept(int fd) {
    if (!make_room()) {
      log::warn("admin connection: refused (", kMostSessions, " requests under way)");
      OwnedFd refused(fd);
      return;
    }
    std::string who = process::peer_credentials(fd);
    std::unique_ptr<io::Transport> transport = io::make_transport(runtime.loop, fd);
    if (transport == nullptr) return;
    auto session = std::make_unique<AdminSession>(runtime.loop, std::move(transport), api, std::move(who),
                                                  [this](AdminSession& closed) { bury(closed); });
    AdminSession& started = *session;
    sessions.emplace(&started, std::move(session));
    started.start();
  }

  void bury(AdminSession& closed) {
    const auto found = sessions.find(&closed);
    if (found == sessions.end()) return;
    runtime.loop.bury(std::move(found->second));
    sessions.erase(found);
  }

  void close() {
    alive.reset();
    listener.reset();
    socket = process::AdminSocket();
    while (!sessions.empty()) sessions.begin()->second->close();
    api.changes().stop();
  }

  runtime::Runtime& runtime;
  AdminApi api;
  process::AdminSocket socket;
  std::unique_ptr<io::Listener> listener;
  std::map<AdminSession*, std::unique_ptr<AdminSession>> sessions;
  std::shared_ptr<int> alive = std::make_shared<int>(0);
};

AdminServer::AdminServer(runtime::Runtime& runtime, runtime::Reload& reload)
    : impl_(std::make_unique<Impl>(runtime, reload)) {
  // Not before the loop runs: the start has read the overrides and built the snapshot by then.
  runtime.loop.post([impl = impl_.get(), alive = std::weak_ptr<int>(impl_->alive)] {
    if (!alive.expired()) impl->api.changes().resume_drains();
  });
}

AdminServer::~AdminServer() {
  close();
}

Status<> AdminServer::open(const std::string& path) {
  return impl_->open(path);
}

bool AdminServer::is_reachable() const {
  return impl_->is_reachable();
}

void AdminServer::close() {
  impl_->close();
}

}  // namespace weir::admin
