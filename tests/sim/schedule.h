// One seeded schedule: clients, peers, time, reloads and a drain in random order, and what must hold all the while.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cache/zone.h"
#include "sim/actors.h"
#include "sim/inside.h"
#include "sim/world.h"

namespace weir::sim {

class Schedule {
 public:
  Schedule(LogFile& log, uint64_t seed);
  ~Schedule() { world_.core->close_all(); }
  // What was broken; "" when nothing was.
  std::string run();
  uint64_t hits() const { return cache_ == nullptr ? 0 : cache_->outcomes(cache::Outcome::kHit); }
  const observe::MetricSlab& metrics() const { return world_.core->metrics(); }

 private:
  enum class End : uint8_t {
    kDrain,    // a graceful end; everybody does what is asked
    kAbandon,  // nobody does anything any more: time alone has to end it all
    kStop,     // the Core is destroyed in the middle
  };
  void step();
  void exchange_bytes();
  void decide_connect(PendingConnect& pending);
  void adopt(bool listens);
  void make_cache();
  InsideRun::Options inside(proxy::Exchange& exchange);
  void tell_of_peer();
  void finish();
  void check();
  void check_end();

  LogFile& log_;
  uint64_t seed_;
  Play play_;
  Shared shared_;
  int filter_states_ = 0;  // alive
  World world_;
  InsideRuns inside_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::weak_ptr<const proxy::Site>> sites_;
  uint64_t generation_ = 0;
  proxy::BufferOptions buffers_;
  std::shared_ptr<cache::ZoneOptions> cache_options_;
  std::shared_ptr<cache::Zone> cache_;  // null: none
  bool listening_ = true;
  End end_ = End::kDrain;
};

}  // namespace weir::sim
