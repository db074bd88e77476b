// What an exchange answers to: one stream towards whoever asked. It takes messages, not bytes: how they are framed,
// what becomes of the connection and when bytes leave is the stream's matter. A session of HTTP/1 is its one stream
// itself; one of HTTP/2 will have many.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "http/codec.h"
#include "io/transport.h"
#include "proxy/connection_info.h"
#include "route/variable.h"

namespace weir::proxy {

class Exchange;
class Tunnel;

// What goes out together, in this order; each part may be missing.
struct Message {
  // 1xx other than 101: interim, any number, before the final one and alone. The final one: once, first. Behind a 101
  // pieces go as they are.
  const http::OutResponse* head = nullptr;
  const std::string_view* pieces = nullptr;   // of the body; views that are valid during the call
  int count = 0;                              // of them, any number
  bool end = false;                           // no further piece comes
  const http::FieldList* trailers = nullptr;  // with `end`; dropped where the client cannot be sent any
};

struct Sent {
  int error = 0;     // a negative errno: the client is gone, nothing more can be sent
  size_t bytes = 0;  // on the wire, framing included, sent or queued
};

class Downstream {
 public:
  // Of bytes that are on their way: a stream holds so much for a client before its source should pause.
  static constexpr size_t kRoom = 128 * 1024;

  // Sends or queues all of it, also beyond room(). After an error the exchange ends itself with reset().
  virtual Sent send(const Message& message) = 0;
  // Whether send_file() is there for it.
  virtual bool takes_files() const { return false; }
  // The head, where there is one, and a part of the body whose length it says, all of which must be in the kernel's
  // cache. `taken` is set to what has gone out of it; the rest is to be sent again, in any form. None goes while
  // something is held.
  virtual Sent send_file(const http::OutResponse* /*head*/, const io::FilePart& /*file*/, size_t* taken) {
    *taken = 0;
    return {};
  }
  // Bytes that have not gone out yet.
  virtual size_t held() const = 0;
  // How many bytes more it takes before the source should pause; kRoom: everything has gone out.
  size_t room() const { return kRoom - std::min(held(), kRoom); }
  // What a head of that status and body tells of framing and connection ($sent_http_*). Decided once a request, by this
  // or by send().
  virtual http::SentFraming framing(int status, const http::OutBody& body) = 0;
  // Whether the request is to be read on, or paused, may have changed: the stream asks Exchange::wants_client_read().
  virtual void update_read() = 0;

  // The client has gone, but the exchange goes on without it: it is given away, and the stream ends as by reset().
  virtual std::unique_ptr<Exchange> leave() = 0;
  // The exchange is over and must not be touched again: one of the three, once, last.
  // The answer is complete (or there is none on purpose: the client sees that its request got no answer).
  virtual void finish() = 0;
  // The answer breaks off, and the client must not take it for whole. `kind` says whose fault it is.
  virtual void reset(ErrorKind kind) = 0;
  // A 101 went out, and the client's connection is the tunnel's. `from_peer`: what the peer said behind its head.
  virtual void become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) = 0;

  // Of a request of weir's own, just before it ends: what its variables say. Nothing may be called in it.
  virtual void before_end(const route::VariableSource& /*variables*/) {}

  virtual const ConnectionInfo& connection() const = 0;
  virtual SocketAddress local_address() const = 0;  // a system call
  virtual uint16_t local_port() const { return local_address().port(); }
  virtual std::optional<io::TcpInfo> tcp_info() const { return std::nullopt; }  // a system call; nothing: no TCP
  virtual uint32_t connection_requests() const = 0;                             // up to this one, this one included

 protected:
  ~Downstream() = default;
};

}  // namespace weir::proxy
