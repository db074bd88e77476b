// What an exchange sees of the client's side: a stream of a session. HTTP/1 sessions have one; HTTP/2 will have many.
#pragma once
#include <memory>

#include "http/codec.h"
#include "proxy/connection_info.h"

namespace weir::proxy {

class Tunnel;

// How an exchange leaves its client's connection.
enum class Ending : uint8_t {
  kKeep,   // the next request may come
  kClose,  // close once what is queued has gone out; linger if input is unread
  kAbort,  // close at once: the response is truncated and the client must see it
};

class Downstream {
 public:
  virtual http::ServerCodec& codec() = 0;
  // Sends or queues; a negative errno when the client is gone (the exchange then ends itself with kAbort).
  virtual int send(const http::OutBatch& batch) = 0;
  virtual size_t queued() const = 0;
  // The exchange's wish to read (Exchange::wants_client_read) may have changed.
  virtual void update_read() = 0;
  // 101 went out, and the client's connection is the tunnel's. `from_peer`: what the peer said behind its head. Called
  // instead of exchange_ended().
  virtual void become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) = 0;
  // The exchange is over and must not be touched again. Called once, last.
  virtual void exchange_ended(Ending ending) = 0;

  virtual const ConnectionInfo& connection() const = 0;
  virtual SocketAddress local_address() const = 0;  // a system call
  virtual uint16_t local_port() const { return local_address().port(); }
  virtual uint32_t connection_requests() const = 0;  // of this one on, this one included

 protected:
  ~Downstream() = default;
};

}  // namespace weir::proxy
