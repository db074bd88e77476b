// One connection to a peer: transport, codec, a handler for each open stream, and what decides whether it may be used
// again. The pool owns it; exchanges hold leases (upstream/lease.h). Idle ones keep reading, so that a FIN or an
// unsolicited byte is seen before the next use.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "http/codec.h"
#include "io/loop.h"
#include "io/transport.h"
#include "upstream/options.h"

namespace weir::upstream {

struct Slot;

// Who leases a stream. Codec events record; on_upstream_turn() acts on them: it comes after every batch of bytes of the
// stream, last, and may end the lease.
class LeaseHandler : public http::ClientCodec::Handler {
 public:
  // Bytes of it are about to be read: TransportHandler::on_read_soon.
  virtual void on_upstream_read_soon() const {}
  // Of an answer that has shown to be long: how many bytes may come at once, at least 1.
  virtual size_t read_room() const { return io::TransportHandler::kUsualRead; }
  virtual void on_upstream_turn() = 0;
  // EOF that ends nothing properly (code 0), or a reset (negative errno). At most once, and nothing after it.
  virtual void on_upstream_closed(int code) = 0;
  // Queued bytes went out; queued() says what is left.
  virtual void on_upstream_sent() = 0;

 protected:
  ~LeaseHandler() = default;
};

class Connection : public io::Buriable,
                   private io::TransportHandler,
                   private http::ClientCodec::Handler,
                   private DeadlineHandler,
                   public ListNode {
 public:
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // How many further leases it takes.
  uint32_t capacity() const {
    const uint32_t streams = closed_ || surplus_ ? 0 : codec_.capacity();
    return streams > reserved_ ? streams - reserved_ : 0;
  }
  bool idle() const { return leases_ == 0; }
  bool closed() const { return closed_; }
  uint32_t requests() const { return requests_; }
  // An idle one that the peer has closed or spoken on, though the loop has not said so yet. A system call.
  bool stale() const { return transport_->input_waits(); }
  // Whether another request may follow on it once no lease is left: one function with every refusal (PITFALLS section
  // 3).
  bool reusable(MonoMs now) const;

  // For Lease.
  http::ClientCodec& codec() { return codec_; }
  http::StreamId open_stream(LeaseHandler& handler, http::Method method, std::string_view upgrade,
                             const http::HeadLimits& limits);
  void end_lease(http::StreamId id);
  void send_head(http::StreamId id, const http::OutRequest& head, Arena& arena, http::OutBatch& out);
  void send_end(http::StreamId id, http::OutBatch& out);
  void close_behind() { close_asked_ = true; }
  int send(const http::OutBatch& out);
  size_t queued() const { return transport_->queued(); }
  uint64_t bytes_sent(http::StreamId id) const { return transport_->bytes_sent() - stream(id).sent_before; }
  uint64_t bytes_received(http::StreamId id) const { return stream(id).received; }
  void want_read(bool want) { transport_->want_read(want); }
  std::string fault() const { return transport_->fault(); }
  std::string_view behind_head() const { return stash_; }
  std::unique_ptr<io::Transport> give_up();

 protected:
  // `codec` is the subclass's own, in the same allocation; it is not touched before the subclass is made.
  Connection(Slot& slot, std::unique_ptr<io::Transport> transport, http::ClientCodec& codec);

 private:
  friend class Group;
  friend class Pool;
  struct Stream {
    LeaseHandler* handler = nullptr;  // null: no such stream
    http::StreamId id = 0;
    bool request_ended = false;
    bool response_ended = false;
    bool touched = false;      // since its last turn
    uint64_t received = 0;     // raw bytes while it is the only stream, else those of its head and body
    uint64_t sent_before = 0;  // the transport's count when it began
  };

  // io::TransportHandler
  size_t on_read_soon() override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override;
  void on_sent() override;
  void on_deadline(Deadline& which) override;
  // http::ClientCodec::Handler: to the stream's own.
  Arena& response_arena(http::StreamId id) override { return stream(id).handler->response_arena(id); }
  http::ResponseHead& response_head(http::StreamId id) override { return stream(id).handler->response_head(id); }
  void on_interim(http::StreamId id) override;
  void on_response(http::StreamId id) override;
  void on_body(http::StreamId id, std::string_view bytes) override;
  void on_response_end(http::StreamId id) override;
  bool keeps_trailers(http::StreamId id) const override { return stream(id).handler->keeps_trailers(id); }
  void on_trailers(http::StreamId id, std::string_view lines) override { stream(id).handler->on_trailers(id, lines); }
  void on_error(http::StreamId id, ErrorKind kind, std::string_view why) override;

  const Stream& stream(http::StreamId id) const { return first_.id == id ? first_ : other_stream(id); }
  Stream& stream(http::StreamId id) { return const_cast<Stream&>(std::as_const(*this).stream(id)); }
  const Stream& other_stream(http::StreamId id) const;
  bool only_first() const { return others_ == nullptr; }
  template <class Fn>
  void each_stream(Fn&& fn);
  void turn();
  void end_stream(http::StreamId id);
  bool awaits_response() const;
  void unsolicited();
  void idle_since(MonoMs now);
  void retire();  // closed for good; it is then buried, and may outlive group and pool

  Slot& slot_;
  http::ClientCodec& codec_;
  std::unique_ptr<io::Transport> transport_;
  Stream first_;  // all that HTTP/1 has
  std::unique_ptr<std::vector<Stream>> others_;
  std::string stash_;  // an incomplete head, or what follows a 101
  Deadline deadline_;
  MonoMs created_;
  MonoMs idle_at_ = 0;
  uint32_t requests_ = 0;
  uint32_t leases_ = 0;
  uint32_t reserved_ = 0;  // of them: without a stream yet
  int keep_alive_timeout_ = -1;
  bool keep_alive_ = false;
  bool close_asked_ = false;  // by weir
  bool surplus_ = false;
  bool switched_ = false;
  bool closed_ = false;
  bool available_ = false;  // in the slot's list
};

// A connection that speaks what Codec speaks.
template <class Codec>
class ConnectionOf final : public Connection {
 public:
  ConnectionOf(Slot& slot, std::unique_ptr<io::Transport> transport) : Connection(slot, std::move(transport), own_) {}

 private:
  Codec own_;
};

}  // namespace weir::upstream
