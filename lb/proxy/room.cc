// worker_connections: what happens where a connection comes and every place below the cap is taken. Idle connections
// make room, the longest idle first: kept connections of clients and those that have not asked for anything yet, then
// the pool's. Where none is idle, listeners pause, and newcomers wait in the kernel's queue (lb/design/0024).
#include <algorithm>

#include "base/log.h"
#include "proxy/arrival.h"
#include "proxy/core.h"
#include "proxy/session.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

// Idle connections that turn out to have a request unread, before the pool is looked at.
constexpr int kMostLooks = 16;

}  // namespace

void Core::session_waits(Session& session) {
  ++idle_count_;
  idle_sessions_.push_back(session);
}

void Core::session_works(Session& session) {
  --idle_count_;
  sessions_.push_back(session);
  if (connections_ >= options_.share.max_connections) update_full();
}

void Core::arrival_speaks(Arrival& arrival) {
  --idle_count_;
  arrivals_.push_back(arrival);
  if (connections_ >= options_.share.max_connections) update_full();
}

size_t Core::room() const {
  const size_t free = options_.share.max_connections - std::min(connections_, options_.share.max_connections);
  return free + idle_count_ + pool_->idle();
}

bool Core::make_room() {
  if (connections_ < options_.share.max_connections) return true;
  do {  // of one, but for a reload that has lowered the cap
    if (!close_longest_idle()) return false;
  } while (connections_ >= options_.share.max_connections);
  if (room_log_.pass(loop_.now()))
    log::warn("worker ", options_.worker, ": connections full (", options_.share.max_connections,
              " in use), the longest idle one closed for a new one", room_log_.dropped());
  return true;
}

bool Core::close_longest_idle() {
  for (int looks = 0; looks < kMostLooks && idle_count_ > 0; ++looks) {
    Session* const session = idle_sessions_.front();
    Arrival* const arrival = silent_arrivals_.front();
    const bool is_session = arrival == nullptr || (session != nullptr && session->waits_since() <= arrival->since());
    // One that is about to ask has its turn with the loop.
    if (is_session ? session->input_waits() : arrival->input_waits()) {
      is_session ? session->stop_waiting() : arrival->stop_waiting();
      continue;
    }
    is_session ? session->close() : arrival->close();
    metrics_.add(observe::Counter::kClientsDisplaced);
    return true;
  }
  if (!pool_->close_longest_idle()) return false;
  metrics_.add(observe::Counter::kUpstreamsDisplaced);
  return true;
}

void Core::update_full() {
  const bool full = connections_ >= options_.share.max_connections && idle_count_ == 0 && pool_->idle() == 0;
  if (full == full_) return;
  full_ = full;
  if (full) {
    metrics_.add(observe::Counter::kConnectionsFull);
    if (full_log_.pass(loop_.now()))
      log::error("worker ", options_.worker, ": connections full (", options_.share.max_connections,
                 " in use, none idle), new clients wait", full_log_.dropped());
  }
  if (options_.on_full) options_.on_full(full);
}

}  // namespace weir::proxy
