// The admin socket on control's loop.
#include "server/admin_server.h"

#include "server/admin_socket.h"

namespace weir::server {

struct AdminServer::Impl {};

AdminServer::AdminServer(Runtime&, Reload&) {}
AdminServer::~AdminServer() = default;
Status<> AdminServer::open(const std::string&) {
  return Void{};
}
void AdminServer::close() {}

}  // namespace weir::server
