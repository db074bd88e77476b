// Listener: accepts through a uv_poll_t on the listening socket, not through uv_listen. libuv 1.44's own accept loop
// stays dead after a deferred accept that failed, drops the whole backlog when descriptors run out, and spins when its
// spare descriptor is gone; here a paused or starved listener simply stops polling and the connections wait in the
// kernel.
#include "io/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/owned_fd.h"
#include "base/system.h"
#include "io/loop_impl.h"
#include "io/stream.h"
#include "io/uv_box.h"

namespace weir::io {
namespace {

// Of one listener before its loop looks at other events; the rest is accepted in the next turn.
constexpr int kAcceptsPerEvent = 16;
// Out of descriptors or memory: the next try.
constexpr int kRetryMs = 100;

}  // namespace

struct Listener::Box final : UvBox, DeadlineHandler {
  Box(int descriptor, OnAccept callback) : fd(descriptor), on_accept(std::move(callback)), retry(this) {}
  // A descriptor that was never polled is closed with its box, others with the listener.
  ~Box() override { close_fd(); }

  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&poll); }
  Loop& loop() { return loop_of(handle()); }

  void abandon() override {
    owner->box_ = nullptr;
    owner = nullptr;
    retry.cancel();
  }

  void close_fd() {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }

  void start() {
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* ready, int status, int) {
      Box& box = *static_cast<Box*>(static_cast<UvBox*>(ready->data));
      if (box.owner == nullptr) return;
      box.loop().time_passed();
      if (status == 0)
        box.accept_some();
      else
        box.back_off(-status);
    });
  }

  int accept_one(sockaddr_storage& from, socklen_t& size) {
    int accepted = ::accept4(fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0 || (errno != EMFILE && errno != ENFILE) || spare.get() < 0) return accepted;
    spare.reset();
    return ::accept4(fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }

  void keep_spare() {
    if (spare.get() < 0) spare = OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  // Each callback may pause or destroy the listener.
  void accept_some() {
    for (int i = 0; i < kAcceptsPerEvent && owner != nullptr && !paused; ++i) {
      sockaddr_storage from;
      socklen_t size = sizeof from;
      const int accepted = accept_one(from, size);
      if (accepted < 0) {
        if (errno == EAGAIN) return;
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM && errno != EBADF &&
            errno != EINVAL && errno != ENOTSOCK)
          continue;  // that one connection is gone (ECONNABORTED, EPROTO, and what accept(2) lists of the network)
        back_off(errno);
        return;
      }
      if (on_descriptor) {
        on_descriptor(accepted);
        continue;
      }
      auto transport =
          StreamTransport::adopt(loop(), accepted, address.is_unix() ? StreamKind::kUnix : StreamKind::kTcp);
      if (transport == nullptr) continue;
      auto& handed = loop().impl().accepted;
      handed = {transport.get(), SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&from), size)};
      on_accept(std::move(transport));
      handed.transport = nullptr;
    }
  }

  void back_off(int code) {
    if (failures.pass(loop().now()))
      log::crit("listener ", address.to_string(), ": ", call_failed("accept()", code), ", next try in ", kRetryMs,
                " ms", failures.dropped());
    uv_poll_stop(&poll);
    loop().arm(retry, loop().now() + kRetryMs);
  }

  void on_deadline(Deadline&) override {
    if (!paused) start();
  }

  uv_poll_t poll{};
  int fd;
  OwnedFd spare;
  Listener* owner = nullptr;
  OnAccept on_accept;          // here, so that it lives on when it destroys the listener
  OnDescriptor on_descriptor;  // instead of on_accept
  SocketAddress address;
  Deadline retry;
  LogLimit failures;
  bool paused = false;
};

Listener::Listener(Loop& loop, int fd, OnAccept on_accept) : box_(new Box(fd, std::move(on_accept))) {
  box_->address = bound_address(fd);
  if (uv_poll_init(loop.uv(), &box_->poll, fd) != 0) {  // not a descriptor that can be polled
    delete std::exchange(box_, nullptr);
    return;
  }
  box_->poll.data = static_cast<UvBox*>(box_);
  box_->owner = this;
  box_->start();
}

std::unique_ptr<Listener> Listener::of_descriptors(Loop& loop, int fd, OnDescriptor on_descriptor) {
  auto listener = std::make_unique<Listener>(loop, fd, nullptr);
  if (listener->box_ != nullptr) listener->box_->on_descriptor = std::move(on_descriptor);
  return listener;
}

void Listener::keep_spare() {
  if (box_ != nullptr) box_->keep_spare();
}

OwnedFd Listener::duplicate() const {
  if (box_ == nullptr) return OwnedFd();
  OwnedFd copy(::dup(box_->fd));
  if (copy.get() >= 0) ::fcntl(copy.get(), F_SETFD, FD_CLOEXEC);
  return copy;
}

Listener::~Listener() {
  if (box_ == nullptr) return;
  box_->owner = nullptr;
  box_->retry.cancel();
  UvBox::close(box_->handle());
  box_->spare.reset();
  box_->close_fd();  // libuv has let go of it
}

void Listener::pause() {
  if (paused()) return;
  box_->paused = true;
  box_->retry.cancel();
  uv_poll_stop(&box_->poll);
}

void Listener::resume() {
  if (box_ == nullptr || !box_->paused) return;
  box_->paused = false;
  box_->start();
}

bool Listener::paused() const {
  return box_ == nullptr || box_->paused;
}

const SocketAddress& Listener::address() const {
  static const SocketAddress none;
  return box_ == nullptr ? none : box_->address;
}

}  // namespace weir::io
