// queue: a request that waits in its upstream's line for a place on a peer.
#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

// Places appear without a call too: an ejection is over, a share grows again. Somebody of each worker then asks.
constexpr MonoMs kLookAgain = 1'000;

}  // namespace

void Exchange::line_up() {
  in_line_ = true;
  line_token_ = std::make_shared<Exchange*>(this);
  // The call comes from any thread. When its turn in the loop has come, the request may have left the line, and the
  // exchange be another request's or gone.
  ticket_ = cluster_->site->queue->enter([&loop = core_.loop(), token = std::weak_ptr<Exchange*>(line_token_)] {
    loop.post([token] {
      if (const auto exchange = token.lock()) (*exchange)->called();
    });
  });
  if (ticket_ == nullptr) {
    no_place(ErrorKind::kQueueFull);
    return;
  }
  core_.counters().add(observe::Counter::kQueued);
  line_until_ = core_.loop().now() + cluster_->site->queue_options.timeout.count();
  arm_line();
}

void Exchange::called() {
  if (waiting_ == Waiting::kPlace) next_attempt();
}

void Exchange::arm_line() {
  waiting_ = Waiting::kPlace;
  core_.loop().arm(upstream_deadline_, std::min(line_until_, core_.loop().now() + kLookAgain));
}

void Exchange::wait_longer() {
  const MonoMs now = core_.loop().now();
  if (now >= line_until_) {
    no_place(ErrorKind::kQueueTimeout);
    return;
  }
  arm_line();
  if (now - cluster_->looked_at < kLookAgain) return;
  cluster_->looked_at = now;
  cluster_->site->queue->place_freed();  // the first in line looks; in vain, the next one does
}

void Exchange::leave_line() {
  if (!in_line_) return;
  in_line_ = false;
  if (waiting_ == Waiting::kPlace) {
    waiting_ = Waiting::kNothing;
    upstream_deadline_.cancel();
  }
  line_token_.reset();
  ticket_.reset();
}

void Exchange::no_place(ErrorKind kind) {
  leave_line();
  record_no_attempt(kind);
  static LogLimit limit;
  if (limit.pass(core_.loop().now()))
    log::error("all peers of upstream \"", cluster_->site->cluster->name(), "\" are at max_conns and its queue ",
               kind == ErrorKind::kQueueFull ? "is full" : "did not move in time", " (connection ",
               downstream_->connection().number, ")");
  answer(location_->no_peer_status, 1);
}

}  // namespace weir::proxy
