// Opens a connection to an address under a deadline.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/sockaddr.h"
#include "io/loop.h"
#include "io/transport.h"

namespace weir::io {

struct ConnectOptions {
  Millis timeout{2000};
  // To peers: SO_KEEPALIVE 30/10/3 and TCP_USER_TIMEOUT 15 s (SEMANTICS section 1).
  bool keepalive = true;
  int user_timeout_ms = 15'000;
  SocketAddress from = {};  // that the socket is bound to, port 0: any; none: the system chooses. Not of unix sockets
};

struct ConnectFailure {
  ErrorKind kind = ErrorKind::kNone;  // kConnectRefused, kConnectTimeout, kConnectFailed, kLocalError; over TLS
                                      // kTlsFailed, kTlsUnverified
  int code = 0;                       // negative errno, for the log
  std::string why = {};               // of kTlsFailed and kTlsUnverified
};

// A connect under way. Destroying it cancels: the callback will not come.
class Connecting {
 public:
  // Exactly once, never from inside connect(): the transport, or null and why. The Connecting may be destroyed inside.
  using OnDone = std::function<void(std::unique_ptr<Transport>, ConnectFailure)>;
  virtual ~Connecting() = default;
};

// connect() below, or what stands for it in a simulation.
using ConnectFunction = std::function<std::unique_ptr<Connecting>(
    Loop& loop, const SocketAddress& address, const ConnectOptions& options, Connecting::OnDone done)>;

std::unique_ptr<Connecting> connect(Loop& loop, const SocketAddress& address, const ConnectOptions& options,
                                    Connecting::OnDone done);

}  // namespace weir::io
