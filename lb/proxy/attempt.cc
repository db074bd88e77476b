// The peer's side of an exchange: pick, connect, send; and what a failed attempt leads to.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "upstream/pool.h"

namespace weir::proxy {

WorkerCluster* Exchange::find_cluster() {
  const ProxyPass& pass = *location_->pass;
  proxy_host_ = pass.host;
  proxy_port_ = pass.port;
  if (!pass.dynamic) return &epoch_->cluster(pass.cluster);
  // Variables choose among the configured upstreams; an address made of a client's words is never dialled.
  std::string_view name = pass.dynamic->render(*this, arena_);
  if (const size_t scheme = name.find("://"); scheme != std::string_view::npos) name.remove_prefix(scheme + 3);
  name = name.substr(0, name.find('/'));
  const auto& by_name = epoch_->site().cluster_by_name;
  const auto at = by_name.find(std::string(name));
  if (at == by_name.end()) {
    log::error("no upstream \"", name, "\" for ", location_->pattern, " (connection ", downstream_->connection_number(),
               ")");
    return nullptr;
  }
  proxy_host_ = name;
  return &epoch_->cluster(at->second);
}

// --- pick
// -------------------------------------------------------------------------------------------------------------

void Exchange::next_attempt() {
  assert(!leased() && connecting_ == nullptr);
  policy::PickContext ctx;
  ctx.now = core_.loop().now();
  ctx.rng = &core_.rng();
  ctx.client = &client_;
  ctx.tried = &tried_;
  if (!cluster_->site->hash_key.empty()) ctx.key = cluster_->site->hash_key.render(*this, arena_);
  const policy::Pick pick = cluster_->balancer->pick(ctx);
  if (pick.peer == nullptr) {
    no_peer(pick);
    return;
  }
  peer_ = pick.peer;
  probe_ = pick.probe;
  peer_->state->inflight.fetch_add(1, std::memory_order_relaxed);
  group_ = cluster_->group;
  sending_ = request_all_sent_ = upload_broken_ = head_received_ = response_complete_ = retry_wanted_ = false;
  upstream_error_ = ErrorKind::kNone;
  upload_.flushed();
  download_.reset();
  ++tries_;
  observe::Attempt& attempt = record_.attempts.add(arena_);
  attempt.peer = peer_->options.name;
  attempt.started_us = monotonic_us();

  if (!fresh_only_) {
    if (auto idle = group_->take(peer_->options.address, !http::is_idempotent(request_.method))) {
      core_.counters().add(observe::Counter::kUpstreamReuses);
      attempt.reused = true;
      lease(std::move(idle));
      return;
    }
  }
  if (!core_.may_open_connection()) {
    static LogLimit limit;
    if (limit.pass(ctx.now)) log::error("worker_connections are not enough: no connection to ", peer_->options.name);
    attempt_failed(ErrorKind::kOverloaded);
    return;
  }
  io::ConnectOptions options;
  options.timeout = location_->connect_timeout;
  core_.counters().add(observe::Counter::kUpstreamConnects);
  connecting_ = core_.options().connect(core_.loop(), peer_->options.address, options,
                                        [this](std::unique_ptr<io::Transport> transport, io::ConnectFailure failure) {
                                          on_connected(std::move(transport), failure);
                                        });
}

void Exchange::no_peer(const policy::Pick& pick) {
  const ErrorKind kind = pick.any_full ? ErrorKind::kOverloaded : ErrorKind::kNoPeer;
  if (record_.attempts.size() == 0) {
    observe::Attempt& none = record_.attempts.add(arena_);
    none.peer = cluster_->site->cluster->name();
    none.started_us = none.ended_us = monotonic_us();
    none.error = kind;
    none.status = location_->no_peer_status;
  }
  static LogLimit limit;
  if (limit.pass(core_.loop().now()))
    log::error(pick.any_full ? "all peers are at max_conns" : "no live peer", " in upstream \"",
               cluster_->site->cluster->name(), "\" (connection ", downstream_->connection_number(), ")");
  if (tries_ > 0) {
    give_up();
  } else {
    answer(location_->no_peer_status, 1);
  }
}

// --- connect
// ----------------------------------------------------------------------------------------------------------

void Exchange::on_connected(std::unique_ptr<io::Transport> transport, io::ConnectFailure failure) {
  connecting_.reset();
  if (transport == nullptr) {
    if (failure.kind == ErrorKind::kLocalError)
      log::crit("connect() to ", peer_->options.name, " failed for want of this machine's resources (", -failure.code,
                ": ", std::string_view(strerror(-failure.code)), ")");
    attempt_failed(failure.kind);
    return;
  }
  lease(std::make_unique<upstream::Connection>(*group_, std::move(transport), peer_->options.address));
}

void Exchange::lease(std::unique_ptr<upstream::Connection> connection) {
  connection_ = std::move(connection);
  connection_->begin(*this, request_.method, request_.websocket && location_->upgrade_websocket && !location_->http10);
  record_.attempts.back().connected_us = monotonic_us();
  send_request();
}

// --- send
// -------------------------------------------------------------------------------------------------------------

void Exchange::send_request() {
  compose_request();
  http::OutBatch out;
  http::ClientCodec& codec = connection_->codec();
  codec.send_head(stream_, out_request_, arena_, out);
  int broken = 0;
  const auto flush = [&] {
    if (broken == 0) broken = connection_->send(out);
    out.clear();
  };
  std::string_view pieces[http::OutBatch::kMost - 6];
  int count = 0;
  body_.for_each_piece(INT32_MAX, [&](std::string_view piece) {
    if (count == static_cast<int>(std::size(pieces))) {  // a body of many chunks does not fit one batch
      codec.send_body(stream_, pieces, count, out);
      flush();
      count = 0;
    }
    pieces[count++] = piece;
  });
  if (count > 0) codec.send_body(stream_, pieces, count, out);
  const bool complete = body_ended();
  if (complete) codec.send_end(stream_, out);
  sending_ = true;
  flush();
  if (broken < 0) {
    attempt_failed(broken_before_response());
    return;
  }
  request_all_sent_ = complete;
  if (complete) connection_->request_sent();
  arm_upstream();
  downstream_->update_read();
}

void Exchange::arm_upstream() {
  const MonoMs now = core_.loop().now();
  waiting_ = Waiting::kNothing;  // also while it is the client's turn to send
  if (connection_ == nullptr) return;
  if (response_state_ == ResponseState::kTunnel) {
    waiting_ = Waiting::kTunnelIdle;  // tunnel.cc arms with the location's timeout, which it keeps
  } else if (connection_->queued() > 0 && !upload_broken_) {
    waiting_ = Waiting::kSend;
    core_.loop().arm(upstream_deadline_, now + location_->send_timeout.count());
  } else if (request_all_sent_ || upload_broken_ || head_received_) {
    // Silence is the peer's fault only while weir wants to read.
    if (!download_.reading()) return;
    waiting_ = Waiting::kResponse;
    const bool events = head_received_ && event_stream_;
    core_.loop().arm(upstream_deadline_, now + (events ? location_->tunnel_timeout : location_->read_timeout).count());
  }
}

void Exchange::on_upstream_sent() {
  if (response_state_ == ResponseState::kTunnel) {
    if (client_fin_ && peer_fin_ && connection_->queued() == 0) {
      tunnel_ended(ErrorKind::kNone);
      return;
    }
    downstream_->update_read();
    return;
  }
  arm_upstream();
  downstream_->update_read();
}

void Exchange::on_deadline(Deadline&) {
  if (response_state_ == ResponseState::kTunnel) {
    tunnel_ended(ErrorKind::kNone);
    return;
  }
  switch (waiting_) {
    case Waiting::kSend: response_broken(ErrorKind::kSendTimeout); return;
    case Waiting::kResponse:
      response_broken(head_received_ ? ErrorKind::kBodyTimeout : ErrorKind::kHeaderTimeout);
      return;
    case Waiting::kNothing:
    case Waiting::kTunnelIdle: return;
  }
}

// --- failure
// ----------------------------------------------------------------------------------------------------------

ErrorKind Exchange::broken_before_response() const {
  const bool silent = connection_->bytes_received() == 0;
  return connection_->reused() && silent ? ErrorKind::kReusedClosed : ErrorKind::kResetBeforeResponse;
}

void Exchange::response_broken(ErrorKind kind) {
  if (response_state_ == ResponseState::kNone || response_state_ == ResponseState::kHead) {
    response_state_ = ResponseState::kNone;  // a head that never went out
    attempt_failed(kind);
    return;
  }
  // The client has a part of it and must see that it is cut: no last chunk, too short a length, or a reset.
  core_.counters().add(observe::Counter::kUpstreamTruncated);
  log::warn("peer ", peer_->options.name, " ended inside its response: ", traits(kind).reason, " (connection ",
            downstream_->connection_number(), ")");
  end_attempt(kind, true);
  finish(kind, close_delimited_ ? Ending::kAbort : Ending::kClose);
}

policy::AttemptFacts Exchange::facts(ErrorKind kind) const {
  policy::AttemptFacts f;
  f.error = kind;
  f.status = kind == ErrorKind::kNone ? response_.status : 0;
  f.reused_connection = leased() && connection_->reused();
  f.response_started = leased() && connection_->bytes_received() > 0;
  f.bytes_accepted = leased() ? connection_->bytes_sent() : 0;
  // What was thrown away cannot be sent again, even if no byte of it left the queue.
  if (!held_) f.bytes_accepted = std::max<uint64_t>(f.bytes_accepted, 1);
  f.idempotent = http::is_idempotent(request_.method);
  f.request_held = held_;
  f.client_answered = response_state_ != ResponseState::kNone;
  f.upgrade = request_.websocket && location_->upgrade_websocket;
  f.tries_made = tries_;
  f.first_started = first_attempt_at_;
  f.now = core_.loop().now();
  return f;
}

bool Exchange::take_budget() {
  if (budget_taken_) return true;
  budget_taken_ = cluster_->site->budget->take(cluster_->site->inflight->load(std::memory_order_relaxed));
  if (!budget_taken_) record_.attempts.back().error = ErrorKind::kRetryBudget;
  return budget_taken_;
}

void Exchange::attempt_failed(ErrorKind kind) {
  const policy::AttemptFacts f = facts(kind);
  policy::RetryDecision decision = policy::decide_retry(location_->retry, f);
  exhausted_status_ = policy::exhausted_status(f);
  core_.counters().add(observe::Counter::kUpstreamFailures);
  log::info("peer ", peer_->options.name, ": ", traits(kind).reason, " (connection ", downstream_->connection_number(),
            ")");
  end_attempt(kind, true);
  if (decision == policy::RetryDecision::kBudget)
    decision = take_budget() ? policy::RetryDecision::kYes : policy::RetryDecision::kNo;
  if (decision == policy::RetryDecision::kNo) {
    give_up();
    return;
  }
  core_.counters().add(observe::Counter::kUpstreamRetries);
  if (decision == policy::RetryDecision::kFree) {
    --tries_;
    fresh_only_ = true;  // one stale connection is enough: the next one is new
  }
  next_attempt();
}

// No further try: what the client gets for the last one.
void Exchange::give_up() {
  // Nobody took a connection: the service is away, which is not the fault of one bad gateway.
  bool all_refused = true;
  for (const observe::Attempt& attempt : record_.attempts)
    all_refused =
        all_refused && (attempt.error == ErrorKind::kConnectRefused || attempt.error == ErrorKind::kConnectFailed);
  if (all_refused) {
    answer(location_->no_peer_status, 1);
  } else {
    answer(exhausted_status_, exhausted_status_ == 503 ? 1 : 0);
  }
}

void Exchange::end_attempt(ErrorKind kind, bool decided) {
  upstream_deadline_.cancel();
  connecting_.reset();
  if (peer_ == nullptr) return;
  observe::Attempt& attempt = record_.attempts.back();
  attempt.ended_us = monotonic_us();
  if (attempt.error == ErrorKind::kNone) attempt.error = kind;
  policy::AttemptFacts f = facts(kind);
  response_held_.clear();
  if (suspended_ == Suspended::kResponse) suspended_ = Suspended::kNothing;
  if (connection_) {
    attempt.bytes_sent = connection_->bytes_sent();
    attempt.bytes_received = connection_->bytes_received();
    group_->give(std::move(connection_));
  }
  // A reused connection that failed tells nothing of its peer, which may be asked again.
  if (kind != ErrorKind::kReusedClosed) tried_.add(peer_);
  policy::PeerState& state = *peer_->state;
  state.inflight.fetch_sub(1, std::memory_order_relaxed);
  const MonoMs now = core_.loop().now();
  const bool single = cluster_->site->cluster->single();
  if (decided && policy::counts_as_failure(location_->retry, f)) {
    cluster_->balancer->failed(*peer_);
    const MonoMs until = state.passive.ejected_until();
    if (!single) state.passive.failure(now);
    if (state.passive.ejected_until() > until)  // for the first time, or longer because the probe failed too
      log::warn("peer ", cluster_->site->cluster->name(), "/", peer_->options.name, " is taken out for ",
                (state.passive.ejected_until() - now) / 1000,
                " s: ", kind == ErrorKind::kNone ? "bad status" : traits(kind).reason);
  } else if (decided && kind == ErrorKind::kNone) {
    cluster_->balancer->succeeded(*peer_);
    if (state.passive.success(now))
      log::warn("peer ", cluster_->site->cluster->name(), "/", peer_->options.name, " is back");
  } else if (probe_) {
    state.passive.abandon_probe();
  }
  probe_ = false;
  peer_ = nullptr;
  sending_ = false;
}

}  // namespace weir::proxy
