// Opens a connection to a peer and shakes hands with it, both under one deadline.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "io/connector.h"
#include "io/tls_peer_context.h"

namespace weir::io {

// Who is to be at the other end, and how that is made sure.
struct TlsPeer {
  std::shared_ptr<const TlsPeerContext> context;
  std::string name;                           // that context->takes_name()
  std::shared_ptr<TlsPeerSessions> sessions;  // null: every handshake is a full one
  std::string preamble;                       // sent in front of it, in clear: a PROXY header
};

struct TlsConnected {
  std::unique_ptr<Transport> transport;  // null: `failure` is why
  ConnectFailure failure;
  bool resumed = false;
};

// As connect(), which may be a simulation's; the same rules for `done`, except that it may come from inside the event
// that ends the connect. Whatever the peer says before its part of the handshake makes that fail; what it says behind
// it unasked, too.
std::unique_ptr<Connecting> connect_tls(Loop& loop, const ConnectFunction& connect, const SocketAddress& address,
                                        const ConnectOptions& options, TlsPeer peer,
                                        std::function<void(TlsConnected)> done);

// connect_tls() above, or what stands for it where no byte is sent.
using TlsConnectFunction = std::function<std::unique_ptr<Connecting>(
    Loop& loop, const ConnectFunction& connect, const SocketAddress& address, const ConnectOptions& options,
    TlsPeer peer, std::function<void(TlsConnected)> done)>;

}  // namespace weir::io
