// Listening sockets as descriptors: made, bound and listening before any loop knows them.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/owned_fd.h"
#include "base/system.h"
#include "io/listener.h"

namespace weir::io {
namespace {

Unexpected<std::string> failed(const char* call, const SocketAddress& address, int code) {
  return Unexpected{call_failed(std::string(call) + " to " + address.to_string(), code)};
}

int make_socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool set(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool bind_to(int fd, const sockaddr_storage& storage, socklen_t length) {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

// A socket file that nobody listens behind: what a killed process leaves.
bool stale(const SocketAddress& address, const sockaddr_storage& storage, socklen_t length) {
  struct stat info {};
  if (::lstat(address.path().c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const OwnedFd probe(make_socket(AF_UNIX));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 && errno == ECONNREFUSED;
}

int value_of(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, level, name, &value, &length) == 0 ? value : 0;
}

// Off is what a fresh socket is: nothing is asked of a kernel that may not know the option.
bool set_or_off(int fd, int level, int name, int value) {
  return (value == 0 && value_of(fd, level, name) == 0) || set(fd, level, name, value);
}

// 0: the system's, which a socket that was tuned before goes back to.
bool set_keepalive_number(int fd, int name, int value) {
  if (value == 0) value = value_of(OwnedFd(make_socket(AF_INET)).get(), IPPROTO_TCP, name);
  return set(fd, IPPROTO_TCP, name, value);
}

bool set_keepalive(int fd, const ListenOptions& options) {
  if (!set_or_off(fd, SOL_SOCKET, SO_KEEPALIVE, options.keepalive ? 1 : 0)) return false;
  return !options.keepalive || (set_keepalive_number(fd, TCP_KEEPIDLE, options.keep_idle) &&
                                set_keepalive_number(fd, TCP_KEEPINTVL, options.keep_interval) &&
                                set_keepalive_number(fd, TCP_KEEPCNT, options.keep_count));
}

// Accepted sockets inherit it. 0 or errno.
int set_tunable(int fd, const SocketAddress& address, const ListenOptions& options) {
  if (!address.is_unix()) {
    if (!set_keepalive(fd, options)) return errno;
    if (!set_or_off(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, options.deferred ? 1 : 0)) return errno;
    if (!set_or_off(fd, IPPROTO_TCP, TCP_FASTOPEN, options.fast_open)) return errno;
  }
  if (options.receive_buffer > 0 && !set(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer)) return errno;
  if (options.send_buffer > 0 && !set(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer)) return errno;
  return 0;
}

// What has to be set before bind. 0 or errno.
int set_options(int fd, const SocketAddress& address, const ListenOptions& options) {
  if (!address.is_unix()) {
    if (!set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return errno;
    if (options.reuse_port && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return errno;
    if (address.is_ipv6() && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0)) return errno;
    if (!set(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return errno;
  }
  return set_tunable(fd, address, options);
}

// 0 or errno.
int bind_address(int fd, const SocketAddress& address) {
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  if (length == 0) return ENAMETOOLONG;
  if (bind_to(fd, storage, length)) return 0;
  if (errno != EADDRINUSE || !address.is_unix()) return errno;
  if (!stale(address, storage, length)) return EADDRINUSE;
  ::unlink(address.path().c_str());
  return bind_to(fd, storage, length) ? 0 : errno;
}

}  // namespace

Result<int> open_listener(const SocketAddress& address, const ListenOptions& options) {
  sockaddr_storage storage{};
  if (address.to_sockaddr(storage) == 0) return failed("bind()", address, ENAMETOOLONG);
  OwnedFd fd(make_socket(storage.ss_family));
  if (fd.get() < 0) return failed("socket()", address, errno);
  if (const int code = set_options(fd.get(), address, options)) return failed("setsockopt()", address, code);
  if (const int code = bind_address(fd.get(), address)) return failed("bind()", address, code);
  // As nginx: who may connect is decided by the directory.
  const bool file = address.is_unix() && !address.path().empty() && address.path().front() != '\0';
  if (file && ::chmod(address.path().c_str(), 0666) != 0) return failed("chmod()", address, errno);
  if (::listen(fd.get(), options.backlog) != 0) return failed("listen()", address, errno);
  return fd.release();
}

Status<> tune_listener(int fd, const SocketAddress& address, const ListenOptions& options) {
  if (const int code = set_tunable(fd, address, options)) return failed("setsockopt()", address, code);
  if (::listen(fd, options.backlog) != 0) return failed("listen()", address, errno);
  return Void{};
}

// SO_REUSEADDR does not hide a listener, only connections in TIME_WAIT.
Status<> probe_address(const SocketAddress& address) {
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  if (length == 0) return failed("bind()", address, ENAMETOOLONG);
  if (address.is_unix()) {
    struct stat info {};
    if (::lstat(address.path().c_str(), &info) != 0 || stale(address, storage, length)) return Void{};
    return failed("bind()", address, EADDRINUSE);
  }
  const OwnedFd fd(make_socket(storage.ss_family));
  if (fd.get() < 0) return failed("socket()", address, errno);
  ListenOptions options;
  options.reuse_port = false;
  if (const int code = set_options(fd.get(), address, options)) return failed("setsockopt()", address, code);
  if (!bind_to(fd.get(), storage, length)) return failed("bind()", address, errno);
  return Void{};
}

SocketAddress bound_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

}  // namespace weir::io
