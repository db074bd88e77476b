// What is known of one client connection, told once when its session begins and the same for as long as that lives.
// Every request of the connection reads it: variables, forwarded fields, redirects, logs.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/sockaddr.h"
#include "http/proxy_protocol.h"
#include "io/tls_facts.h"

namespace weir::io {
class TlsContext;
}

namespace weir::proxy {

// What the connection itself has said before its first request. A connection of a plain listener says nothing, so that
// an idle one holds no room for it.
struct ConnectionDetails {
  bool tls = false;                               // its bytes are encrypted
  bool plain_on_tls = false;                      // they are not, though the listener speaks TLS: 497
  std::shared_ptr<const io::TlsFacts> facts;      // of its handshake; null: there was none
  std::shared_ptr<const io::TlsContext> context;  // that it was shaken with
  std::optional<http::ProxyHeader> announced;     // for whom a proxy in front says that it opened the connection
  std::string peer_process;  // of a unix socket, where the listener asks for it: "uid 1000, pid 4711"
};

struct ConnectionInfo {
  SocketAddress remote;                              // as the socket says, unmapped; real_ip is the request's matter
  uint64_t number = 0;                               // $connection: of this worker, from 1
  int64_t started_us = 0;                            // monotonic; when it was accepted
  std::unique_ptr<const ConnectionDetails> details;  // null: none

  // Null: the connection is its peer's own.
  const http::ProxyHeader* announced() const {
    return details != nullptr && details->announced ? &*details->announced : nullptr;
  }
  // For what outlives the connection.
  ConnectionInfo copy() const {
    return {remote, number, started_us, details != nullptr ? std::make_unique<ConnectionDetails>(*details) : nullptr};
  }
  bool tls() const { return details != nullptr && details->tls; }
  // $scheme: how the client addressed weir.
  std::string_view scheme() const { return tls() ? "https" : "http"; }
};

}  // namespace weir::proxy
