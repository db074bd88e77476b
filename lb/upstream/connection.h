// One connection to a peer: transport, codec, and what decides whether it may be used again. Whoever holds the
// unique_ptr owns it: the exchange that leases it, or the pool's slot while it is idle. Idle ones keep reading, so that
// a FIN or an unsolicited byte is seen before the next use.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "http/h1_codec.h"
#include "io/loop.h"
#include "io/transport.h"
#include "upstream/options.h"

namespace weir::upstream {

class Group;
class Connection;

// The idle connections of one address, the one used last at the end.
using Slots = std::unordered_map<SocketAddress, std::vector<std::unique_ptr<Connection>>>;
using Slot = Slots::value_type;

// Who leases a connection. Codec events record; on_upstream_turn() acts on them: it comes after every batch of bytes,
// last, and may release or destroy the connection.
class LeaseHandler : public http::ClientCodec::Handler {
 public:
  // Bytes of it are about to be read: TransportHandler::on_read_soon.
  virtual void on_upstream_read_soon() const {}
  // Whether what came so far has been passed on and taken: then more may come at once.
  virtual bool is_drained() const { return false; }
  virtual void on_upstream_turn() = 0;
  // EOF that ends nothing properly (code 0), or a reset (negative errno). At most once, and nothing after it.
  virtual void on_upstream_closed(int code) = 0;
  // Queued bytes went out; queued() says what is left.
  virtual void on_upstream_sent() = 0;

 protected:
  ~LeaseHandler() = default;
};

class Connection final : public io::Buriable, private io::TransportHandler, private DeadlineHandler, public ListNode {
 public:
  // `slot`: that of its address (Group::slot).
  Connection(Group& group, std::unique_ptr<io::Transport> transport, Slot& slot);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A lease begins: one request of that method. `handler` outlives the lease.
  void begin(LeaseHandler& handler, http::Method method, bool websocket);
  // The whole request was given to send(); without it the connection is never reused.
  void request_sent() { request_sent_ = true; }
  // The lease's handler saw the response's end (or a 101, after which the bytes are the tunnel's).
  void response_ended() { ended_ = true; }
  void switched_protocols() { switched_ = true; }
  // After this no event reaches the handler.
  void detach() { handler_ = nullptr; }

  http::ClientCodec& codec() { return codec_; }
  // As Transport::send: 0, or a negative errno.
  int send(const http::OutBatch& batch) { return transport_->send(batch.pieces(), batch.size()); }
  size_t queued() const { return transport_->queued(); }
  uint64_t bytes_sent() const { return transport_->bytes_sent() - sent_before_; }
  uint64_t bytes_received() const { return received_; }
  // An idle one that the peer has closed or spoken on, though the loop has not said so yet. A system call.
  bool stale() const { return transport_->input_waits(); }
  void want_read(bool want) { transport_->want_read(want); }

  // What the peer sent behind its 101; valid until the connection is destroyed.
  std::string_view behind_head() const { return stash_; }

  // Whether another request may follow on it: one function with every refusal (PITFALLS section 3).
  bool reusable(MonoMs now) const;
  // The response said so (Connection, version, framing).
  void set_keep_alive(bool keep_alive, int timeout_seconds) {
    keep_alive_ = keep_alive;
    keep_alive_timeout_ = timeout_seconds;
  }
  const SocketAddress& address() const { return slot_.first; }
  bool reused() const { return requests_ > 1; }
  bool closed() const { return closed_; }

 private:
  friend class Group;
  size_t on_read_soon() override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override;
  void on_sent() override;
  void on_deadline(Deadline& which) override;
  void idle_since(MonoMs now);
  void retire();  // closed for good; it is then buried, and may outlive group and pool

  Group& group_;
  std::unique_ptr<io::Transport> transport_;
  Slot& slot_;
  http::H1ClientCodec codec_;
  LeaseHandler* handler_ = nullptr;
  uint64_t received_ = 0;  // in this lease
  std::string stash_;      // an incomplete head, or what follows a 101
  Deadline deadline_;
  MonoMs created_;
  uint64_t sent_before_ = 0;  // the transport's count when the lease began
  uint32_t requests_ = 0;
  int keep_alive_timeout_ = -1;
  bool keep_alive_ = false;
  bool request_sent_ = false;
  bool surplus_ = false;
  bool ended_ = false;  // the response ended
  bool switched_ = false;
  bool closed_ = false;
};

}  // namespace weir::upstream
