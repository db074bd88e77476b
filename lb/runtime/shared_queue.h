// queue N: the requests of one upstream that wait for a place, over all workers. Behind a mutex that only
// saturated upstreams touch: while nobody waits, nobody takes it.
//
//              place_freed()                     A wake-up may be futile (another was faster, the request gave up):
//     kIdle ------------------> kWoken           - a request that leaves after a wake-up has the next one look
//     (kProbed);
//       |  ^                       |             - a request that found no place passes its wake-up to the next behind;
//       |  +---- pass_on() --------+             - a place freed while all are woken is owed to who passes on or
//       enters. |  | |  +---- pass_on(): no other --+         So no place stays empty while a request waits that could
//       have it. |                              |
//       +------------------------> kProbed ---> kWoken by place_freed()
//        enter(), wake_all(), a woken request left
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "policy/wait_queue.h"

namespace weir::runtime {

class SharedQueue final : public policy::WaitQueue {
 public:
  explicit SharedQueue(uint32_t most);
  ~SharedQueue() override;
  // Another length. Requests that wait keep waiting, even beyond it.
  void configure(uint32_t most);

  std::unique_ptr<Ticket> enter(WakeUp wake_up) override;  // the ticket may outlive the queue
  bool has_waiting() const override;
  uint32_t waiting() const override;
  void place_freed() override;
  void wake_all() override;

 private:
  class Place;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weir::runtime
