// The peer's response: its head decides (another try, a tunnel, the client's answer), its body is relayed.
#include <algorithm>

#include "base/log.h"
#include "http/forward.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/tunnel.h"
#include "proxy/tunnel_log.h"
#include "upstream/pool.h"

namespace weir::proxy {

Arena& Exchange::response_arena(http::StreamId) {
  return arena_;
}
http::ResponseHead& Exchange::response_head(http::StreamId) {
  return response_;
}

void Exchange::on_interim(http::StreamId) {
  if (response_.status == 100 || response_state_ != ResponseState::kNone) return;
  http::OutResponse interim;
  interim.status = response_.status;
  interim.reason = response_.reason;
  http::drop_hop_by_hop(response_.fields);
  interim.fields = &response_.fields;
  if (const int rc = downstream_->send({.head = &interim}).error; rc < 0) client_error_ = rc;
}

void Exchange::on_response(http::StreamId) {
  head_received_ = true;
  observe::Attempt& attempt = record_.attempts.back();
  attempt.status = response_.status;
  attempt.header_us = core_.loop().now_us();
  auto& answered = peer_->state->stats.responses;
  answered[static_cast<size_t>(response_.status / 100 - 1) % answered.size()].fetch_add(1, std::memory_order_relaxed);
  if (response_.status == 101) {
    connection_->switched_protocols();
    return;
  }
  const bool asked_to_close = out_request_.connection == http::ConnectionOption::kClose;
  connection_->set_keep_alive(response_.keep_alive && !asked_to_close, response_.keep_alive_timeout);
  if (!location_->not_ready.empty() && begin_look()) return;
  accept_response();
}

// The head goes to the client, unless its status sends the request elsewhere.
void Exchange::accept_response() {
  const policy::AttemptFacts f = facts(ErrorKind::kNone);
  const policy::RetryDecision decision = policy::decide_retry(location_->retry, f);
  // The last peer's answer is the answer, whatever its status.
  retry_wanted_ = decision != policy::RetryDecision::kNo && has_other_peer();
  if (retry_wanted_) exhausted_status_ = policy::exhausted_status(f);
  if (retry_wanted_ && decision == policy::RetryDecision::kBudget && !take_budget()) retry_wanted_ = false;
  if (retry_wanted_) return;
  move(ResponseState::kHead);
  if (!location_->filters.empty()) filter_response();
}

void Exchange::on_body(http::StreamId, std::string_view bytes) {
  observe::Attempt& attempt = record_.attempts.back();
  attempt.response_length = std::max<int64_t>(attempt.response_length, 0) + static_cast<int64_t>(bytes.size());
  if (look_ != nullptr) bytes = look_at(bytes);
  pass_on(bytes);
}

void Exchange::pass_on(std::string_view bytes) {
  if (bytes.empty() || retry_wanted_ || client_error_ != 0 || replaced_) return;
  if (suspended_ != Suspended::kNothing) {
    response_held_.append(bytes);
    holding_ = true;
    return;
  }
  while (!download_.add(bytes)) flush_response();
}

void Exchange::on_response_end(http::StreamId) {
  if (look_ != nullptr) end_look();
  response_complete_ = true;
  observe::Attempt& attempt = record_.attempts.back();
  attempt.response_length = std::max<int64_t>(attempt.response_length, 0);
  connection_->response_ended();
}

void Exchange::on_error(http::StreamId, ErrorKind kind, std::string_view why) {
  upstream_error_ = kind;
  log::warn("peer ", peer_->options.name, ": invalid response (", why, "; connection ",
            downstream_->connection().number, ")");
}

void Exchange::on_upstream_turn() {
  if (client_error_ != 0) {
    client_gone(ErrorKind::kClientClosed);
    return;
  }
  if (not_ready_) {
    attempt_failed(ErrorKind::kNotReady);
    return;
  }
  if (upstream_error_ != ErrorKind::kNone) {
    response_broken(upstream_error_);
    return;
  }
  if (look_ != nullptr) {  // the end of what is looked at is still to come
    arm_upstream();
    return;
  }
  if (retry_wanted_) {
    core_.counters().add(observe::Counter::kUpstreamRetries);
    core_.counters().add_retry(ErrorKind::kNone);
    end_attempt(ErrorKind::kNone, true);
    next_attempt();
    return;
  }
  if (!head_received_) return;  // an interim one, or a part of a head
  if (replaced_) {
    end_attempt(ErrorKind::kNone, true);
    response_state_ = ResponseState::kNone;  // the peer's head never goes out
    answer(replaced_by_);
    return;
  }
  if (suspended_ != Suspended::kNothing) {
    upstream_deadline_.cancel();  // the filter's time, not the peer's
    connection_->want_read(download_.update(response_held_.size()));
    return;
  }
  if (response_.status == 101) {
    open_tunnel();
    return;
  }
  flush_response();
  if (client_error_ != 0) {
    client_gone(ErrorKind::kClientClosed);
    return;
  }
  if (response_complete_) {
    if (cluster_->site->sticky != nullptr && !cluster_->site->sticky->options.learn_from_header) learn_binding();
    end_attempt(ErrorKind::kNone, true);
    finish(ErrorKind::kNone);
    return;
  }
  connection_->want_read(download_.update_room(downstream_->room()));
  arm_upstream();
}

// 101: what follows is a tunnel's, and this exchange is over.
void Exchange::open_tunnel() {
  http::OutResponse head;
  compose_response_head(head);
  head.body = sent_body_ = {};
  move(ResponseState::kHead);
  const Sent sent = downstream_->send({.head = &head});
  if (sent.error < 0) {
    client_gone(ErrorKind::kClientClosed);
    return;
  }
  record_.bytes_sent += sent.bytes;
  move(ResponseState::kEnded);
  // The attempt went well; from here on silence is judged by the tunnel's own limit.
  if (cluster_->site->sticky != nullptr) learn_binding();
  peer_succeeded();
  probe_ = false;
  upstream_deadline_.cancel();
  observe::Attempt& attempt = record_.attempts.back();
  attempt.bytes_sent = connection_->bytes_sent();
  attempt.bytes_received = connection_->bytes_received();
  record_.connection = downstream_->connection().number;
  record_.connection_requests = downstream_->connection_requests();
  core_.counters().add(observe::Counter::kBytesReceived, record_.request_length);
  core_.counters().add(observe::Counter::kBytesSent, record_.bytes_sent);
  std::unique_ptr<TunnelRecord> log;
  if (location_->access_logs != nullptr && !location_->access_logs->empty())
    log = std::make_unique<TunnelLog>(core_, location_->access_logs, *this, record_,
                                      downstream_->connection().started_us);
  Tunnel::Options options;
  options.idle = location_->tunnel_timeout;
  options.client_send = location_->client_send_timeout;
  options.lingering = location_->lingering;
  options.lingering_timeout = location_->lingering_timeout;
  options.lingering_time = location_->lingering_time;
  const std::string_view behind = connection_->behind_head();
  auto tunnel = std::make_unique<Tunnel>(core_, group_->give_up(std::move(connection_)),
                                         Tunnel::Place{peer_->state, cluster_->site->inflight, cluster_->site->queue},
                                         options, std::move(log));
  peer_ = nullptr;
  sending_ = false;
  counted_in_cluster_ = false;  // with its place it is the tunnel's
  end_life().become_tunnel(std::move(tunnel), behind);
}

void Exchange::on_upstream_closed(int /*code*/) {
  response_broken(head_received_ ? ErrorKind::kResetMidResponse : broken_before_response());
}

}  // namespace weir::proxy
