// What a session waits for, and until when (lb/design/0003).
#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/session.h"

namespace weir::proxy {
namespace {

constexpr MonoMs kDrainGrace = 1'000;  // for a request that crosses with our goodbye
constexpr MonoMs kRateGrace = 10'000;  // before the minimum rate of a body counts (SEMANTICS section 1)

}  // namespace

// The armed time may be earlier than what is due: on_deadline() derives it again. So a busy connection arms nothing but
// numbers.
MonoMs Session::deadline_due() const {
  MonoMs due = kNever;
  const auto by = [&](MonoMs at) { due = std::min(due, at); };
  switch (state_) {
    case State::kIdle: {
      const ListenSite* listen = listen_site();
      if (listen == nullptr) return since_;
      const VirtualServer& server = *listen->default_server;
      if (transport_->queued() > 0) {  // the last answer is still on its way
        by(sent_at_ + server.fallback.client_send_timeout.count());
        break;
      }
      // A connection that has not sent anything yet is a client that is late with its head.
      if (drain_) by(since_ + kDrainGrace);
      by(since_ + (requests_ == 0 ? server.settings.header_timeout : server.fallback.keepalive_timeout).count());
      break;
    }
    case State::kReading: {
      const ListenSite* listen = listen_site();
      if (listen == nullptr) return since_;
      const VirtualServer& server = *listen->default_server;
      if (throttled_) {
        by(sent_at_ + server.fallback.client_send_timeout.count());
      } else {
        by(since_ + server.settings.header_timeout.count());
      }
      break;
    }
    case State::kBusy: {
      if (busy_->exchange == nullptr) break;
      const Location& location = busy_->exchange->location();
      if (busy_->exchange->receiving() && reading_) {
        by(since_ + location.body_timeout.count());
        if (location.body_min_rate > 0 && !busy_->exchange->answering())
          by(busy_->body_began + kRateGrace +
             static_cast<MonoMs>(busy_->body_seen * 1000 / static_cast<uint64_t>(location.body_min_rate)));
      }
      if (transport_->queued() > 0) by(sent_at_ + location.client_send_timeout.count());
      break;
    }
    case State::kFlushing: by(sent_at_ + farewell().send_timeout.count()); break;
    case State::kLingering: {
      const Farewell last = farewell();
      if (transport_->queued() > 0) {
        by(sent_at_ + last.send_timeout.count());
        break;
      }
      by(since_ + last.lingering_timeout.count());
      by(sent_at_ + last.lingering_time.count());
      break;
    }
    case State::kClosed: break;
  }
  return due;
}

void Session::update_deadline() {
  const MonoMs due = deadline_due();
  if (due == kNever) return;  // whatever is armed looks again when it fires
  if (!deadline_.armed() || due < deadline_.due()) core_.loop().arm(deadline_, due);
}

void Session::close_timed_out() {
  if (farewell().reset_timedout) transport_->reset();
  close();
}

void Session::on_deadline(Deadline&) {
  const MonoMs due = deadline_due();
  if (due == kNever) return;
  if (due > core_.loop().now()) {
    core_.loop().arm(deadline_, due);
    return;
  }
  switch (state_) {
    case State::kIdle: close(); return;
    case State::kLingering:
    case State::kFlushing: close_timed_out(); return;
    case State::kReading:
      if (busy_->stash.empty() || throttled_ || listen_site() == nullptr) {
        close_timed_out();
        return;
      }
      begin_exchange(http::kH1Stream);
      busy_->exchange->on_reject({408, "the head took too long", {}});
      busy_->exchange->turn();
      return;
    case State::kBusy: {
      Exchange& exchange = *busy_->exchange;
      const bool is_late = exchange.receiving() && reading_;
      if (is_late) {
        const bool is_silent = since_ + exchange.location().body_timeout.count() <= core_.loop().now();
        log::info("client ", connection().remote.to_string(), ": request body cut off (",
                  is_silent ? "client_body_timeout" : "slower than client_body_min_rate", ", connection ",
                  connection().number, ")");
      }
      exchange.client_gone(is_late ? ErrorKind::kClientTimeout : ErrorKind::kClientReadStall);
      return;
    }
    case State::kClosed: return;
  }
}

}  // namespace weir::proxy
