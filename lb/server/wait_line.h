// queue N: the line of one upstream's requests that wait for a place, over all workers. Behind a mutex that only
// saturated upstreams touch: while nobody waits, nobody takes it.
//
//              place_freed()                     A call may come to nothing (somebody was faster, the request gave up):
//     kIdle ------------------> kCalled          - who leaves behind a call has the next one looked up, too (kProbed);
//       |  ^    missed():          |             - who missed a real call passes it on to the next behind;
//       |  +---- passed on --------+             - a place freed while all are called is owed to who misses or comes.
//       |  |
//       |  +---- missed(): nothing ----+         So no place stays empty while somebody waits who could have it.
//       |                              |
//       +------------------------> kProbed ---> kCalled by place_freed()
//        enter(), call_all(), one called has left
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "policy/wait_queue.h"

namespace weir::server {

class WaitLine final : public policy::WaitQueue {
 public:
  explicit WaitLine(uint32_t most);
  ~WaitLine() override;
  // Another length of the line. Who waits goes on waiting, even beyond it.
  void configure(uint32_t most);

  std::unique_ptr<Ticket> enter(Call call) override;  // the ticket may outlive the line
  bool anybody() const override;
  uint32_t waiting() const override;
  void place_freed() override;
  void call_all() override;

 private:
  class Place;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weir::server
