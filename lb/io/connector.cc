// connect(): a socket of our own with its options set, libuv's connect on it, a deadline on the wheel, and errors as
// kinds.
#include "io/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/stream.h"

namespace weir::io {
namespace {

// Dead peers are noticed after 30 s + 3 * 10 s of silence (SEMANTICS section 1).
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveProbes = 3;

void set(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

// An option that the kernel refuses costs a feature, not the connection.
void set_tcp_options(int fd, const ConnectOptions& options) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.keepalive) {
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleS);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalS);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  }
  if (options.user_timeout_ms > 0) set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options.user_timeout_ms);
}

// The port is chosen when the connection is made, and may be that of another to a different peer.
bool bind_to(int fd, const SocketAddress& address) {
  if (address.port() == 0) set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  return length != 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0;
}

ConnectFailure classify(int code, bool unix_socket) {
  switch (-code) {
    case ECONNREFUSED: return {ErrorKind::kConnectRefused, code};
    case ENOENT: return {unix_socket ? ErrorKind::kConnectRefused : ErrorKind::kConnectFailed, code};
    case ETIMEDOUT: return {ErrorKind::kConnectTimeout, code};
    case EAGAIN:  // TCP: no port is free; unix: the backlog is full
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL: return {ErrorKind::kLocalError, code};
    default: return {ErrorKind::kConnectFailed, code};
  }
}

class SocketConnecting final : public Connecting, private ConnectWatcher, private DeadlineHandler {
 public:
  SocketConnecting(Loop& loop, OnDone done) : loop_(loop), done_(std::move(done)), deadline_(this) {}

  void start(const SocketAddress& address, const ConnectOptions& options) {
    unix_ = address.is_unix();
    const int status = try_start(address, options);
    if (status != 0) {
      fail_later(status);
      return;
    }
    loop_.arm(deadline_, loop_.now() + options.timeout.count());
  }

 private:
  int try_start(const SocketAddress& address, const ConnectOptions& options) {
    sockaddr_storage storage{};
    if (address.to_sockaddr(storage) == 0) return -EADDRNOTAVAIL;
    const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (!unix_) set_tcp_options(fd, options);
    if (!unix_ && !options.from.empty() && !bind_to(fd, options.from)) {
      ::close(fd);
      return -EADDRNOTAVAIL;  // nothing that the peer could help
    }
    transport_ = StreamTransport::adopt(loop_, fd, unix_ ? StreamKind::kUnix : StreamKind::kTcp);
    if (transport_ == nullptr) return -ENOMEM;
    return transport_->start_connect(address, this);
  }

  // The caller of connect() hears it in the next turn, if it has not cancelled by then.
  void fail_later(int status) {
    transport_.reset();
    token_ = std::make_shared<SocketConnecting*>(this);
    loop_.post([weak = std::weak_ptr(token_), failure = classify(status, unix_)] {
      if (const auto self = weak.lock()) (*self)->finish(nullptr, failure);
    });
  }

  void on_connect_done(int status) override {
    if (status == 0) {
      finish(std::move(transport_), {});
    } else {
      finish(nullptr, classify(status, unix_));
    }
  }

  void on_connect_lost() override { deadline_.cancel(); }

  void on_deadline(Deadline&) override { finish(nullptr, {ErrorKind::kConnectTimeout, -ETIMEDOUT}); }

  // Touches nothing after the callback, which may destroy us.
  void finish(std::unique_ptr<Transport> transport, ConnectFailure failure) {
    deadline_.cancel();
    transport_.reset();
    const OnDone done = std::exchange(done_, nullptr);
    done(std::move(transport), failure);
  }

  Loop& loop_;
  OnDone done_;
  Deadline deadline_;
  std::unique_ptr<StreamTransport> transport_;
  std::shared_ptr<SocketConnecting*> token_;
  bool unix_ = false;
};

}  // namespace

std::unique_ptr<Connecting> connect(Loop& loop, const SocketAddress& address, const ConnectOptions& options,
                                    Connecting::OnDone done) {
  auto connecting = std::make_unique<SocketConnecting>(loop, std::move(done));
  connecting->start(address, options);
  return connecting;
}

}  // namespace weir::io
