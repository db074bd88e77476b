// A listening socket on a loop. Options are set on the socket before bind, so that accepted connections inherit
// TCP_NODELAY.
#pragma once
#include <functional>
#include <memory>

#include "base/owned_fd.h"
#include "base/result.h"
#include "base/sockaddr.h"
#include "io/loop.h"
#include "io/transport.h"

namespace weir::io {

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = true;  // one socket a worker and address
  bool ipv6_only = true;
  bool keepalive = false;  // SO_KEEPALIVE on accepted connections
  // Seconds of silence before it asks, between its questions, and how many stay unanswered; 0: the system's.
  int keep_idle = 0, keep_interval = 0, keep_count = 0;
  int receive_buffer = 0;  // 0: the system's
  int send_buffer = 0;
  bool deferred = false;  // TCP_DEFER_ACCEPT: a connection is accepted once its first bytes are there
  int fast_open = 0;      // TCP_FASTOPEN: how many may wait that sent data with their SYN
  bool operator==(const ListenOptions&) const = default;
};

// Makes, binds and listens; the descriptor is non-blocking and close-on-exec. Port 0 lets the kernel choose. For a unix
// path a stale socket file (nobody answers) is removed; a live one is EADDRINUSE. The error is text for the operator:
// "bind() to 0.0.0.0:80 failed (13: Permission denied)".
Result<int> open_listener(const SocketAddress& address, const ListenOptions& options);
// Sets what can change while a socket listens, for connections accepted from then on: all but reuse_port and ipv6_only.
// Buffers that go back to 0 stay as they are.
Status<> tune_listener(int fd, const SocketAddress& address, const ListenOptions& options);
// Binds without SO_REUSEPORT and closes again: tells whether somebody else is there.
Status<> probe_address(const SocketAddress& address);
SocketAddress bound_address(int fd);

class Listener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Transport>)>;
  // Takes the descriptor. `on_accept` runs for each connection; it may pause() or destroy the listener.
  Listener(Loop& loop, int fd, OnAccept on_accept);
  // For a listener whose connections are dealt out to other loops: gives the connected descriptor, which the callback
  // takes (make_transport() on its loop).
  using OnDescriptor = std::function<void(int fd)>;
  static std::unique_ptr<Listener> of_descriptors(Loop& loop, int fd, OnDescriptor on_descriptor);
  // Holds a descriptor back for the day when there are none left: one connection is accepted with it then. Again once
  // that one has closed.
  void keep_spare();
  // Another descriptor of its socket, for who listens on it too; -1: there are none left.
  OwnedFd duplicate() const;
  ~Listener();  // closes the socket
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // While paused, and for 100 ms after descriptors or memory have run out (one log line a second), connections wait in
  // the kernel's backlog.
  void pause();
  void resume();
  bool paused() const;
  const SocketAddress& address() const;

 private:
  struct Box;
  Box* box_;
};

// A transport over a connected descriptor (taken): for accepted, handed-over and socketpair descriptors. Null when the
// descriptor is unusable.
std::unique_ptr<Transport> make_transport(Loop& loop, int fd);

}  // namespace weir::io
