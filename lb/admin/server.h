// The admin socket: HTTP/1.1 with JSON over a unix socket that only the user of weir (and root) may open. `weir ctl`
// and the metrics page are served from here, on control's loop.
#pragma once
#include <memory>
#include <string>

#include "admin/api.h"
#include "base/owned_fd.h"
#include "base/result.h"

namespace weir::admin {

class AdminServer {
 public:
  // Once the loop runs it goes on with the drains that the last run of weir did not end.
  AdminServer(runtime::Runtime& runtime, runtime::Reload& reload, StartUpgrade start_upgrade = {});
  ~AdminServer();  // as close()
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Listens on this path (admin_socket_path()), mode 0600, and then lets go of the one before it; connections live on.
  // A file that nobody listens behind is replaced. Empty: none from now on. The error is text for the operator, and the
  // old socket stays.
  Status<> open(const std::string& path);
  // Instead of open(): goes on listening on the socket of the weir whose place this one takes.
  void inherit(const std::string& path, OwnedFd fd);
  // Another descriptor of the socket, for such a weir; -1: none is open, or its file is gone.
  OwnedFd duplicate() const;
  // That weir listens: nobody comes here any more, the file stays, no drain goes on. Connections live on.
  void hand_over();
  // False: somebody has removed the socket's file, and nobody can connect; open() makes it anew.
  bool is_reachable() const;
  // Ends every connection and drain, and removes the socket's file. Before the workers are stopped.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::admin
