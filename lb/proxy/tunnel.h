// Bytes both ways as they are, with backpressure, until both directions have ended: what follows a 101. It owns both
// connections and what is left of the request, the peer's books and a record for the log; nothing of an exchange, a
// session or a snapshot, so that a WebSocket of weeks costs little and pins no configuration.
//
//   kOpen -> kFlushing -> kClosed      kFlushing: the last bytes are on their way to the client
//        \-> kLingering -> kClosed     the same, but the client may be in the middle of saying something: what it says
//                                      is read and thrown away, so that no RST takes the last bytes from it
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "filter/filter.h"
#include "http/ws_frames.h"
#include "io/loop.h"
#include "io/transport.h"
#include "policy/cluster.h"
#include "policy/wait_queue.h"
#include "proxy/relay.h"

namespace weir::proxy {

class Core;

// How a tunnel went: bytes since it opened.
struct TunnelResult {
  ErrorKind error = ErrorKind::kNone;
  uint64_t from_client = 0;
  uint64_t from_peer = 0;
  uint64_t passed_on = 0;  // of from_peer
  uint64_t to_client = 0;  // passed_on, and a close frame of weir's own
  uint64_t to_peer = 0;    // handed to the kernel
};

// What remembers whose tunnel it was.
class TunnelRecord {
 public:
  virtual ~TunnelRecord() = default;
  virtual void write(const TunnelResult& result) = 0;  // once
};

class Tunnel final : public io::Buriable, public ListNode, private DeadlineHandler {
 public:
  // A place on a peer; the tunnel gives it back.
  struct Place {
    std::shared_ptr<policy::PeerState> peer;
    std::shared_ptr<std::atomic<uint32_t>> cluster;  // its requests under way
    std::shared_ptr<policy::WaitQueue> queue;        // waits for such places; may be null
  };
  struct Options {
    Millis idle{3'600'000};  // without a byte either way
    Millis client_send{60'000};
    Millis lingering_timeout{5'000};  // between reads
    Millis lingering_time{30'000};    // in all
    bool lingering = true;
    bool websocket = true;  // the peer speaks frames: a drain ends between two of them, with a close frame
  };

  // Of an open connection that the Core counts; so does it count the client's.
  Tunnel(Core& core, std::unique_ptr<io::Transport> peer, Place place, const Options& options,
         std::unique_ptr<TunnelRecord> record);
  ~Tunnel() override;

  // Once, when it is among the Core's. What was read before belongs to the tunnel: `from_peer`, `from_client`, and
  // whether the client has sent its FIN. May end it.
  void start(std::unique_ptr<io::Transport> client, std::string_view from_peer, std::string_view from_client,
             bool client_fin);
  bool is_on(const policy::PeerState& peer) const { return phase_ == Phase::kOpen && place_.peer.get() == &peer; }
  // What is destroyed when the tunnel is over.
  void hold(std::unique_ptr<filter::State> state) { held_.push_back(std::move(state)); }
  // Graceful end: a WebSocket gets a close frame of that code at the next frame boundary.
  void drain(uint16_t code);
  // The same at a later time.
  void drain_at(MonoMs due, uint16_t code);
  // At once. Idempotent.
  void close();

 private:
  enum class Phase : uint8_t { kOpen, kFlushing, kLingering, kClosed };

  // One of the two connections, and the reading of it.
  struct Endpoint : io::TransportHandler {
    explicit Endpoint(Tunnel& of) : tunnel(of) {}
    size_t queued() const { return transport->queued(); }
    Tunnel& tunnel;
    std::unique_ptr<io::Transport> transport;
    Gate gate;
    bool fin = false;  // it says no more

   protected:
    ~Endpoint() = default;
  };
  struct Client final : Endpoint {
    using Endpoint::Endpoint;
    void on_read(std::string_view bytes) override { tunnel.client_said(bytes); }
    void on_eof() override { tunnel.client_ended(); }
    void on_transport_error(int) override { tunnel.client_lost(); }
    void on_sent() override { tunnel.client_took(); }
  };
  struct Peer final : Endpoint {
    using Endpoint::Endpoint;
    void on_read(std::string_view bytes) override { tunnel.peer_said(bytes); }
    void on_eof() override { tunnel.peer_ended(0); }
    void on_transport_error(int code) override { tunnel.peer_ended(code); }
    void on_sent() override { tunnel.peer_took(); }
  };

  void client_said(std::string_view bytes);
  void client_ended();
  void client_lost();
  void client_took();
  void peer_said(std::string_view bytes);
  void peer_ended(int code);  // FIN (0) or a reset (negative errno)
  void peer_took();
  void on_deadline(Deadline& which) override;

  // Derived: which side is to be read now.
  void update_reading();
  void arm_idle();
  void hurry();
  // The relay is over: books, log, the peer's connection. What is queued for the client still goes out, unless the
  // client is to blame.
  void end(ErrorKind error);
  void close_when_flushed();
  MonoMs closing_due() const;

  Core& core_;
  Client client_{*this};
  Peer peer_{*this};
  Place place_;
  Options options_;
  std::unique_ptr<TunnelRecord> record_;  // null: nothing is logged
  TunnelResult result_;
  std::vector<std::unique_ptr<filter::State>> held_;
  uint64_t peer_sent_before_;  // its transport's count when the tunnel opened
  http::WsFrameTracker frames_;
  Deadline deadline_{this};
  MonoMs drain_at_ = kNever;
  MonoMs since_ = 0;    // lingering: the last read
  MonoMs sent_at_ = 0;  // closing: the last progress of the queue, then what lingering_time counts from
  uint16_t drain_code_ = 1001;
  Phase phase_ = Phase::kOpen;
  bool drain_wanted_ = false;
};

}  // namespace weir::proxy
