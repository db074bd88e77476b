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
    if (path == socket.path()) return Void{};
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
    if (sessions.size() >= kMostSessions) listener->pause();
    log::info("admin socket: listening on unix:", path);
    return Void{};
  }

  void accept(int fd) {
    std::string who = process::peer_credentials(fd);
    std::unique_ptr<io::Transport> transport = io::make_transport(runtime.loop, fd);
    if (transport == nullptr) return;
    auto session = std::make_unique<AdminSession>(runtime.loop, std::move(transport), api, std::move(who),
                                                  [this](AdminSession& closed) { bury(closed); });
    AdminSession& started = *session;
    sessions.emplace(&started, std::move(session));
    if (sessions.size() >= kMostSessions) listener->pause();
    started.start();
  }

  void bury(AdminSession& closed) {
    const auto found = sessions.find(&closed);
    if (found == sessions.end()) return;
    runtime.loop.bury(std::move(found->second));
    sessions.erase(found);
    if (listener != nullptr) listener->resume();
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

void AdminServer::close() {
  impl_->close();
}

}  // namespace weir::admin
