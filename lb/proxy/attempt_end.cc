// The end of an attempt: what a failure leads to (policy/retry.h decides), and the peer's books.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

uint32_t micros(int64_t from, int64_t to) {
  return static_cast<uint32_t>(std::clamp<int64_t>(to - from, 0, UINT32_MAX));
}

}  // namespace

ErrorKind ProxyContent::broken_before_response() const {
  const bool silent = attempt_.lease.bytes_received() == 0;
  return attempt_.lease.reused() && silent ? ErrorKind::kReusedClosed : ErrorKind::kResetBeforeResponse;
}

void ProxyContent::response_broken(ErrorKind kind) {
  if (responder().state == ResponseState::kNone || responder().state == ResponseState::kHead) {
    x_.take_back_response();
    if (attempt_.look.text != nullptr) {  // it was only looked at: nothing of it counts as an answer
      if (kind == ErrorKind::kResetMidResponse) kind = ErrorKind::kResetBeforeResponse;
      if (kind == ErrorKind::kBodyTimeout) kind = ErrorKind::kHeaderTimeout;
    }
    attempt_failed(kind);
    return;
  }
  // The client has a part of it and must see that it is cut: no last chunk, too short a length, or a reset.
  core_.counters().add(observe::Counter::kUpstreamTruncated);
  LogLimit& limit = attempt_.peer->state->log.cut;
  if (limit.pass(core_.loop().now()))
    log::warn("peer ", attempt_.peer->options.name, ": response cut (", traits(kind).reason, "; connection ",
              downstream().connection().number, ")", limit.dropped());
  end_attempt(kind, true);
  x_.finish(kind);
}

policy::AttemptFacts ProxyContent::facts(ErrorKind kind) const {
  policy::AttemptFacts f;
  f.error = kind;
  f.status = kind == ErrorKind::kNone || kind == ErrorKind::kNotReady ? attempt_.response.status : 0;
  f.reused_connection = attempt_.is_leased() && attempt_.lease.reused();
  f.response_started = attempt_.is_leased() && attempt_.lease.bytes_received() > 0;
  f.bytes_accepted = attempt_.is_leased() ? attempt_.lease.bytes_sent() : 0;
  // What was thrown away cannot be sent again, even if no byte of it left the queue.
  if (!request().held) f.bytes_accepted = std::max<uint64_t>(f.bytes_accepted, 1);
  f.idempotent = http::is_idempotent(request().head.method);
  f.request_held = request().held;
  // Of two nodes' hints the client could not tell which are the answer's.
  f.client_answered = responder().state != ResponseState::kNone || responder().interim_sent;
  f.upgrade = !state_.upgrade.empty();
  f.tries_made = state_.tries;
  f.first_started = state_.first_attempt_at;
  f.now = core_.loop().now();
  return f;
}

void ProxyContent::release_budget() {
  if (state_.budget_taken) state_.cluster->site->budget->give();
  state_.budget_taken = false;
}

bool ProxyContent::take_budget() {
  if (state_.budget_taken) return true;
  state_.budget_taken =
      state_.cluster->site->budget->take(state_.cluster->site->inflight->load(std::memory_order_relaxed));
  if (!state_.budget_taken) record().attempts.back().error = ErrorKind::kRetryBudget;
  return state_.budget_taken;
}

void ProxyContent::attempt_failed(ErrorKind kind) {
  const policy::AttemptFacts f = facts(kind);
  policy::RetryDecision decision = policy::decide_retry(location().retry, f);
  state_.exhausted_status = policy::exhausted_status(f);
  core_.counters().add(observe::Counter::kUpstreamFailures);
  LogLimit& limit = attempt_.peer->state->log.failed;
  if (log::enabled(LogLevel::kInfo) && limit.pass(core_.loop().now()))
    log::info("peer ", attempt_.peer->options.name, ": attempt failed (", traits(kind).reason, "; connection ",
              downstream().connection().number, ")", limit.dropped());
  end_attempt(kind, true);
  if (tried_.full()) decision = policy::RetryDecision::kNo;
  if (decision == policy::RetryDecision::kBudget)
    decision = take_budget() ? policy::RetryDecision::kYes : policy::RetryDecision::kNo;
  if (decision == policy::RetryDecision::kNo) {
    give_up();
    return;
  }
  core_.counters().add(observe::Counter::kUpstreamRetries);
  core_.counters().add_retry(kind);
  if (decision == policy::RetryDecision::kFree) {
    --state_.tries;
    state_.fresh_only = true;  // one stale connection is enough: the next one is new
  }
  next_attempt();
}

// No further try: what the client gets for the last one.
void ProxyContent::give_up() {
  if (state_.cache != nullptr && state_.cache->stands_in(record().attempts.back().error)) {
    x_.serve_stored();
    return;
  }
  // Nobody took a connection: the service is away, which is not the fault of one bad gateway.
  bool all_refused = true;
  for (const observe::Attempt& attempt : record().attempts)
    all_refused =
        all_refused && (attempt.error == ErrorKind::kConnectRefused || attempt.error == ErrorKind::kConnectFailed);
  if (all_refused) {
    x_.answer(location().no_peer_status, 1);
  } else {
    x_.answer(state_.exhausted_status, state_.exhausted_status == 503 ? 1 : 0);
  }
}

void ProxyContent::record_no_attempt(ErrorKind kind, std::string_view asked, int status) {
  observe::Attempt& none = record().attempts.add(arena());
  none.peer = asked;
  none.started_us = none.ended_us = core_.loop().now_us();
  none.error = kind;
  none.status = status;
  none.asked = false;
}

bool ProxyContent::has_other_peer() const {
  if (tried_.count() + 1 >= policy::TriedSet::kMost) return false;  // with this one it is full
  const policy::Cluster& cluster = *state_.cluster->site->cluster;
  const auto can_be_had = [this](const policy::Peer& peer) {
    return &peer != attempt_.peer && !tried_.contains(&peer) && !peer.hard_down(is_bound_to(peer)) && !peer.full();
  };
  return std::any_of(cluster.primaries().begin(), cluster.primaries().end(), can_be_had) ||
         std::any_of(cluster.backups().begin(), cluster.backups().end(), can_be_had);
}

bool ProxyContent::would_go_elsewhere(ErrorKind kind) const {
  return policy::decide_retry(location().retry, facts(kind)) != policy::RetryDecision::kNo && has_other_peer();
}

bool ProxyContent::times_matter() const {
  switch (state_.cluster->site->cluster->method()) {
    case policy::Method::kLeastTimeHeader:
    case policy::Method::kLeastTimeLastByte:
    case policy::Method::kRandomTwoHeader:
    case policy::Method::kRandomTwoLastByte: return true;
    default: return false;
  }
}

void ProxyContent::peer_failed(ErrorKind kind) {
  state_.cluster->balancer->failed(*attempt_.peer);
  policy::PeerState& state = *attempt_.peer->state;
  state.stats.failures.fetch_add(1, std::memory_order_relaxed);
  const MonoMs now = core_.loop().now();
  const MonoMs until = state.passive.ejected_until();
  const bool late = kind == ErrorKind::kHeaderTimeout || kind == ErrorKind::kBodyTimeout;
  if (late && !state.timeout_counts()) return;
  if (!state_.cluster->site->cluster->single()) state.passive.failure(now);
  if (state.passive.ejected_until() <= until) return;
  // For the first time, or longer because the probe failed too.
  state.stats.ejections.fetch_add(1, std::memory_order_relaxed);
  log::warn("peer ", state_.cluster->site->cluster->name(), "/", attempt_.peer->options.name, ": ejected for ",
            (state.passive.ejected_until() - now) / 1000, " s (",
            kind == ErrorKind::kNone ? "bad status" : traits(kind).reason, ")");
}

void ProxyContent::peer_succeeded() {
  state_.cluster->balancer->succeeded(*attempt_.peer);
  policy::PeerState& state = *attempt_.peer->state;
  state.note_answer();
  if (times_matter()) {
    const observe::Attempt& attempt = record().attempts.back();
    policy::note_time(state.stats.header_time, micros(attempt.started_us, attempt.header_us));
  }
  const MonoMs now = core_.loop().now();
  if (!state.passive.success(now)) return;
  if (attempt_.peer->options.slow_start.count() > 0) state.ramp_from.store(now);
  log::warn("peer ", state_.cluster->site->cluster->name(), "/", attempt_.peer->options.name,
            ": ejection ended (a request succeeded)");
  if (state_.cluster->site->queue != nullptr) state_.cluster->site->queue->wake_all();
}

void ProxyContent::note_response_time(int64_t took) {
  state_.cluster->times->response.add(took);
  state_.cluster->times_of(*attempt_.peer, core_.options().worker).response.add(took);
}

void ProxyContent::end_attempt(ErrorKind kind, bool decided) {
  deadline_.cancel();
  stop_connecting();
  if (attempt_.peer == nullptr) return;
  observe::Attempt& attempt = record().attempts.back();
  attempt.ended_us = core_.loop().now_us();
  if (attempt.error == ErrorKind::kNone) attempt.error = kind;
  if (attempt_.complete) note_response_time(attempt.ended_us - attempt.started_us);
  policy::AttemptFacts f = facts(kind);
  x_.drop_held();
  if (state_.cache != nullptr) state_.cache->drop_store();
  if (attempt_.is_leased()) {
    attempt.bytes_sent = attempt_.lease.bytes_sent();
    attempt.bytes_received = attempt_.lease.bytes_received();
    state_.cluster->times_of(*attempt_.peer, core_.options().worker)
        .traffic.add(attempt.bytes_sent, attempt.bytes_received);
    attempt_.lease.reset();
  }
  // A reused connection that failed tells nothing of its peer, which may be asked again.
  if (kind != ErrorKind::kReusedClosed) tried_.add(attempt_.peer);
  if (decided && policy::counts_as_failure(location().retry, f)) {
    peer_failed(kind);
  } else if (decided && kind == ErrorKind::kNone) {
    peer_succeeded();
    if (times_matter())
      policy::note_time(attempt_.peer->state->stats.last_byte_time, micros(attempt.started_us, attempt.ended_us));
  } else if (attempt_.probe) {
    attempt_.peer->state->passive.abandon_probe();
  }
  attempt_.peer->state->release();
  if (state_.cluster->site->queue != nullptr) state_.cluster->site->queue->place_freed();
  attempt_.reset();
}

}  // namespace weir::proxy
