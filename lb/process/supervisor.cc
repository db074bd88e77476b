// Datagrams to a unix socket, and descriptors from 3 on.
#include "process/supervisor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/system.h"

namespace weir::process {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START
constexpr int64_t kMostPassed = 4096;

// Its value, and no child gets to see it.
std::optional<std::string> take_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text = value;
  ::unsetenv(name);
  return text;
}

std::optional<int64_t> take_number(const char* name) {
  const std::optional<std::string> text = take_variable(name);
  return text ? parse_decimal(*text) : std::nullopt;
}

bool is_option_set(int fd, int option, int value) {
  int is = 0;
  socklen_t length = sizeof is;
  return ::getsockopt(fd, SOL_SOCKET, option, &is, &length) == 0 && is == value;
}

// Nobody but weir uses it from here on. The error says why it is no listener.
Status<> claim(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return Unexpected{call_failed("fcntl()", errno)};
  if (!is_option_set(fd, SO_TYPE, SOCK_STREAM)) return Unexpected{std::string("it is no stream socket")};
  if (!is_option_set(fd, SO_ACCEPTCONN, 1)) return Unexpected{std::string("it does not listen")};
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return Void{};
}

SocketAddress address_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

// "weir.socket:admin": the next name, which is taken away.
std::string next_name(std::string_view& names) {
  const size_t colon = names.find(':');
  std::string name(names.substr(0, colon));
  names.remove_prefix(colon == std::string_view::npos ? names.size() : colon + 1);
  return name;
}

}  // namespace

Supervisor Supervisor::take() {
  Supervisor supervisor;
  const std::optional<std::string> path = take_variable("NOTIFY_SOCKET");
  const std::optional<int64_t> wait_us = take_number("WATCHDOG_USEC");
  const std::optional<int64_t> waits_for = take_number("WATCHDOG_PID");
  if (!path || path->size() < 2 || (path->front() != '/' && path->front() != '@')) return supervisor;
  std::string name = *path;
  if (name.front() == '@') name.front() = '\0';  // an abstract name
  sockaddr_storage storage{};
  const socklen_t length = SocketAddress::from_unix(name).to_sockaddr(storage);
  OwnedFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (length == 0 || fd.get() < 0) return supervisor;
  // Now, while the process is who the manager started: what it becomes may not reach the socket.
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return supervisor;
  supervisor.fd_ = std::move(fd);
  if (wait_us && *wait_us > 0 && (!waits_for || *waits_for == ::getpid()))
    supervisor.watchdog_ = Millis(std::max<int64_t>(*wait_us / 1000, 1));
  return supervisor;
}

Supervisor Supervisor::inherit(OwnedFd fd, Millis watchdog) {
  Supervisor supervisor;
  supervisor.fd_ = std::move(fd);
  supervisor.watchdog_ = supervisor.is_there() ? watchdog : Millis(0);
  return supervisor;
}

void Supervisor::main_process(pid_t pid) const {
  tell("MAINPID=" + std::to_string(pid));
}

void Supervisor::tell(const std::string& lines) const {
  if (!is_there()) return;
  while (::send(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void Supervisor::ready(const std::string& text) const {
  tell("READY=1\nSTATUS=" + text);
}

// The manager sets the time against its own, so that it knows which reload this is.
void Supervisor::reloading() const {
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()) + "\nSTATUS=reloading");
}

void Supervisor::stopping(const std::string& text) const {
  tell("STOPPING=1\nSTATUS=" + text);
}

void Supervisor::status(const std::string& text) const {
  tell("STATUS=" + text);
}

void Supervisor::alive() const {
  tell("WATCHDOG=1");
}

PassedSockets take_passed_sockets() {
  PassedSockets passed;
  const std::optional<int64_t> for_pid = take_number("LISTEN_PID");
  const std::optional<int64_t> count = take_number("LISTEN_FDS");
  const std::optional<std::string> all_names = take_variable("LISTEN_FDNAMES");
  if (!for_pid || *for_pid != ::getpid() || !count || *count > kMostPassed) return passed;
  std::string_view names = all_names ? std::string_view(*all_names) : std::string_view();
  for (int fd = kFirstPassed; fd < kFirstPassed + static_cast<int>(*count); ++fd) {
    PassedSocket socket{OwnedFd(fd), next_name(names), {}};
    if (const Status<> claimed = claim(fd); !claimed) {
      passed.warnings.push_back("passed descriptor " + std::to_string(fd) +
                                (socket.name.empty() ? "" : " (" + socket.name + ")") + ": closed (" + claimed.error() +
                                ")");
      continue;
    }
    socket.address = address_of(fd);
    passed.sockets.push_back(std::move(socket));
  }
  return passed;
}

}  // namespace weir::process
