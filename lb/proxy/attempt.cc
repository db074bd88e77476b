// The peer's side of an exchange: pick, connect, send. attempt_end.cc has what it leads to.
#include <cassert>
#include <cstring>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

// How often one pick may lose the last place of a peer to another worker.
constexpr int kMostLostRaces = 8;

}  // namespace

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
    log::error("location ", location_->pattern, ": no upstream \"", name, "\" (connection ",
               downstream_->connection().number, ")");
    return nullptr;
  }
  proxy_host_ = name;
  return &epoch_->cluster(at->second);
}

// --- pick
// -------------------------------------------------------------------------------------------------------------

void Exchange::next_attempt() {
  assert(!leased() && connecting_ == nullptr);
  policy::WaitQueue* queue = cluster_->site->queue.get();
  // First come, first served: whoever comes while others wait stands behind them.
  if (queue != nullptr && ticket_ == nullptr && first_attempt_at_ == 0 && queue->has_waiting()) {
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
policy::Pick Exchange::pick_peer() {
  policy::PickContext ctx;
  ctx.now = core_.loop().now();
  ctx.rng = &core_.rng();
  ctx.client = &client_;
  ctx.tried = &tried_;
  ctx.bound = bound_;
  if (!cluster_->site->settings.hash_key.empty()) ctx.key = cluster_->site->settings.hash_key.render(*this, arena_);
  for (int lost = 0; lost < kMostLostRaces; ++lost) {
    const policy::Pick pick = cluster_->balancer->pick(ctx);
    if (pick.peer == nullptr || pick.peer->state->acquire(pick.peer->options.max_conns)) return pick;
    if (pick.probe) pick.peer->state->passive.abandon_probe();
  }
  return {nullptr, false, true};
}

void Exchange::start_attempt(const policy::Pick& pick) {
  leave_queue();
  peer_ = pick.peer;
  probe_ = pick.probe;
  peer_->state->stats.requests.fetch_add(1, std::memory_order_relaxed);
  const MonoMs now = core_.loop().now();
  if (first_attempt_at_ == 0) first_attempt_at_ = now;
  group_ = cluster_->group;
  sending_ = request_all_sent_ = upload_broken_ = head_received_ = response_complete_ = retry_wanted_ = not_ready_ =
      false;
  look_ = nullptr;
  upstream_error_ = ErrorKind::kNone;
  ++tries_;
  if (record_.attempts.size() > 0) {
    upload_.flushed();
    download_.reset();
  }
  observe::Attempt& attempt = record_.attempts.add(arena_);
  attempt.peer = peer_->options.name;
  attempt.started_us = core_.loop().now_us();

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
    if (limit.pass(now)) log::error("peer ", peer_->options.name, ": not connected (worker_connections reached)");
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
  leave_queue();
  const ErrorKind kind = pick.any_full ? ErrorKind::kOverloaded : ErrorKind::kNoPeer;
  if (record_.attempts.size() == 0) record_no_attempt(kind);
  static LogLimit limit;
  if (limit.pass(core_.loop().now()))
    log::error("upstream \"", cluster_->site->cluster->name(), "\": no peer available (",
               pick.any_full ? "all are at max_conns" : "none is up", "; connection ", downstream_->connection().number,
               ")");
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
      log::crit("peer ", peer_->options.name, ": connect() failed on local resources (", -failure.code, ": ",
                std::string_view(strerror(-failure.code)), ")");
    attempt_failed(failure.kind);
    return;
  }
  lease(std::make_unique<upstream::Connection>(*group_, std::move(transport), group_->slot(peer_->options.address)));
}

void Exchange::lease(std::unique_ptr<upstream::Connection> connection) {
  connection_ = std::move(connection);
  connection_->begin(*this, request_.method, request_.websocket && location_->upgrade_websocket && !location_->http10);
  record_.attempts.back().connected_us = core_.loop().now_us();
  send_request();
}

// --- send
// -------------------------------------------------------------------------------------------------------------

void Exchange::send_request() {
  compose_request();
  http::OutBatch out;
  http::ClientCodec& codec = connection_->codec();
  codec.send_head(stream_, out_request_, core_.scratch(), out);
  int broken = 0;
  const auto flush = [&] {
    if (broken == 0) broken = connection_->send(out);
    out.clear();
  };
  union Pieces {
    Pieces() {}
    std::string_view at[http::OutBatch::kMost - 6];
  } pieces;
  int count = 0;
  body_.for_each_piece(INT32_MAX, [&](std::string_view piece) {
    if (count == static_cast<int>(std::size(pieces.at))) {  // a body of many chunks does not fit one batch
      codec.send_body(stream_, pieces.at, count, out);
      flush();
      count = 0;
    }
    pieces.at[count++] = piece;
  });
  if (count > 0) codec.send_body(stream_, pieces.at, count, out);
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
  if (connection_->queued() > 0 && !upload_broken_) {
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
  arm_upstream();
  downstream_->update_read();
}

void Exchange::on_deadline(Deadline&) {
  switch (waiting_) {
    case Waiting::kSend: response_broken(ErrorKind::kSendTimeout); return;
    case Waiting::kResponse:
      response_broken(head_received_ ? ErrorKind::kBodyTimeout : ErrorKind::kHeaderTimeout);
      return;
    case Waiting::kPlace: wait_longer(); return;
    case Waiting::kNothing: return;
  }
}

}  // namespace weir::proxy
