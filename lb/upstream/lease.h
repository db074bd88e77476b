// One stream on a connection to a peer: what an exchange holds while its request is there. The pool owns the
// connection; a lease that ends, by reset() or its destructor, gives the stream back, and the pool keeps the connection
// or closes it. The stream's id is the peer's codec's own.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/codec.h"
#include "upstream/connection.h"

namespace weir::upstream {

class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)), stream_(std::exchange(other.stream_, 0)) {}
  Lease& operator=(Lease&& other) noexcept {
    Lease taken(std::move(other));
    std::swap(connection_, taken.connection_);
    std::swap(stream_, taken.stream_);
    return *this;
  }
  ~Lease() { reset(); }
  explicit operator bool() const { return connection_ != nullptr; }
  // No event reaches the handler after it. What is unfinished is cancelled. Safe inside any event of the handler.
  void reset() {
    if (connection_ != nullptr) std::exchange(connection_, nullptr)->end_lease(std::exchange(stream_, 0));
  }

  // Opens the stream, for one request of that method; `upgrade`: the protocol that it asks for, empty: none. Once;
  // everything below comes after it. `handler` and the limits of its answer outlive the lease.
  void begin(LeaseHandler& handler, http::Method method, std::string_view upgrade,
             const http::HeadLimits& limits = http::kAnswerLimits) {
    stream_ = connection_->open_stream(handler, method, upgrade, limits);
  }
  http::StreamId stream() const { return stream_; }

  // As ClientCodec's: they only fill the batch.
  void send_head(const http::OutRequest& head, Arena& arena, http::OutBatch& out) {
    connection_->send_head(stream_, head, arena, out);
  }
  void send_body(const std::string_view* pieces, int count, http::OutBatch& out) {
    connection_->codec().send_body(stream_, pieces, count, out);
  }
  // What is sent on this connection is for this lease alone: nobody is lent it afterwards.
  void keep_for_nobody() { connection_->close_behind(); }
  // The request is whole: without it the connection of HTTP/1 is not used again.
  void send_end(http::OutBatch& out) { connection_->send_end(stream_, out); }
  // As Transport::send: 0, or a negative errno.
  int send(const http::OutBatch& out) { return connection_->send(out); }
  size_t queued() const { return connection_->queued(); }
  // Of this lease: raw bytes that the kernel took, and that came.
  uint64_t bytes_sent() const { return connection_->bytes_sent(stream_); }
  uint64_t bytes_received() const { return connection_->bytes_received(stream_); }
  // Whether another request was on the connection before.
  bool reused() const { return connection_->requests() > 1; }
  void want_read(bool want) { connection_->want_read(want); }
  std::string fault() const { return connection_->fault(); }  // io::Transport::fault()
  // After a 101: what the peer sent behind its head; valid until the turn ends.
  std::string_view behind_head() const { return connection_->behind_head(); }
  // Ends the lease after a 101: the transport, which the pool goes on counting as an open connection until its new
  // owner takes it off that count.
  std::unique_ptr<io::Transport> give_up() {
    stream_ = 0;
    return std::exchange(connection_, nullptr)->give_up();
  }

  const Connection& connection() const { return *connection_; }

 private:
  friend class Group;
  explicit Lease(Connection& connection) : connection_(&connection) {}

  Connection* connection_ = nullptr;
  http::StreamId stream_ = 0;  // 0: not opened yet
};

}  // namespace weir::upstream
