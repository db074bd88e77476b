// Making and removing the admin socket's file.
#include "process/admin_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/sockaddr.h"
#include "base/system.h"

namespace weir::process {
namespace {

constexpr int kBacklog = 512;
constexpr std::string_view kUnixPrefix = "unix:";

Unexpected<std::string> failed(const char* call, const std::string& path, int code) {
  return Unexpected{call_failed(std::string(call) + " to unix:" + path, code)};
}

bool is_stale(const std::string& path, const sockaddr_storage& storage, socklen_t length) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 && errno == ECONNREFUSED;
}

}  // namespace

std::string admin_socket_path(const config::MainConfig& main) {
  if (main.admin == "off") return {};
  if (!main.admin.empty())
    return main.admin.starts_with(kUnixPrefix) ? main.admin.substr(kUnixPrefix.size()) : main.admin;
  constexpr std::string_view kPid = ".pid";
  const std::string& pid = main.pid;
  return (pid.ends_with(kPid) ? pid.substr(0, pid.size() - kPid.size()) : pid) + ".sock";
}

Status<> check_directory_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos || slash == 0) return Void{};
  if (::access(file.substr(0, slash).c_str(), X_OK) == 0) return Void{};
  return Unexpected{call_failed("open() \"" + file + "\"", errno)};
}

AdminSocket::~AdminSocket() {
  remove();
}

AdminSocket::AdminSocket(AdminSocket&& other) noexcept {
  *this = std::move(other);
}

AdminSocket& AdminSocket::operator=(AdminSocket&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

Result<AdminSocket> AdminSocket::open(const std::string& path, OwnedFd& fd) {
  sockaddr_storage storage{};
  const socklen_t length = SocketAddress::from_unix(path).to_sockaddr(storage);
  if (length == 0) return failed("bind()", path, ENAMETOOLONG);
  OwnedFd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made.get() < 0) return failed("socket()", path, errno);
  // Linux gives the file the mode of the socket: there is no moment in which others could connect.
  if (::fchmod(made.get(), 0600) != 0) return failed("fchmod()", path, errno);
  const auto bind = [&] {
    return ::bind(made.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : errno;
  };
  int code = bind();
  if (code == EADDRINUSE && is_stale(path, storage, length)) {
    ::unlink(path.c_str());
    code = bind();
  }
  if (code != 0) return failed("bind()", path, code);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return failed("lstat()", path, errno);
  AdminSocket socket;
  socket.path_ = path;
  socket.device_ = info.st_dev;
  socket.inode_ = info.st_ino;
  if (::listen(made.get(), kBacklog) != 0) return failed("listen()", path, errno);
  fd = std::move(made);
  return socket;
}

AdminSocket AdminSocket::inherit(const std::string& path) {
  AdminSocket socket;
  socket.path_ = path;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return socket;  // somebody has removed it; it can be made anew
  socket.device_ = info.st_dev;
  socket.inode_ = info.st_ino;
  return socket;
}

bool AdminSocket::is_in_place() const {
  struct stat info {};
  return !path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_;
}

void AdminSocket::remove() {
  if (is_in_place()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace weir::process
