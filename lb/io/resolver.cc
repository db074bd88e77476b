// Resolver: c-ares on a loop. Its sockets are polled by boxes, its timeouts are one deadline on the wheel, and answers
// are collected and told outside of c-ares, which cannot bear being destroyed from inside its callbacks.
#include "io/resolver.h"

#include <ares.h>
#include <uv.h>

#include <deque>
#include <unordered_map>
#include <utility>

#include "io/dns_query.h"
#include "io/uv_box.h"

namespace weir::io {

struct Resolver::Impl final : DeadlineHandler {
  struct SocketBox final : UvBox {
    uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&poll); }
    void abandon() override {
      if (owner != nullptr) owner->sockets.erase(fd);
      owner = nullptr;
    }
    uv_poll_t poll{};
    Impl* owner = nullptr;
    ares_socket_t fd = ARES_SOCKET_BAD;
    int events = 0;
  };

  Impl(Loop& on, const std::vector<std::string>& servers) : loop(on), timeout(this) {
    channel = make_dns_channel(
        servers,
        [](void* arg, ares_socket_t fd, int readable, int writable) {
          static_cast<Impl*>(arg)->watch(fd, (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0));
        },
        this);
  }

  ~Impl() {
    if (gone != nullptr) *gone = true;
    ending = true;
    if (channel != nullptr) ares_destroy(channel);
    while (!sockets.empty()) unwatch(sockets.begin()->second);
  }

  void resolve(const std::string& name, uint16_t port, bool ipv6, ResolveDone done) {
    if (channel == nullptr) {
      answered.emplace_back(std::move(done), host_not_found(name, "the resolver cannot be set up"));
    } else {
      DnsQuestion question;
      question.host = name;
      question.port = port;
      question.ipv6 = ipv6;
      ask_dns(channel, question, [this, done = std::move(done)](Result<ResolveAnswer> answer) {
        if (!ending) answered.emplace_back(done, std::move(answer));
      });
      set_timeout();
    }
    if (answered.empty() || gone != nullptr) return;
    loop.post([weak = std::weak_ptr(token)] {
      if (const auto self = weak.lock()) (*self)->tell();
    });
  }

  void watch(ares_socket_t fd, int events) {
    const auto known = sockets.find(fd);
    if (events == 0) {
      if (known != sockets.end()) unwatch(known->second);
      return;
    }
    SocketBox* box = known != sockets.end() ? known->second : add(fd);
    if (box == nullptr) return;  // c-ares will time out
    box->events = events;
    start(*box);
  }

  SocketBox* add(ares_socket_t fd) {
    auto* box = new SocketBox;
    if (uv_poll_init(loop.uv(), &box->poll, fd) != 0) {
      delete box;
      return nullptr;
    }
    box->poll.data = static_cast<UvBox*>(box);
    box->owner = this;
    box->fd = fd;
    return sockets[fd] = box;
  }

  void unwatch(SocketBox* box) {
    sockets.erase(box->fd);
    box->owner = nullptr;
    UvBox::close(box->handle());
  }

  static void start(SocketBox& box) {
    uv_poll_start(&box.poll, box.events, [](uv_poll_t* poll, int status, int events) {
      SocketBox& ready = *static_cast<SocketBox*>(static_cast<UvBox*>(poll->data));
      if (ready.owner != nullptr) ready.owner->process(ready, status, events);
    });
  }

  // May destroy us.
  void process(SocketBox& box, int status, int events) {
    const ares_socket_t fd = box.fd;
    const bool in = status != 0 || (events & UV_READABLE) != 0;
    const bool out = status != 0 || (events & UV_WRITABLE) != 0;
    ares_process_fd(channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
    if (status != 0 && box.owner != nullptr) start(box);  // libuv has stopped it
    set_timeout();
    tell();
  }

  void on_deadline(Deadline&) override {
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timeout();
    tell();
  }

  void set_timeout() {
    timeval store{};
    const timeval* next = ares_timeout(channel, nullptr, &store);
    if (next == nullptr) {
      timeout.cancel();
    } else {
      loop.arm(timeout, loop.now() + next->tv_sec * 1000 + next->tv_usec / 1000 + 1);
    }
  }

  // Each callback may ask again or destroy us.
  void tell() {
    if (gone != nullptr) return;
    bool destroyed = false;
    gone = &destroyed;
    while (!answered.empty()) {
      auto [done, answer] = std::move(answered.front());
      answered.pop_front();
      done(std::move(answer));
      if (destroyed) return;
    }
    gone = nullptr;
  }

  Loop& loop;
  ares_channel channel = nullptr;
  Deadline timeout;
  std::unordered_map<ares_socket_t, SocketBox*> sockets;
  std::deque<std::pair<ResolveDone, Result<ResolveAnswer>>> answered;
  std::shared_ptr<Impl*> token = std::make_shared<Impl*>(this);
  bool* gone = nullptr;  // set while tell() runs: it learns there that a callback has destroyed us
  bool ending = false;
};

Resolver::Resolver(Loop& loop, std::vector<std::string> servers) : impl_(std::make_unique<Impl>(loop, servers)) {}

Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& name, uint16_t port, bool ipv6,
                       std::function<void(Result<ResolveAnswer>)> done) {
  impl_->resolve(name, port, ipv6, std::move(done));
}

}  // namespace weir::io
