// A client connection between accept and session: what has to be said before the first request. The listener lists the
// steps; a listener without any has no arrivals, its connections begin as sessions.
//
//   accept -> step -> step ... -> session      one deadline for all of it, client_header_timeout from accept on,
//                                                  or the listener's own if that is less
//               \-> closed                     refused, FIN, reset, too late, or the listener went away meanwhile
#pragma once
#include <memory>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/timer_wheel.h"
#include "io/loop.h"
#include "io/transport.h"
#include "proxy/arrival_step.h"
#include "proxy/connection_info.h"
#include "proxy/epoch.h"

namespace weir::proxy {

class Core;

class Arrival;

// An arrival's place in the line of those whose step takes long (Core::wait_for_turn()).
struct ArrivalTurn : ListNode {
  explicit ArrivalTurn(Arrival& waiting) : arrival(waiting) {}
  Arrival& arrival;
};

// Counts as a client connection of the Core, which owns it until arrival_ended() or arrival_done().
class Arrival final : public io::Buriable, public ListNode, private io::TransportHandler, private DeadlineHandler {
 public:
  // `listen` is of the epoch, and has steps.
  Arrival(Core& core, EpochRef epoch, const ListenSite& listen, std::unique_ptr<io::Transport> transport,
          ConnectionInfo info, uint16_t listener);
  ~Arrival() override;

  // May end it: where no step waits for the client, the session begins in here.
  void start();
  // Graceful end: who is nearly there may still send its request. Nothing where it is over.
  void drain();
  // Idempotent; the Core buries this object.
  void close();
  uint16_t listener() const { return listener_; }  // its number at the Core
  // The client has not sent anything yet; what is in its socket may not have been looked at (a system call).
  bool is_silent() const { return is_silent_; }
  bool input_waits() const { return connection_.transport->input_waits(); }
  MonoMs since() const { return since_; }
  void stop_waiting();
  // For the Core: its step may take long now.
  void take_turn() { take_steps(); }

 private:
  // io::TransportHandler
  void on_read(std::string_view bytes) override;
  void on_eof() override { refuse("the client closed the connection"); }
  void on_transport_error(int) override { refuse("the client reset the connection"); }
  void on_sent() override {}
  void on_deadline(Deadline&) override { refuse("it took too long"); }

  // As far as what was read goes.
  void take_steps();
  void check_unread();
  void refuse(std::string_view why);

  Core& core_;
  EpochRef epoch_;
  const ListenSite& listen_;
  Arriving connection_;
  ConnectionInfo info_;
  std::unique_ptr<ArrivalStep::Progress> progress_;  // of step_
  size_t step_ = 0;
  Deadline deadline_{this};
  ArrivalTurn turn_{*this};
  const MonoMs since_;
  const uint16_t listener_;
  bool is_silent_ = true;
};

}  // namespace weir::proxy
