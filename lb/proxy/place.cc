// queue: a request that waits in the queue of its upstream for a place on a peer.
#include <algorithm>

#include "base/log.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"

namespace weir::proxy {
namespace {

// Places appear without a wake-up too: an ejection is over, a share grows again. One request of each worker then looks.
constexpr MonoMs kLookAgain = 1'000;

}  // namespace

void ProxyContent::join_queue() {
  state_.queued = true;
  wait_token_ = std::make_shared<ProxyContent*>(this);
  // The wake-up comes from any thread. When its turn in the loop has come, the request may have left the queue, and the
  // exchange be another request's or gone.
  ticket_ =
      state_.cluster->site->queue->enter([&loop = core_.loop(), token = std::weak_ptr<ProxyContent*>(wait_token_)] {
        loop.post([token] {
          if (const auto exchange = token.lock()) (*exchange)->on_wake_up();
        });
      });
  if (ticket_ == nullptr) {
    no_place(ErrorKind::kQueueFull);
    return;
  }
  core_.counters().add(observe::Counter::kQueued);
  state_.queue_until = core_.loop().now() + state_.cluster->site->settings.queue.timeout.count();
  arm_queue();
}

void ProxyContent::on_wake_up() {
  if (waiting_ == Waiting::kPlace) next_attempt();
}

void ProxyContent::arm_queue() {
  waiting_ = Waiting::kPlace;
  core_.loop().arm(deadline_, std::min(state_.queue_until, core_.loop().now() + kLookAgain));
}

void ProxyContent::wait_longer() {
  const MonoMs now = core_.loop().now();
  if (now >= state_.queue_until) {
    no_place(ErrorKind::kQueueTimeout);
    return;
  }
  arm_queue();
  if (now - state_.cluster->looked_at < kLookAgain) return;
  state_.cluster->looked_at = now;
  state_.cluster->site->queue->place_freed();  // the first in the queue looks; in vain, the next one does
}

void ProxyContent::leave_queue() {
  if (!state_.queued) return;
  state_.queued = false;
  const MonoMs since = state_.queue_until - state_.cluster->site->settings.queue.timeout.count();
  if (ticket_ != nullptr) state_.cluster->times->queue.add((core_.loop().now() - since) * 1000);
  if (waiting_ == Waiting::kPlace) {
    waiting_ = Waiting::kNothing;
    deadline_.cancel();
  }
  wait_token_.reset();
  ticket_.reset();
}

void ProxyContent::no_place(ErrorKind kind) {
  leave_queue();
  record_no_attempt(kind, kept(state_.cluster->site->cluster->name()), location().no_peer_status);
  LogLimit& limit = state_.cluster->site->log->queue;
  if (limit.pass(core_.loop().now()))
    log::error("upstream \"", state_.cluster->site->cluster->name(),
               "\": request refused (all peers are at max_conns, queue ",
               kind == ErrorKind::kQueueFull ? "full" : "timed out", "; connection ", downstream().connection().number,
               ")", limit.dropped());
  if (state_.cache != nullptr && state_.cache->stands_in(kind)) {
    x_.serve_stored();
    return;
  }
  x_.answer(location().no_peer_status, 1);
}

}  // namespace weir::proxy
