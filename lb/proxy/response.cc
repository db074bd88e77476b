// The peer's response: its head decides (another try, a tunnel, the client's answer), its body is relayed.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "http/forward.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"
#include "proxy/tunnel.h"
#include "proxy/tunnel_log.h"
#include "upstream/pool.h"

namespace weir::proxy {

Arena& ProxyContent::response_arena(http::StreamId) {
  return arena();
}
http::ResponseHead& ProxyContent::response_head(http::StreamId) {
  return attempt_.response;
}

void ProxyContent::on_interim(http::StreamId) {
  if (attempt_.response.status != 100) attempt_.alive = true;
  if (attempt_.response.status == 100 || responder().state != ResponseState::kNone) return;
  http::OutResponse interim;
  interim.status = attempt_.response.status;
  interim.reason = attempt_.response.reason;
  http::drop_hop_by_hop(attempt_.response.fields);
  interim.fields = &attempt_.response.fields;
  const Sent sent = downstream().send({.head = &interim});
  if (sent.error < 0) responder().client_error = sent.error;
  if (sent.bytes > 0) responder().interim_sent = true;
}

void ProxyContent::on_response(http::StreamId) {
  attempt_.head_received = true;
  observe::Attempt& attempt = record().attempts.back();
  attempt.status = attempt_.response.status;
  attempt.header_us = core_.loop().now_us();
  auto& answered = attempt_.peer->state->stats.responses;
  answered[std::min(static_cast<size_t>(attempt_.response.status / 100), answered.size()) - 1].fetch_add(
      1, std::memory_order_relaxed);
  const int64_t took = attempt.header_us - attempt.started_us;
  state_.cluster->times->header.add(took);
  state_.cluster->times_of(*attempt_.peer, core_.options().worker).header.add(took);
  if (attempt_.response.status == 101) {
    x_.begin_response(attempt_.response);
    return;
  }
  if (!location().not_ready.empty() && begin_look()) return;
  accept_response();
}

// The head goes to the client, unless its status sends the request elsewhere.
void ProxyContent::accept_response() {
  const policy::AttemptFacts f = facts(ErrorKind::kNone);
  const policy::RetryDecision decision = policy::decide_retry(location().retry, f);
  // The last peer's answer is the answer, whatever its status.
  attempt_.retry_wanted = decision != policy::RetryDecision::kNo && has_other_peer();
  if (attempt_.retry_wanted) state_.exhausted_status = policy::exhausted_status(f);
  if (attempt_.retry_wanted && decision == policy::RetryDecision::kBudget && !take_budget())
    attempt_.retry_wanted = false;
  if (attempt_.retry_wanted || take_redirect()) return;
  if (state_.cache != nullptr && state_.cache->takes_answer(attempt_.response)) {
    attempt_.is_stored = true;
    return;
  }
  if (location().intercept_errors && !x_.is_alone() && x_.intercept(attempt_.response)) return;
  if (state_.cache != nullptr) state_.cache->begin_store(attempt_.response);
  if (x_.is_alone()) return;
  if (state_.cache != nullptr) state_.cache->fit_to_client(attempt_.response);
  x_.begin_response(attempt_.response);
}

// X-Accel-Redirect: the body of this answer is thrown away.
bool ProxyContent::take_redirect() {
  const http::Field* to = attempt_.response.fields.find(http::HeaderToken::kXAccelRedirect);
  if (to == nullptr || to->value.empty()) return false;
  for (const std::string& name : location().ignore_headers)
    if (iequals(name, to->name)) return false;
  attempt_.redirect = to->value;
  return true;
}

void ProxyContent::on_body(http::StreamId, std::string_view bytes) {
  observe::Attempt& attempt = record().attempts.back();
  attempt.response_length = std::max<int64_t>(attempt.response_length, 0) + static_cast<int64_t>(bytes.size());
  if (attempt_.look.text != nullptr) bytes = look_at(bytes);
  pass_on(bytes);
}

void ProxyContent::pass_on(std::string_view bytes) {
  relay(state_.cache != nullptr ? state_.cache->take(bytes) : bytes);
}

void ProxyContent::relay(std::string_view bytes) {
  if (bytes.empty() || x_.is_alone() || attempt_.retry_wanted || attempt_.is_stored || !attempt_.redirect.empty() ||
      responder().client_error != 0 || responder().failed || x_.is_replaced())
    return;
  if (x_.is_response_held()) {
    x_.hold(bytes);
    return;
  }
  while (!responder().body.add(bytes)) flush();
}

// What is known of the answer goes out.
void ProxyContent::flush() {
  http::OutResponse head;
  const bool begins = responder().state == ResponseState::kHead;
  if (begins) {
    x_.compose_response_head(attempt_.response, head);
    if (state_.cluster->site->sticky != nullptr) note_binding(attempt_.response.fields);
  }
  x_.send_response(begins ? &head : nullptr, attempt_.complete);
}

void ProxyContent::resume_response(const Chain& held) {
  held.for_each_piece(INT32_MAX, [this](std::string_view piece) { relay(piece); });
  on_upstream_turn();
}

void ProxyContent::on_response_end(http::StreamId) {
  if (attempt_.look.text != nullptr) end_look();
  attempt_.complete = true;
  if (state_.trailers != nullptr) read_trailers();
  if (state_.cache != nullptr) state_.cache->complete_store();
  observe::Attempt& attempt = record().attempts.back();
  attempt.response_length = std::max<int64_t>(attempt.response_length, 0);
}

void ProxyContent::on_error(http::StreamId, ErrorKind kind, std::string_view why) {
  attempt_.error = kind;
  LogLimit& limit = attempt_.peer->state->log.invalid;
  if (limit.pass(core_.loop().now()))
    log::warn("peer ", attempt_.peer->options.name, ": invalid response (", why, "; connection ",
              downstream().connection().number, ")", limit.dropped());
}

void ProxyContent::on_upstream_turn() {
  if (responder().client_error != 0) {
    x_.client_gone(ErrorKind::kClientClosed);
    return;
  }
  if (attempt_.not_ready) {
    attempt_failed(ErrorKind::kNotReady);
    return;
  }
  if (attempt_.error != ErrorKind::kNone) {
    response_broken(attempt_.error);
    return;
  }
  if (attempt_.look.text != nullptr) {  // the end of what is looked at is still to come
    arm_upstream();
    return;
  }
  if (attempt_.retry_wanted) {
    core_.counters().add(observe::Counter::kUpstreamRetries);
    core_.counters().add_retry(ErrorKind::kNone);
    end_attempt(ErrorKind::kNone, true);
    next_attempt();
    return;
  }
  if (!attempt_.head_received) {  // an interim one, or a part of a head
    if (std::exchange(attempt_.alive, false)) arm_upstream();
    return;
  }
  if (x_.is_alone()) {
    relay_alone();
    return;
  }
  if (attempt_.is_stored) {
    end_attempt(ErrorKind::kNone, true);
    x_.serve_stored();
    return;
  }
  if (!attempt_.redirect.empty()) {
    const std::string_view target = attempt_.redirect;
    if (state_.cluster->site->sticky != nullptr) {
      note_binding(attempt_.response.fields);
      if (!state_.cluster->site->sticky->options.learn_from_header) learn_binding();
    }
    end_attempt(ErrorKind::kNone, true);
    x_.follow_peer(target, attempt_.response.fields);
    return;
  }
  if (x_.is_replaced()) {
    end_attempt(ErrorKind::kNone, true);
    x_.take_back_response();
    x_.answer_replaced();
    return;
  }
  if (x_.is_response_held()) {
    deadline_.cancel();  // the filter's time, not the peer's
    // Behind a 101 nothing is read that a tunnel would not yet take.
    attempt_.lease.want_read(attempt_.response.status != 101 && responder().body.update(x_.held_size()));
    return;
  }
  if (attempt_.response.status == 101) {
    open_tunnel();
    return;
  }
  flush();
  if (responder().client_error != 0) {
    x_.client_gone(ErrorKind::kClientClosed);
    return;
  }
  if (responder().failed) {
    x_.fail_response();
    return;
  }
  if (attempt_.complete) {
    if (state_.cluster->site->sticky != nullptr && !state_.cluster->site->sticky->options.learn_from_header)
      learn_binding();
    end_attempt(ErrorKind::kNone, true);
    if (responder().state == ResponseState::kEnded) x_.finish(ErrorKind::kNone);  // else a filter holds the rest
    return;
  }
  attempt_.lease.want_read(may_read_on());
  arm_upstream();
}

// Only the cache is left to take the answer.
void ProxyContent::relay_alone() {
  if (attempt_.complete) {
    end_attempt(ErrorKind::kNone, true);
    x_.finish(ErrorKind::kNone);
  } else if (!state_.cache->is_storing()) {
    end_attempt(ErrorKind::kClientClosed, false);
    x_.finish(ErrorKind::kClientClosed);
  } else {
    arm_upstream();
  }
}

// 101: what follows is a tunnel's, and this exchange is over.
void ProxyContent::open_tunnel() {
  const std::string_view protocol =
      attempt_.response.fields.find(http::HeaderToken::kUpgrade)->value;  // the codec has seen to it
  http::OutResponse head;
  x_.compose_response_head(attempt_.response, head);
  if (state_.cluster->site->sticky != nullptr) note_binding(attempt_.response.fields);
  head.body = responder().sent_body = {};
  head.upgrade = protocol;
  x_.move(ResponseState::kHead);
  const Sent sent = downstream().send({.head = &head});
  if (sent.error < 0) {
    x_.client_gone(ErrorKind::kClientClosed);
    return;
  }
  record().bytes_sent += sent.bytes;
  x_.move(ResponseState::kEnded);
  // The attempt went well; from here on silence is judged by the tunnel's own limit.
  if (state_.cluster->site->sticky != nullptr) learn_binding();
  peer_succeeded();
  deadline_.cancel();
  observe::Attempt& attempt = record().attempts.back();
  attempt.bytes_sent = attempt_.lease.bytes_sent();
  attempt.bytes_received = attempt_.lease.bytes_received();
  state_.cluster->times_of(*attempt_.peer, core_.options().worker)
      .traffic.add(attempt.bytes_sent, attempt.bytes_received);
  record().connection = downstream().connection().number;
  record().connection_requests = downstream().connection_requests();
  std::unique_ptr<TunnelRecord> log;
  if (location().access_logs != nullptr && !location().access_logs->empty())
    log =
        std::make_unique<TunnelLog>(core_, location().access_logs, x_, record(), downstream().connection().started_us);
  Tunnel::Options options;
  options.websocket = request().head.websocket;
  options.idle = location().tunnel_timeout;
  options.client_send = location().client_send_timeout;
  options.lingering = location().lingering;
  options.lingering_timeout = location().lingering_timeout;
  options.lingering_time = location().lingering_time;
  const std::string_view behind = attempt_.lease.behind_head();
  auto tunnel = std::make_unique<Tunnel>(
      core_, attempt_.lease.give_up(),
      Tunnel::Place{attempt_.peer->state, state_.cluster->site->inflight, state_.cluster->site->queue}, options,
      std::move(log));
  attempt_.reset();
  state_.counted = false;  // with its place it is the tunnel's
  x_.finish_as_tunnel(std::move(tunnel), behind);
}

void ProxyContent::on_upstream_read_soon() const {
  x_.fetch_for_response();
}

Gate::Marks ProxyContent::marks() const {
  if (!responder().buffered) return {};
  return core_.buffers_full() ? BufferOptions::kScarce : location().buffers.marks();
}

bool ProxyContent::may_read_on() {
  Relay& body = responder().body;
  const bool was_reading = body.reading();
  const size_t held = x_.response_held();
  const bool reads = body.update(held, marks());
  // It waits for the memory of all answers, not of its own.
  if (was_reading && !reads && responder().buffered && held < location().buffers.marks().high)
    core_.counters().add(observe::Counter::kBuffersFull);
  return reads;
}

size_t ProxyContent::read_room() const {
  if (x_.is_response_held()) return io::TransportHandler::kUsualRead;
  const size_t held = x_.response_held();
  if (held == 0 && !responder().buffered) return io::TransportHandler::kMostRead;
  const size_t high = marks().high;
  const size_t most = held == 0 ? io::TransportHandler::kMostRead : io::TransportHandler::kUsualRead;
  return std::clamp<size_t>(high - std::min(held, high), 1, most);
}

void ProxyContent::on_upstream_closed(int code) {
  if (code == -EPROTO && state_.tls) {
    note_tls_fault(attempt_.lease.fault());
    if (!attempt_.lease.reused() && attempt_.lease.bytes_received() == 0) return response_broken(ErrorKind::kTlsFailed);
  }
  response_broken(attempt_.head_received ? ErrorKind::kResetMidResponse : broken_before_response());
}

}  // namespace weir::proxy
