// The end of an attempt: what a failure leads to (policy/retry.h decides), and the peer's books.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

uint32_t micros(int64_t from, int64_t to) {
  return static_cast<uint32_t>(std::clamp<int64_t>(to - from, 0, UINT32_MAX));
}

}  // namespace

ErrorKind Exchange::broken_before_response() const {
  const bool silent = connection_->bytes_received() == 0;
  return connection_->reused() && silent ? ErrorKind::kReusedClosed : ErrorKind::kResetBeforeResponse;
}

void Exchange::response_broken(ErrorKind kind) {
  if (response_state_ == ResponseState::kNone || response_state_ == ResponseState::kHead) {
    response_state_ = ResponseState::kNone;  // a head that never went out
    if (look_ != nullptr) {                  // it was only looked at: nothing of it counts as an answer
      if (kind == ErrorKind::kResetMidResponse) kind = ErrorKind::kResetBeforeResponse;
      if (kind == ErrorKind::kBodyTimeout) kind = ErrorKind::kHeaderTimeout;
    }
    attempt_failed(kind);
    return;
  }
  // The client has a part of it and must see that it is cut: no last chunk, too short a length, or a reset.
  core_.counters().add(observe::Counter::kUpstreamTruncated);
  log::warn("peer ", peer_->options.name, ": response cut (", traits(kind).reason, "; connection ",
            downstream_->connection().number, ")");
  end_attempt(kind, true);
  finish(kind);
}

policy::AttemptFacts Exchange::facts(ErrorKind kind) const {
  policy::AttemptFacts f;
  f.error = kind;
  f.status = kind == ErrorKind::kNone || kind == ErrorKind::kNotReady ? response_.status : 0;
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
  log::info("peer ", peer_->options.name, ": attempt failed (", traits(kind).reason, "; connection ",
            downstream_->connection().number, ")");
  end_attempt(kind, true);
  if (decision == policy::RetryDecision::kBudget)
    decision = take_budget() ? policy::RetryDecision::kYes : policy::RetryDecision::kNo;
  if (decision == policy::RetryDecision::kNo) {
    give_up();
    return;
  }
  core_.counters().add(observe::Counter::kUpstreamRetries);
  core_.counters().add_retry(kind);
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

void Exchange::record_no_attempt(ErrorKind kind) {
  observe::Attempt& none = record_.attempts.add(arena_);
  none.peer = cluster_->site->cluster->name();
  none.started_us = none.ended_us = core_.loop().now_us();
  none.error = kind;
  none.status = location_->no_peer_status;
}

bool Exchange::has_other_peer() const {
  const policy::Cluster& cluster = *cluster_->site->cluster;
  const auto can_be_had = [this](const policy::Peer& peer) {
    return &peer != peer_ && !tried_.contains(&peer) && !peer.hard_down(&peer == bound_) && !peer.full();
  };
  return std::any_of(cluster.primaries().begin(), cluster.primaries().end(), can_be_had) ||
         std::any_of(cluster.backups().begin(), cluster.backups().end(), can_be_had);
}

bool Exchange::would_go_elsewhere(ErrorKind kind) const {
  return policy::decide_retry(location_->retry, facts(kind)) != policy::RetryDecision::kNo && has_other_peer();
}

bool Exchange::times_matter() const {
  switch (cluster_->site->cluster->method()) {
    case policy::Method::kLeastTimeHeader:
    case policy::Method::kLeastTimeLastByte:
    case policy::Method::kRandomTwoHeader:
    case policy::Method::kRandomTwoLastByte: return true;
    default: return false;
  }
}

void Exchange::peer_failed(ErrorKind kind) {
  cluster_->balancer->failed(*peer_);
  policy::PeerState& state = *peer_->state;
  state.stats.failures.fetch_add(1, std::memory_order_relaxed);
  const MonoMs now = core_.loop().now();
  const MonoMs until = state.passive.ejected_until();
  if (!cluster_->site->cluster->single()) state.passive.failure(now);
  if (state.passive.ejected_until() <= until) return;
  // For the first time, or longer because the probe failed too.
  state.stats.ejections.fetch_add(1, std::memory_order_relaxed);
  log::warn("peer ", cluster_->site->cluster->name(), "/", peer_->options.name, ": ejected for ",
            (state.passive.ejected_until() - now) / 1000, " s (",
            kind == ErrorKind::kNone ? "bad status" : traits(kind).reason, ")");
}

void Exchange::peer_succeeded() {
  cluster_->balancer->succeeded(*peer_);
  policy::PeerState& state = *peer_->state;
  if (times_matter()) {
    const observe::Attempt& attempt = record_.attempts.back();
    policy::note_time(state.stats.header_time, micros(attempt.started_us, attempt.header_us));
  }
  const MonoMs now = core_.loop().now();
  if (!state.passive.success(now)) return;
  if (peer_->options.slow_start.count() > 0) state.ramp_from.store(now);
  log::warn("peer ", cluster_->site->cluster->name(), "/", peer_->options.name,
            ": ejection ended (a request succeeded)");
  if (cluster_->site->queue != nullptr) cluster_->site->queue->wake_all();
}

void Exchange::end_attempt(ErrorKind kind, bool decided) {
  upstream_deadline_.cancel();
  connecting_.reset();
  if (peer_ == nullptr) return;
  observe::Attempt& attempt = record_.attempts.back();
  attempt.ended_us = core_.loop().now_us();
  if (attempt.error == ErrorKind::kNone) attempt.error = kind;
  policy::AttemptFacts f = facts(kind);
  if (std::exchange(holding_, false)) response_held_.clear();
  if (suspended_ == Suspended::kResponse) suspended_ = Suspended::kNothing;
  if (connection_) {
    attempt.bytes_sent = connection_->bytes_sent();
    attempt.bytes_received = connection_->bytes_received();
    group_->give(std::move(connection_));
  }
  // A reused connection that failed tells nothing of its peer, which may be asked again.
  if (kind != ErrorKind::kReusedClosed) tried_.add(peer_);
  if (decided && policy::counts_as_failure(location_->retry, f)) {
    peer_failed(kind);
  } else if (decided && kind == ErrorKind::kNone) {
    peer_succeeded();
    if (times_matter())
      policy::note_time(peer_->state->stats.last_byte_time, micros(attempt.started_us, attempt.ended_us));
  } else if (probe_) {
    peer_->state->passive.abandon_probe();
  }
  peer_->state->release();
  if (cluster_->site->queue != nullptr) cluster_->site->queue->place_freed();
  probe_ = false;
  peer_ = nullptr;
  sending_ = false;
}

}  // namespace weir::proxy
