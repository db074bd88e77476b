#include "proxy/tunnel.h"

#include <algorithm>

#include "proxy/core.h"

namespace weir::proxy {

Tunnel::Tunnel(Core& core, std::unique_ptr<io::Transport> peer, Place place, const Options& options,
               std::unique_ptr<TunnelRecord> record)
    : core_(core),
      place_(std::move(place)),
      options_(options),
      record_(std::move(record)),
      peer_sent_before_(peer->bytes_sent()) {
  peer_.transport = std::move(peer);
  place_.peer->tunnels.fetch_add(1, std::memory_order_relaxed);
  core_.counters().add(observe::Counter::kTunnels);
}

Tunnel::~Tunnel() = default;

void Tunnel::start(std::unique_ptr<io::Transport> client, std::string_view from_peer, std::string_view from_client,
                   bool client_fin) {
  client_.transport = std::move(client);
  client_.transport->set_handler(&client_);
  peer_.transport->set_handler(&peer_);
  // The operator took the peer out while it was being asked: its WebSockets have been told to go.
  if (place_.peer->admin_down.load(std::memory_order_relaxed)) drain_at_ = core_.loop().now();
  arm_idle();
  if (!from_peer.empty()) peer_said(from_peer);
  if (phase_ == Phase::kOpen && !from_client.empty()) client_said(from_client);
  if (phase_ == Phase::kOpen && client_fin) client_ended();
  if (phase_ != Phase::kOpen) return;
  update_reading();
  if (core_.closes_tunnels()) drain(1001);
}

// --- the client's side
// ------------------------------------------------------------------------------------------------

void Tunnel::client_said(std::string_view bytes) {
  if (phase_ != Phase::kOpen) {  // thrown away
    since_ = core_.loop().now();
    core_.loop().arm(deadline_, closing_due());
    return;
  }
  result_.from_client += bytes.size();
  if (peer_.transport->send(&bytes, 1) < 0) {
    // A peer that says goodbye and hangs up may have sent something before: the read side, if open, tells the end.
    if (peer_.fin) end(ErrorKind::kResetMidResponse);
    return;
  }
  arm_idle();
  update_reading();
}

void Tunnel::client_ended() {
  client_.fin = true;
  if (phase_ != Phase::kOpen) {
    close_when_flushed();
    return;
  }
  if (peer_.fin && peer_.queued() == 0) {
    end(ErrorKind::kNone);
    return;
  }
  hurry();
  peer_.transport->shutdown_write();
}

void Tunnel::client_lost() {
  // Browsers reset the connection behind their close frame: that is an end like any other.
  if (phase_ == Phase::kOpen) end(frames_.close_seen() ? ErrorKind::kNone : ErrorKind::kClientClosed);
  close();
}

void Tunnel::client_took() {
  if (phase_ == Phase::kOpen) {
    update_reading();
    return;
  }
  sent_at_ = core_.loop().now();
  if (client_.queued() > 0) return;
  if (phase_ == Phase::kFlushing) {
    close();
    return;
  }
  since_ = sent_at_;  // from here on it is the client's turn
  core_.loop().arm(deadline_, closing_due());
}

// --- the peer's side
// --------------------------------------------------------------------------------------------------

void Tunnel::peer_said(std::string_view bytes) {
  result_.from_peer += bytes.size();
  // A drain closes the WebSocket behind the last whole frame.
  bool close_now = false;
  if (options_.websocket) {
    const size_t boundary = frames_.feed(bytes);
    if (drain_wanted_ && !frames_.close_seen() && boundary != std::string_view::npos) {
      bytes = bytes.substr(0, boundary);
      close_now = true;
    }
  }
  const std::string_view pieces[] = {bytes, close_now ? http::ws_close_frame(drain_code_) : std::string_view()};
  result_.passed_on += bytes.size();
  result_.to_client += bytes.size() + pieces[1].size();
  if (client_.transport->send(pieces, close_now ? 2 : 1) < 0) {
    end(ErrorKind::kClientClosed);
    return;
  }
  if (close_now) {
    core_.counters().add(observe::Counter::kTunnelsDrained);
    end(ErrorKind::kNone);
    return;
  }
  arm_idle();
  update_reading();
}

void Tunnel::peer_ended(int code) {
  peer_.fin = true;
  if (code != 0 || (client_.fin && peer_.queued() == 0)) {
    end(code == 0 ? ErrorKind::kNone : ErrorKind::kResetMidResponse);
    return;
  }
  hurry();
  client_.transport->shutdown_write();
}

void Tunnel::peer_took() {
  if (client_.fin && peer_.fin && peer_.queued() == 0) {
    end(ErrorKind::kNone);
    return;
  }
  update_reading();
}

void Tunnel::update_reading() {
  client_.transport->want_read(!client_.fin && client_.gate.update(peer_.queued()));
  peer_.transport->want_read(!peer_.fin && peer_.gate.update(client_.queued()));
}

// --- deadlines, drain
// -------------------------------------------------------------------------------------------------

void Tunnel::arm_idle() {
  core_.loop().arm(deadline_, std::min(core_.loop().now() + options_.idle.count(), drain_at_));
}

// The end has begun (one direction is closed, a drain waits for a frame's end): what is to come may come, but not after
// an hour of silence.
void Tunnel::hurry() {
  options_.idle = std::min(options_.idle, Millis(30'000));
  arm_idle();
}

void Tunnel::on_deadline(Deadline&) {
  const MonoMs now = core_.loop().now();
  if (phase_ != Phase::kOpen) {
    if (closing_due() > now) {
      core_.loop().arm(deadline_, closing_due());
    } else {
      close();
    }
    return;
  }
  if (now < drain_at_) {
    end(ErrorKind::kNone);
  } else {
    drain(drain_code_);
  }
}

void Tunnel::drain_at(MonoMs due, uint16_t code) {
  if (phase_ != Phase::kOpen || drain_wanted_) return;
  drain_code_ = code;
  drain_at_ = due;
  core_.loop().arm(deadline_, std::min(deadline_.due(), due));
}

void Tunnel::drain(uint16_t code) {
  drain_at_ = kNever;
  if (phase_ != Phase::kOpen || drain_wanted_) return;
  drain_wanted_ = true;
  drain_code_ = code;
  if (peer_.fin) return;  // our FIN follows what is queued: nothing may be put behind it, and the wait is short
  if (!options_.websocket || !frames_.at_boundary() || frames_.close_seen()) {  // peer_said waits for the frame's end
    hurry();
    return;
  }
  const std::string_view frame = http::ws_close_frame(code);
  result_.to_client += frame.size();
  core_.counters().add(observe::Counter::kTunnelsDrained);
  end(client_.transport->send(&frame, 1) < 0 ? ErrorKind::kClientClosed : ErrorKind::kNone);
}

// --- the end
// ----------------------------------------------------------------------------------------------------------

void Tunnel::end(ErrorKind error) {
  result_.error = error;
  result_.to_peer = peer_.transport->bytes_sent() - peer_sent_before_;
  place_.peer->times.of(core_.options().worker).traffic.add(result_.to_peer, result_.from_peer);
  peer_.transport->close();
  core_.count_connection(-1);
  place_.peer->tunnels.fetch_sub(1, std::memory_order_relaxed);
  place_.peer->release();
  if (place_.queue != nullptr) place_.queue->place_freed();
  place_.cluster->fetch_sub(1, std::memory_order_relaxed);
  place_ = {};
  core_.counters().add(observe::Counter::kBytesReceived, result_.from_client);
  core_.counters().add(observe::Counter::kBytesSent, result_.to_client);
  if (record_ != nullptr) record_->write(result_);
  record_.reset();
  held_.clear();
  phase_ = Phase::kFlushing;
  if (traits(error).side == Side::kClient) {
    client_.transport->reset();
    close();
    return;
  }
  sent_at_ = since_ = core_.loop().now();
  if (!client_.fin && options_.lingering) {
    phase_ = Phase::kLingering;
    client_.transport->shutdown_write();
  }
  close_when_flushed();
}

void Tunnel::close_when_flushed() {
  if (client_.fin && phase_ == Phase::kLingering) phase_ = Phase::kFlushing;
  if (phase_ == Phase::kFlushing && client_.queued() == 0) {
    close();
    return;
  }
  client_.transport->want_read(phase_ == Phase::kLingering);
  core_.loop().arm(deadline_, closing_due());
}

MonoMs Tunnel::closing_due() const {
  if (phase_ == Phase::kFlushing || client_.queued() > 0) return sent_at_ + options_.client_send.count();
  return std::min(since_ + options_.lingering_timeout.count(), sent_at_ + options_.lingering_time.count());
}

void Tunnel::close() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kOpen) {
    end(ErrorKind::kClientClosed);  // comes back here
    return;
  }
  phase_ = Phase::kClosed;
  deadline_.cancel();
  client_.transport->close();
  core_.tunnel_closed(*this);
}

}  // namespace weir::proxy
