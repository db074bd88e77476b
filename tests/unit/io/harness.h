// Sockets, a recording handler and a bounded way to turn a loop: what the tests of io/ share.
#pragma once
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/transport.h"

namespace weir::io::test {

// Turns the loop until `done`, or for ten seconds: false then. Blocks in the poll, never sleeps.
inline bool until(Loop& loop, const std::function<bool()>& done) {
  struct Watchdog final : DeadlineHandler {
    void on_deadline(Deadline&) override { barked = true; }
    bool barked = false;
  } dog;
  Deadline limit(&dog);
  loop.arm(limit, loop.now() + 10'000);
  while (!done() && !dog.barked) loop.turn(true);
  return !dog.barked;
}

// Keeps the thread busy, as a stalled loop does.
inline void stall(int64_t ms) {
  const MonoMs end = monotonic_ms() + ms;
  while (monotonic_ms() < end) {
  }
}

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { close(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // RST instead of FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void write(std::string_view bytes) const {
    if (::write(fd_, bytes.data(), bytes.size()) < 0) std::abort();
  }
  // What is there now; "" when nothing is, or at the end.
  std::string read_some(size_t most = 65536) const {
    std::string out(most, '\0');
    const ssize_t n = ::recv(fd_, out.data(), most, MSG_DONTWAIT);
    out.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return out;
  }
  // The errno of a read now; 0: bytes or the end.
  int read_error() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 ? errno : 0;
  }
  bool at_end() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }

 private:
  int fd_;
};

// While it lives the process can open nothing.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    // UBSan opens a pipe to look at a type of object that it has not seen before: let it see the logger's now.
    log::crit("a test takes all descriptors");
    ::getrlimit(RLIMIT_NOFILE, &before_);
    // The lowest free number is the one that the next open would get.
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

inline SocketAddress loopback(uint16_t port = 0) {
  return *SocketAddress::from_ip("127.0.0.1", port);
}

inline Fd raw_connect(const SocketAddress& to, bool block = true) {
  sockaddr_storage storage{};
  const socklen_t length = to.to_sockaddr(storage);
  Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (block ? 0 : SOCK_NONBLOCK), 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0 && block) std::abort();
  return fd;
}

// Two connected sockets: TCP over loopback, or a unix pair. Both block.
inline std::pair<Fd, Fd> socket_pair(bool tcp) {
  if (!tcp) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    return {Fd(fds[0]), Fd(fds[1])};
  }
  Fd listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t length = loopback().to_sockaddr(storage);
  if (::bind(listening.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::abort();
  if (::listen(listening.get(), 1) != 0) std::abort();
  Fd client = raw_connect(bound_address(listening.get()));
  return {Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)), std::move(client)};
}

// How much the kernel takes of what nobody reads: some hundred KB, whatever this machine's limits are and however soon
// the other end's acknowledgements are processed. Unbounded, it now and then takes all of 4 MB.
inline void bound_buffers(const Fd& from, const Fd& to) {
  const int most = 192 << 10;  // room for a whole packet of loopback, or the first may be thrown away
  if (::setsockopt(from.get(), SOL_SOCKET, SO_SNDBUF, &most, sizeof most) != 0) std::abort();
  if (::setsockopt(to.get(), SOL_SOCKET, SO_RCVBUF, &most, sizeof most) != 0) std::abort();
}

// Writes down what happens; each event then runs its hook, which may close or destroy anything.
struct Recorder final : TransportHandler {
  std::string bytes;
  int reads = 0;
  int eofs = 0;
  int errors = 0;
  int code = 0;
  int sents = 0;
  std::vector<std::string> order;
  std::function<void()> when_read, when_eof, when_error, when_sent;

  size_t wanted = kUsualRead;
  size_t most_read = 0;

  size_t on_read_soon() override { return wanted; }
  void on_read(std::string_view some) override {
    bytes += some;
    most_read = std::max(most_read, some.size());
    ++reads;
    order.push_back("read");
    if (when_read) when_read();
  }
  void on_eof() override {
    ++eofs;
    order.push_back("eof");
    if (when_eof) when_eof();
  }
  void on_transport_error(int error) override {
    ++errors;
    code = error;
    order.push_back("error");
    if (when_error) when_error();
  }
  void on_sent() override {
    ++sents;
    if (when_sent) when_sent();
  }
  int events() const { return reads + eofs + errors + sents; }
};

inline int send(Transport& transport, std::string_view bytes) {
  return transport.send(&bytes, 1);
}

}  // namespace weir::io::test
