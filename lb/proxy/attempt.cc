// The peer's side of an exchange: pick, connect, send. attempt_end.cc has what it leads to.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/log.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/pass_url.h"
#include "proxy/proxy_content.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

// How often one pick may lose the last place of a peer to another worker.
constexpr int kMostLostRaces = 8;

}  // namespace

int ProxyContent::find_target() {
  const ProxyPass& pass = *location().pass;
  state_.host = pass.host;
  state_.port = pass.port;
  state_.target = {};
  state_.tls = pass.tls;
  if (!pass.dynamic) {
    state_.cluster = &x_.epoch().cluster(pass.cluster);
  } else if (const int status = find_dynamic_target(pass); status != 0) {
    return status;
  }
  return !state_.tls || find_tls_name() ? 0 : 502;
}

// Variables choose among the upstreams and addresses that the configuration names, and beyond them where a resolver is
// in force.
int ProxyContent::find_dynamic_target(const ProxyPass& pass) {
  const PassUrl url = split_pass_url(pass.dynamic->render(x_, arena()));
  state_.tls = url.scheme == PassUrl::Scheme::kHttps;
  const int index = x_.epoch().site().find_cluster(url);
  if (index < 0) {
    if (const int status = find_run_time_target(url, pass); status != 0) return status;
  } else {
    state_.cluster = &x_.epoch().cluster(index);
  }
  state_.host = url.host();
  state_.port = url.port();
  // As nginx: a URI of variables is all of the target, its query too.
  state_.target = url.uri.starts_with('/') || url.uri.empty() ? url.uri : arena().concat({"/", url.uri});
  return 0;
}

std::string_view ProxyContent::kept(const std::string& name) const {
  return state_.run_time == nullptr ? std::string_view(name) : arena().copy(name);
}

// By whom the peer is asked for: proxy_ssl_name, else the host of $proxy_host. What nobody could be verified by is the
// request's fault, not a peer's.
bool ProxyContent::find_tls_name() {
  const PassTls& tls = location().tls;
  state_.tls_name = tls_name_of(tls.name.empty() ? state_.host : tls.name.render(x_, arena()));
  if (tls.context != nullptr && tls.context->takes_name(state_.tls_name)) return true;
  LogLimit& limit = x_.server().log->no_upstream;
  if (limit.pass(core_.loop().now()))
    log::error("location ", location().pattern, ": no peer is asked for (\"", state_.tls_name,
               "\" is no name for TLS; connection ", downstream().connection().number, ")", limit.dropped());
  return false;
}

const upstream::NamedPeers& ProxyContent::pooled() {
  if (!state_.tls) return state_.cluster->pooled;
  return x_.epoch().tls_peers(*state_.cluster, location().tls.context->terms(), state_.tls_name);
}

io::TlsPeer ProxyContent::tls_peer() {
  io::TlsPeer peer{location().tls.context, std::string(state_.tls_name), nullptr, {}};
  if (location().tls.session_reuse) peer.sessions = pooled().slot(attempt_.peer->index).sessions;
  if (location().proxy_protocol != http::ProxyProtocol::kOff) peer.preamble = announcement();
  return peer;
}

// --- pick
// -------------------------------------------------------------------------------------------------------------

void ProxyContent::next_attempt() {
  assert(!attempt_.is_leased() && attempt_.connecting == nullptr);
  policy::WaitQueue* queue = state_.cluster->site->queue.get();
  // First come, first served: whoever comes while others wait stands behind them.
  if (queue != nullptr && ticket_ == nullptr && state_.first_attempt_at == 0 && queue->has_waiting()) {
    join_queue();
    return;
  }
  const policy::Pick pick = pick_peer();
  if (pick.peer != nullptr) {
    start_attempt(pick);
  } else if (pick.any_full && queue != nullptr) {
    ticket_ == nullptr ? join_queue() : ticket_->pass_on();
  } else {
    no_peer(pick);
  }
}

// The balancer's choice with a place taken on it, or nobody.
policy::Pick ProxyContent::pick_peer() {
  policy::PickContext ctx;
  ctx.now = core_.loop().now();
  ctx.rng = &core_.rng();
  ctx.client = &x_.client();
  ctx.tried = &tried_;
  ctx.bound = state_.bound;
  ctx.bound_goes_home = !state_.bound.empty() && state_.cluster->site->sticky->goes_home();
  const route::Template& hash_key = state_.cluster->site->settings.hash_key;
  if (!hash_key.empty()) ctx.key = hash_key.render(x_, arena());
  for (int lost = 0; lost < kMostLostRaces; ++lost) {
    const policy::Pick pick = state_.cluster->balancer->pick(ctx);
    if (pick.peer == nullptr || pick.peer->state->acquire(pick.peer->options.max_conns)) return pick;
    if (pick.probe) pick.peer->state->passive.abandon_probe();
  }
  return {nullptr, false, true};
}

void ProxyContent::start_attempt(const policy::Pick& pick) {
  if (state_.queued) leave_queue();
  attempt_.peer = pick.peer;
  attempt_.probe = pick.probe;
  attempt_.peer->state->stats.requests.fetch_add(1, std::memory_order_relaxed);
  const MonoMs now = core_.loop().now();
  if (state_.first_attempt_at == 0) state_.first_attempt_at = now;
  ++state_.tries;
  if (record().attempts.size() > 0) {
    upload_.flushed();
    responder().body.reset();
    state_.trailers.reset();
  }
  observe::Attempt& attempt = record().attempts.add(arena());
  attempt.peer = kept(attempt_.peer->options.name);
  attempt.started_us = core_.loop().now_us();

  // An idle connection speaks of nobody, or of another client.
  if (!state_.fresh_only && location().shares_connections()) {
    const upstream::NamedPeers& peers = pooled();
    if (auto idle = peers.group().take(peers.slot(attempt_.peer->index), !http::is_idempotent(request().head.method))) {
      core_.counters().add(observe::Counter::kUpstreamReuses);
      attempt.reused = true;
      begin_lease(std::move(idle));
      return;
    }
  }
  if (!core_.make_room()) {
    LogLimit& limit = core_.unconnected_log();
    if (limit.pass(now))
      log::error("peer ", attempt_.peer->options.name, ": not connected (connections full, none idle)",
                 limit.dropped());
    attempt_failed(ErrorKind::kOverloaded);
    return;
  }
  io::ConnectOptions options;
  options.timeout = location().connect_timeout;
  options.from = location().bind_address;
  core_.counters().add(observe::Counter::kUpstreamConnects);
  const SocketAddress& address = attempt_.peer->options.address;
  if (state_.tls) {
    attempt_.connecting =
        core_.options().connect_tls(core_.loop(), core_.options().connect, address, options, tls_peer(),
                                    [this](io::TlsConnected result) { on_tls_connected(std::move(result)); });
  } else {
    attempt_.connecting =
        core_.options().connect(core_.loop(), address, options,
                                [this](std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure) {
                                  on_connected(std::move(transport), failure);
                                });
  }
  core_.count_connection(+1);
}

void ProxyContent::no_peer(const policy::Pick& pick) {
  if (state_.queued) leave_queue();
  const ErrorKind kind = pick.any_full ? ErrorKind::kOverloaded : ErrorKind::kNoPeer;
  if (record().attempts.size() == 0)
    record_no_attempt(kind, kept(state_.cluster->site->cluster->name()), location().no_peer_status);
  UpstreamLog& lines = *state_.cluster->site->log;
  LogLimit& limit = pick.any_full ? lines.all_full : lines.none_up;
  if (limit.pass(core_.loop().now()))
    log::error("upstream \"", state_.cluster->site->cluster->name(), "\": no peer available (",
               pick.any_full ? "all are at max_conns" : "none is up", "; connection ", downstream().connection().number,
               ")", limit.dropped());
  if (state_.tries > 0) {
    give_up();
  } else if (state_.cache != nullptr && state_.cache->stands_in(kind)) {
    x_.serve_stored();
  } else {
    x_.answer(location().no_peer_status, 1);
  }
}

// --- connect
// ----------------------------------------------------------------------------------------------------------

void ProxyContent::on_tls_connected(io::TlsConnected result) {
  using observe::Counter;
  if (result.transport != nullptr) {
    core_.counters().add(Counter::kUpstreamHandshakes);
    if (result.resumed) core_.counters().add(Counter::kUpstreamHandshakesResumed);
  } else if (!result.failure.why.empty()) {
    core_.counters().add(Counter::kUpstreamHandshakesFailed);
    note_tls_fault(result.failure.why);
  }
  on_connected(std::move(result.transport), result.failure);
}

void ProxyContent::note_tls_fault(std::string_view why) {
  LogLimit& limit = attempt_.peer->state->log.tls;
  if (limit.pass(core_.loop().now()))
    log::warn("peer ", state_.cluster->site->cluster->name(), "/", attempt_.peer->options.name, ": TLS failed (", why,
              "; asked for \"", state_.tls_name, "\"; connection ", downstream().connection().number, ")",
              limit.dropped());
}

void ProxyContent::on_connected(std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure) {
  stop_connecting();
  if (transport == nullptr) {
    if (failure.kind != ErrorKind::kLocalError)
      attempt_.peer->state->note_connect(false);
    else if (LogLimit& limit = core_.no_resources_log(); limit.pass(core_.loop().now()))
      log::crit("peer ", attempt_.peer->options.name, ": connect() failed on local resources (", -failure.code, ": ",
                std::string_view(strerror(-failure.code)), ")", limit.dropped());
    attempt_failed(failure.kind);
    return;
  }
  attempt_.peer->state->note_connect(true);
  const upstream::NamedPeers& peers = pooled();
  begin_lease(peers.group().open(peers.slot(attempt_.peer->index), std::move(transport)));
}

void ProxyContent::stop_connecting() {
  if (attempt_.connecting == nullptr) return;
  attempt_.connecting.reset();
  core_.count_connection(-1);
}

void ProxyContent::begin_lease(upstream::Lease lease) {
  attempt_.lease = std::move(lease);
  if (!state_.composed) state_.upgrade = upgrade_asked_for();
  attempt_.lease.begin(*this, method_of_peer(), state_.upgrade, location().answer_limits);
  record().attempts.back().connected_us = core_.loop().now_us();
  send_request();
}

// --- send
// -------------------------------------------------------------------------------------------------------------

void ProxyContent::send_request() {
  compose_request();
  if (state_.span_id != nullptr) {
    const auto id = http::child_span_id(x_.trace().span_id, static_cast<uint64_t>(record().attempts.size()));
    std::copy(id.begin(), id.end(), state_.span_id);
  }
  http::OutBatch out;
  if (location().proxy_protocol != http::ProxyProtocol::kOff) {
    if (!state_.tls) out.add(announcement());  // else it stands in front of the handshake
    attempt_.lease.keep_for_nobody();
  }
  attempt_.lease.send_head(out_request_, core_.scratch(), out);
  int broken = 0;
  const auto flush = [&] {
    if (broken == 0) broken = attempt_.lease.send(out);
    out.clear();
  };
  union Pieces {
    Pieces() {}
    std::string_view at[http::OutBatch::kMost - 6];
  } pieces;
  int count = 0;
  request().body.for_each_piece(INT32_MAX, [&](std::string_view piece) {
    if (count == static_cast<int>(std::size(pieces.at))) {  // a body of many chunks does not fit one batch
      attempt_.lease.send_body(pieces.at, count, out);
      flush();
      count = 0;
    }
    pieces.at[count++] = piece;
  });
  if (count > 0) attempt_.lease.send_body(pieces.at, count, out);
  const bool complete = request().is_whole();
  if (complete) attempt_.lease.send_end(out);
  attempt_.sending = true;
  flush();
  if (broken < 0) {
    attempt_failed(broken_before_response());
    return;
  }
  attempt_.all_sent = complete;
  arm_upstream();
  downstream().update_read();
}

// The client as every rule of this location sees it, and where it came to.
std::string_view ProxyContent::announcement() {
  const http::ProxyHeader* announced = downstream().connection().announced();
  return http::proxy_header(location().proxy_protocol, x_.client(),
                            announced != nullptr ? announced->destination : downstream().local_address(), arena());
}

void ProxyContent::arm_upstream() {
  const MonoMs now = core_.loop().now();
  waiting_ = Waiting::kNothing;  // also while it is the client's turn to send
  if (!attempt_.is_leased()) return;
  if (attempt_.lease.queued() > 0 && !attempt_.upload_broken) {
    waiting_ = Waiting::kSend;
    core_.loop().arm(deadline_, now + location().send_timeout.count());
  } else if (attempt_.all_sent || attempt_.upload_broken || attempt_.head_received) {
    // Silence is the peer's fault only while weir wants to read.
    if (!responder().body.reading()) return;
    waiting_ = Waiting::kResponse;
    const bool events = attempt_.head_received && responder().event_stream;
    core_.loop().arm(deadline_, now + (events ? location().tunnel_timeout : location().read_timeout).count());
  }
}

void ProxyContent::on_upstream_sent() {
  arm_upstream();
  downstream().update_read();
}

void ProxyContent::on_deadline(Deadline&) {
  switch (waiting_) {
    case Waiting::kSend: response_broken(ErrorKind::kSendTimeout); return;
    case Waiting::kResponse:
      response_broken(attempt_.head_received ? ErrorKind::kBodyTimeout : ErrorKind::kHeaderTimeout);
      return;
    case Waiting::kPlace: wait_longer(); return;
    case Waiting::kName: name_failed("resolver_timeout reached"); return;
    case Waiting::kNothing: return;
  }
}

}  // namespace weir::proxy
