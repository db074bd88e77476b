// Draining one peer: no new requests but bound ones, those in flight finish, then its WebSockets are closed and nobody
// is bound to it any more (design/0010). Control thread only.
//
//   kFinishing -----------------------> kClosing -----------------------> kDone
//              no request in flight, or           no WebSocket is left, or
//              `wait` has passed                  `spread` and kGrace have passed
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/timer_wheel.h"
#include "io/loop.h"
#include "policy/peer.h"

namespace weir::admin {

struct DrainOptions {
  Millis wait{60'000};    // for requests in flight; 0: not at all
  Millis spread{10'000};  // over which WebSockets are closed
  uint16_t code = 1001;   // of their close frames
};

class DrainJob final : private DeadlineHandler {
 public:
  static constexpr Millis kPoll{100};
  static constexpr Millis kGrace{5'000};  // for the WebSockets that a close frame was sent to last

  enum class Phase : uint8_t { kFinishing, kClosing, kDone };
  struct Hooks {
    // The phase kClosing begins: bound requests go elsewhere from here on, and the WebSockets are to be closed.
    std::function<void(DrainJob&)> close;
    // It is over; once. The job may be destroyed inside.
    std::function<void(DrainJob&)> done;
  };

  // Begins. The peer's switch has been moved already.
  DrainJob(io::Loop& loop, std::shared_ptr<policy::PeerState> state, DrainOptions options, Hooks hooks);
  DrainJob(const DrainJob&) = delete;
  DrainJob& operator=(const DrainJob&) = delete;

  Phase phase() const { return phase_; }
  const DrainOptions& options() const { return options_; }
  const std::shared_ptr<policy::PeerState>& state() const { return state_; }
  // In flight now, WebSockets not counted.
  uint32_t requests_left() const { return requests_in_flight(*state_); }
  uint32_t tunnels_left() const { return state_->tunnels.load(std::memory_order_relaxed); }
  // Requests that were still in flight when the wait was over: they are left to themselves.
  uint32_t overdue() const { return overdue_; }
  uint64_t requests_finished() const { return requests_finished_; }
  uint32_t tunnels_closed() const { return tunnels_closed_; }
  Millis elapsed() const;
  // "drained in 3.2 s: 12 requests finished, 40 WebSockets closed".
  std::string summary() const;

  static uint32_t requests_in_flight(const policy::PeerState& state);

 private:
  void on_deadline(Deadline&) override;
  void finish();
  void close_some();

  io::Loop& loop_;
  const std::shared_ptr<policy::PeerState> state_;
  const DrainOptions options_;
  const Hooks hooks_;
  Deadline next_{this};
  const MonoMs began_;
  MonoMs closing_since_ = 0;
  MonoMs ended_ = 0;
  const uint64_t requests_before_;  // begun on the peer by then, and in flight
  const uint32_t in_flight_before_;
  uint32_t tunnels_before_ = 0;  // when closing began
  uint64_t requests_finished_ = 0;
  uint32_t tunnels_closed_ = 0;
  uint32_t overdue_ = 0;
  Phase phase_ = Phase::kFinishing;
};

const char* to_string(DrainJob::Phase phase);  // "finishing", "closing", "done"

}  // namespace weir::admin
