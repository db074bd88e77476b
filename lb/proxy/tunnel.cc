// After a confirmed upgrade: bytes go both ways as they are, with backpressure; each direction ends on its own. A
// tunnel keeps no snapshot alive.
#include <algorithm>

#include "proxy/core.h"
#include "proxy/exchange.h"
#include "upstream/pool.h"

namespace weir::proxy {

void Exchange::open_tunnel() {
  frames_.reset();
  http::OutResponse head;
  http::FieldList& fields = response_.fields;
  compose_response_head(head);
  head.framing = {http::Framing::kNone, -1};
  head.connection = http::ConnectionOption::kUpgradeWebsocket;
  keep_alive_ = false;
  head.fields = &fields;
  http::OutBatch out;
  downstream_->codec().send_head(stream_, head, arena_, out);
  record_.bytes_sent += out.bytes();
  move(ResponseState::kHead);
  move(ResponseState::kTunnel);
  core_.counters().add(observe::Counter::kTunnels);
  const std::string_view early = connection_->open_tunnel();
  if (!early.empty()) {
    out.add(early);
    frames_.feed(early);
    body_bytes_sent_ += early.size();
    record_.bytes_sent += early.size();
  }
  // The attempt went well; from here on silence is judged by the tunnel's own limit.
  if (cluster_->site->sticky != nullptr) learn_binding();
  peer_succeeded();
  peer_->state->tunnels.fetch_add(1, std::memory_order_relaxed);
  probe_ = false;
  tunnel_timeout_ = location_->tunnel_timeout;

  // Let go of the snapshot: a WebSocket that lives for weeks must not pin every configuration since.
  peer_state_ = peer_->state;
  access_logs_ = location_->access_logs;
  waiting_ = Waiting::kTunnelIdle;
  tunnel_inflight_ = cluster_->site->inflight;
  tunnel_queue_ = cluster_->site->queue;
  for (int i = 0; i < record_.attempts.size(); ++i) record_.attempts[i].peer = arena_.copy(record_.attempts[i].peer);
  server_name_ = arena_.copy(server_name_);
  proxy_host_ = arena_.copy(proxy_host_);
  release_budget();
  counted_in_cluster_ = false;  // tunnel_inflight_ is the count now
  // Before the location goes: the session looks into it when it has to queue.
  const int sent = downstream_->send(out);
  peer_ = bound_ = nullptr;
  bound_session_ = {};
  cluster_ = nullptr;
  location_ = nullptr;
  server_ = nullptr;
  listen_ = nullptr;
  host_regex_ = nullptr;
  match_ = {};
  body_.clear();
  epoch_.reset();

  // The operator took the peer out while it was being asked: its WebSockets have been told to go.
  if (peer_state_->admin_down.load(std::memory_order_relaxed)) drain_at_ = core_.loop().now();
  arm_tunnel();
  if (sent < 0) {
    tunnel_ended(ErrorKind::kClientClosed);
    return;
  }
  connection_->want_read(download_.update(downstream_->queued()));
  downstream_->enter_tunnel();
}

void Exchange::on_client_raw(std::string_view bytes) {
  record_.request_length += bytes.size();
  http::OutBatch out;
  out.add(bytes);
  if (connection_->send(out) < 0) {
    // A peer that says goodbye and hangs up may have sent something before: the read side, if open, tells the end.
    if (peer_fin_) tunnel_ended(ErrorKind::kResetMidResponse);
    return;
  }
  arm_tunnel();
  downstream_->update_read();
}

void Exchange::on_upstream_raw(std::string_view bytes) {
  observe::Attempt& attempt = record_.attempts.back();
  attempt.response_length = std::max<int64_t>(attempt.response_length, 0) + static_cast<int64_t>(bytes.size());
  const size_t boundary = frames_.feed(bytes);
  // A drain closes the WebSocket behind the last whole frame.
  bool close_now = false;
  if (drain_wanted_ && !frames_.close_seen() && boundary != std::string_view::npos) {
    bytes = bytes.substr(0, boundary);
    close_now = true;
  }
  http::OutBatch out;
  out.add(bytes);
  if (close_now) out.add(http::ws_close_frame(drain_code_));
  body_bytes_sent_ += bytes.size();
  record_.bytes_sent += out.bytes();
  if (downstream_->send(out) < 0) {
    tunnel_ended(ErrorKind::kClientClosed);
    return;
  }
  if (close_now) {
    core_.counters().add(observe::Counter::kTunnelsDrained);
    tunnel_ended(ErrorKind::kNone);
    return;
  }
  arm_tunnel();
  connection_->want_read(download_.update(downstream_->queued()));
}

void Exchange::arm_tunnel() {
  core_.loop().arm(upstream_deadline_, std::min(core_.loop().now() + tunnel_timeout_.count(), drain_at_));
}

// The end has begun (one direction is closed, a drain waits for a frame's end): what is to come may come, but not after
// an hour of silence.
void Exchange::hurry_tunnel() {
  tunnel_timeout_ = std::min(tunnel_timeout_, Millis(30'000));
  arm_tunnel();
}

void Exchange::drain_at(MonoMs due, uint16_t code) {
  if (response_state_ != ResponseState::kTunnel || drain_wanted_) return;
  drain_code_ = code;
  drain_at_ = due;
  core_.loop().arm(upstream_deadline_, std::min(upstream_deadline_.due(), due));
}

void Exchange::drain(uint16_t code) {
  if (response_state_ != ResponseState::kTunnel || drain_wanted_) return;
  drain_wanted_ = true;
  drain_code_ = code;
  drain_at_ = kNever;
  if (peer_fin_)
    return;  // our FIN follows what is queued: nothing may be put behind it, and the half-closed wait is short
  if (!frames_.at_boundary() || frames_.close_seen()) {  // on_upstream_raw waits for the frame's end
    hurry_tunnel();
    return;
  }
  http::OutBatch out;
  out.add(http::ws_close_frame(code));
  record_.bytes_sent += out.bytes();
  core_.counters().add(observe::Counter::kTunnelsDrained);
  tunnel_ended(downstream_->send(out) < 0 ? ErrorKind::kClientClosed : ErrorKind::kNone);
}

void Exchange::tunnel_ended(ErrorKind error) {
  observe::Attempt& attempt = record_.attempts.back();
  attempt.ended_us = core_.loop().now_us();
  attempt.error = error;
  attempt.bytes_sent = connection_->bytes_sent();
  attempt.bytes_received = connection_->bytes_received();
  group_->give(std::move(connection_));
  peer_state_->tunnels.fetch_sub(1, std::memory_order_relaxed);
  peer_state_->release();
  if (const auto queue = std::move(tunnel_queue_)) queue->place_freed();
  tunnel_inflight_->fetch_sub(1, std::memory_order_relaxed);
  tunnel_inflight_.reset();
  // What the peer said before it went still goes out.
  finish(error, traits(error).side == Side::kClient ? Ending::kAbort : Ending::kClose);
}

}  // namespace weir::proxy
