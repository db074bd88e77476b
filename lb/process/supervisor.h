// The service manager that started weir (systemd, or who speaks as it does): what it is told, and the sockets it hands
// over. The protocols are those of sd_notify(3) and sd_listen_fds(3), spoken without a library (design/0030).
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/sockaddr.h"

namespace weir::process {

class Supervisor {
 public:
  // Nobody: whatever it is told goes nowhere.
  Supervisor() = default;
  // By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which it removes from the environment: no child of weir's shall
  // speak for it. Before any thread is started.
  static Supervisor take();

  // Of the weir whose place this one takes. An invalid descriptor: nobody.
  static Supervisor inherit(OwnedFd fd, Millis watchdog);
  // For who is to inherit it; -1: nobody is there.
  OwnedFd duplicate() const { return is_there() ? fd_.duplicate() : OwnedFd(); }
  // That process is the main one from now on, and will be ready. Whoever says it is not listened to any more.
  void main_process(pid_t pid) const;

  bool is_there() const { return fd_.get() >= 0; }
  // How long it waits for alive() before it ends the process; 0: it does not.
  Millis watchdog() const { return watchdog_; }

  // Each is one datagram; none waits, and one that cannot be sent is lost. Any thread.
  void ready(const std::string& status) const;
  // A reload has begun. ready() ends it, also where the old configuration stays.
  void reloading() const;
  void stopping(const std::string& status) const;
  void status(const std::string& status) const;
  void alive() const;

 private:
  void tell(const std::string& lines) const;
  OwnedFd fd_;
  Millis watchdog_{0};
};

// A listening socket that was there when weir started.
struct PassedSocket {
  OwnedFd fd;
  std::string name;  // FileDescriptorName= of its unit; may be empty
  SocketAddress address;
};
struct PassedSockets {
  std::vector<PassedSocket> sockets;
  std::vector<std::string> warnings;  // of descriptors that are no listening stream sockets: they are closed
};
// By LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which it removes from the environment. Before anything else opens or
// closes descriptors.
PassedSockets take_passed_sockets();

}  // namespace weir::process
