// queue: a request that waits in its upstream's line for a place on a peer.
#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

// Places appear without a wake-up too: an ejection is over, a share grows again. One request of each worker then looks.
constexpr MonoMs kLookAgain = 1'000;

}  // namespace

void Exchange::join_queue() {
  queued_ = true;
  queue_token_ = std::make_shared<Exchange*>(this);
  // The wake-up comes from any thread. When its turn in the loop has come, the request may have left the queue, and the
  // exchange be another request's or gone.
  ticket_ = cluster_->site->queue->enter([&loop = core_.loop(), token = std::weak_ptr<Exchange*>(queue_token_)] {
    loop.post([token] {
      if (const auto exchange = token.lock()) (*exchange)->on_wake_up();
    });
  });
  if (ticket_ == nullptr) {
    no_place(ErrorKind::kQueueFull);
    return;
  }
  core_.counters().add(observe::Counter::kQueued);
  queue_until_ = core_.loop().now() + cluster_->site->settings.queue.timeout.count();
  arm_queue();
}

void Exchange::on_wake_up() {
  if (waiting_ == Waiting::kPlace) next_attempt();
}

void Exchange::arm_queue() {
  waiting_ = Waiting::kPlace;
  core_.loop().arm(upstream_deadline_, std::min(queue_until_, core_.loop().now() + kLookAgain));
}

void Exchange::wait_longer() {
  const MonoMs now = core_.loop().now();
  if (now >= queue_until_) {
    no_place(ErrorKind::kQueueTimeout);
    return;
  }
  arm_queue();
  if (now - cluster_->looked_at < kLookAgain) return;
  cluster_->looked_at = now;
  cluster_->site->queue->place_freed();  // the first in line looks; in vain, the next one does
}

void Exchange::leave_queue() {
  if (!queued_) return;
  queued_ = false;
  if (waiting_ == Waiting::kPlace) {
    waiting_ = Waiting::kNothing;
    upstream_deadline_.cancel();
  }
  queue_token_.reset();
  ticket_.reset();
}

void Exchange::no_place(ErrorKind kind) {
  leave_queue();
  record_no_attempt(kind);
  static LogLimit limit;
  if (limit.pass(core_.loop().now()))
    log::error(
        "upstream \"", cluster_->site->cluster->name(), "\": request refused (all peers are at max_conns, queue ",
        kind == ErrorKind::kQueueFull ? "full" : "timed out", "; connection ", downstream_->connection().number, ")");
  answer(location_->no_peer_status, 1);
}

}  // namespace weir::proxy
