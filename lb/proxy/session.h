// One client connection: reads and frames requests, lends itself to one exchange at a time, keeps the client's
// deadlines. What is only needed while a request is under way (codec, exchange, stashed bytes) is borrowed from the
// Core, so that an idle session is small.
//
//   kIdle -> kReading -> kBusy -> kIdle ...     kIdle: nothing of a request is here; kReading: a part of a head; kBusy:
//   an exchange is running
//                          \-> kFlushing        the last answer is on its way out, then it closes
//                          \-> kLingering       the same, but input is unread: it is drained, so that no RST takes the
//                          answer away
//   any -> kClosed
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "http/h1_codec.h"
#include "io/transport.h"
#include "proxy/downstream.h"
#include "proxy/exchange.h"

namespace weir::proxy {

class Core;

// How a connection ends behind its last answer. The exchange and its location are gone by then.
struct Farewell {
  explicit Farewell(const Location& location)
      : lingering(location.lingering),
        reset_timedout(location.reset_timedout),
        send_timeout(location.client_send_timeout),
        lingering_time(location.lingering_time),
        lingering_timeout(location.lingering_timeout) {}
  bool lingering, reset_timedout;
  Millis send_timeout, lingering_time, lingering_timeout;
};

// What a session borrows while it is not idle.
struct Busy {
  explicit Busy(const http::HeadLimits& of) : limits(of), codec(limits) {}
  http::HeadLimits limits;  // a copy: between requests a session holds no snapshot
  http::H1ServerCodec codec;
  std::unique_ptr<Exchange> exchange;
  std::string stash;  // bytes read and not consumed yet: a part of a head, or pipelined requests
  int64_t request_started_us = 0;
  uint64_t body_seen = 0;  // of the request being received, for the minimum rate
  MonoMs body_began = 0;
  MonoMs paused_at = 0;              // when weir stopped reading
  std::optional<Farewell> farewell;  // of the location of an answer that ends the connection
};

class Session final : public io::Buriable,
                      public ListNode,
                      private io::TransportHandler,
                      private http::ServerCodec::Handler,
                      private Downstream,
                      private DeadlineHandler {
 public:
  Session(Core& core, std::unique_ptr<io::Transport> transport, ConnectionInfo info, uint16_t listener);
  ~Session() override;

  void start();
  // What was read of the connection before, once, right behind start(). May close the session.
  void begin_with(std::string_view bytes) { on_read(bytes); }
  // Idempotent; ends the exchange (499), stops I/O, and has the Core bury this object.
  void close();
  // Graceful end: now if idle, after the running request else.
  void drain();
  // The client's turn: a request is awaited, or the rest of its head; and since when.
  bool is_waiting() const { return state_ == State::kIdle || state_ == State::kReading; }
  MonoMs waits_since() const { return since_; }
  // What control says of one peer (peer_events.cc). May end the exchange.
  void peer_down(const policy::PeerState& state);
  // It is in the Core's list of idle ones.
  bool waits() const { return waits_; }
  // A request may be there that the loop has not told of yet. A system call.
  bool input_waits() const { return transport_->input_waits(); }
  void stop_waiting();
  uint16_t listener() const { return listener_; }  // its number at the Core

 private:
  enum class State : uint8_t { kIdle, kReading, kBusy, kFlushing, kLingering, kClosed };

  // io::TransportHandler
  size_t on_read_soon() override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override;
  void on_sent() override;
  // http::ServerCodec::Handler
  http::HeadStorage begin_request(http::StreamId stream) override;
  void on_request(http::StreamId stream) override;
  void on_body(http::StreamId stream, std::string_view bytes) override;
  void on_request_end(http::StreamId stream) override;
  void on_reject(http::StreamId stream, const http::Reject& reject) override;
  // Downstream
  Sent send(const Message& message) override;
  bool takes_files() const override { return transport_->sends_files(); }
  Sent send_file(const http::OutResponse* head, const io::FilePart& file, size_t* taken) override;
  size_t held() const override { return transport_->queued(); }
  http::SentFraming framing(int status, const http::OutBody& body) override;
  void update_read() override;
  std::unique_ptr<Exchange> leave() override;
  void finish() override;
  void reset(ErrorKind kind) override;
  void become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) override;
  const ConnectionInfo& connection() const override { return info_; }
  SocketAddress local_address() const override { return transport_->local_address(); }
  std::optional<io::TcpInfo> tcp_info() const override { return transport_->tcp_info(); }
  // Every request asks for it (X-Forwarded-Port): the listener knows it without a system call.
  uint16_t local_port() const override;
  uint32_t connection_requests() const override { return requests_; }

  void on_deadline(Deadline& which) override;

  const Location& settings() const;
  const ListenSite* listen_site() const;
  Farewell farewell() const;
  void begin_exchange(http::StreamId stream);
  // Feeds what was read, runs exchanges, feeds what is stashed: until something has to be waited for.
  void feed(std::string_view bytes);
  // Whether a client that does not take its answers has to take some before its next request is looked at.
  bool is_throttled();
  int transmit(const http::OutBatch& batch);
  void note_queued(bool was_empty);  // the client takes what is on its way, or is late from now on
  // Takes the exchange that has ended. True when the client has sent, or may be sending, what nobody will read.
  bool release_exchange();
  void close_when_flushed(bool input_left);
  void become_idle();
  void wait_for_request();
  // Derives what the client is waited for, and until when; arms lazily.
  void update_deadline();
  void close_timed_out();  // with RST where reset_timedout_connection says so
  MonoMs deadline_due() const;

  Core& core_;
  std::unique_ptr<io::Transport> transport_;
  std::unique_ptr<Busy> busy_;
  const ConnectionInfo info_;
  Deadline deadline_{this};
  MonoMs since_;        // what the deadline counts from: idle begun, head begun, last read, lingering begun
  MonoMs sent_at_ = 0;  // the last progress of the queue; while lingering, what its whole time counts from
  uint32_t requests_ = 0;
  const uint16_t listener_;  // its number at the Core
  State state_ = State::kIdle;
  bool feeding_ : 1 = false;
  bool eof_ : 1 = false;
  bool drain_ : 1 = false;
  bool reading_ : 1 = false;
  bool throttled_ : 1 = false;
  bool waits_ : 1 = false;
  std::unique_ptr<Exchange> spent_;  // ended inside feed(), which takes it off the stack
};

}  // namespace weir::proxy
