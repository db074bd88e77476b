// queue N timeout=T: requests that wait while every eligible peer is at max_conns. First come, first served over all
// workers: a zone (DESIGN section 5); server/ has the implementation, the exchange uses it, a test may fake it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace weir::policy {

struct QueueOptions {
  uint32_t most = 0;       // 0: no queue
  Millis timeout{60'000};  // of one wait
  bool operator==(const QueueOptions&) const = default;
};

class WaitQueue {
 public:
  // A position in the queue. Held by the request that waits; destroying it is leaving.
  class Ticket {
   public:
    virtual ~Ticket() = default;
    // It was woken and found no peer after all (those with room have been tried): it keeps its position, the wake-up
    // passes to the next behind it.
    virtual void pass_on() = 0;
  };
  // Called from any thread, perhaps inside enter(): post to the loop, do not act. Any number of times; never after the
  // ticket's destruction has returned.
  using WakeUp = std::function<void()>;

  virtual ~WaitQueue() = default;
  // At the end of the queue; null when it is full.
  virtual std::unique_ptr<Ticket> enter(WakeUp wake_up) = 0;
  // Whether somebody waits: then a newcomer queues and does not pick. One relaxed load.
  virtual bool has_waiting() const = 0;
  virtual uint32_t waiting() const = 0;
  // One request has left a peer: wakes the first that is not woken yet.
  virtual void place_freed() = 0;
  // A peer came back, a limit rose: wakes all.
  virtual void wake_all() = 0;
};

}  // namespace weir::policy
