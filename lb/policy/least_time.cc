// least_time: the shortest average time, times what is in flight and this request, for its weight; among equals by
// round robin (SEMANTICS 2.5).
#include "policy/least_load.h"
#include "policy/response_time.h"

namespace weir::policy {
namespace {

class LeastTime final : public LeastLoadBalancer {
 public:
  LeastTime(const Cluster& cluster, const Beginning& beginning)
      : LeastLoadBalancer(cluster, beginning, 1 << 24),
        primary_times_(primaries(), cluster.method()),
        backup_times_(backups(), cluster.method()) {
    const auto* const former = dynamic_cast<const LeastTime*>(beginning.former);
    if (former == nullptr) return;
    primary_times_.inherit(former->primary_times_, primaries().indices_in(former->primaries()));
    backup_times_.inherit(former->backup_times_, backups().indices_in(former->backups()));
  }

 protected:
  Pick choose(Turn& turn) override {
    primary_times_.renew(turn.ctx.now, [this](size_t i, uint32_t step) { primary_loads().set_time(i, step); });
    backup_times_.renew(turn.ctx.now, [this](size_t i, uint32_t step) { backup_loads().set_time(i, step); });
    return pick_least(turn);
  }

  void picked(const Peer& peer, MonoMs now) override {
    if (const size_t i = primaries().index_of(&peer); i != PeerList::kNone) return primary_times_.picked(i, now);
    backup_times_.picked(backups().index_of(&peer), now);
  }

 private:
  ResponseTimes primary_times_, backup_times_;
};

}  // namespace

std::unique_ptr<Balancer> make_least_time(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<LeastTime>(cluster, beginning);
}

}  // namespace weir::policy
