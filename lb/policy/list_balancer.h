// What the balancers have in common: the bound peer, primaries before backups, the tried set, passive verdicts, the
// probe, panic and slow_start. A balancer adds only how it chooses.
#pragma once
#include "policy/balancers.h"
#include "policy/smooth_list.h"

namespace weir::policy {

class ListBalancer : public Balancer {
 public:
  Pick pick(PickContext& ctx) final;
  void failed(const Peer& peer) final;

 protected:
  ListBalancer(const Cluster& cluster, const Beginning& beginning);

  // One pick.
  struct Turn {
    const PickContext& ctx;
    bool any_full = false;
    enum class Panic : uint8_t { kUnknown, kNo, kYes } panic = Panic::kUnknown;
  };

  // An empty Pick when nobody can be had.
  virtual Pick choose(Turn& turn) = 0;
  // Every pick that found somebody, the bound too.
  virtual void picked(const Peer&, MonoMs) {}

  const Cluster& cluster() const { return cluster_; }
  SmoothList& primaries() { return primaries_; }
  SmoothList& backups() { return backups_; }
  const SmoothList& primaries() const { return primaries_; }
  const SmoothList& backups() const { return backups_; }

  // Round robin over the primaries, when they are used up over the backups: what every method falls back on.
  Pick round_robin(Turn& turn);

  // Surveys the list and lets `select(worst)` choose an index among the peers noted as `worst` or better (kNone:
  // nobody).
  template <class Select>
  Pick pick_from(SmoothList& list, Turn& turn, Select select) {
    const Fitness worst = worst_of(list.survey(turn.ctx.now, turn.ctx.tried), turn);
    Pick pick = settle(list, turn, worst, select);
    if (pick.peer == nullptr && list.wake()) pick = settle(list, turn, worst, select);
    return pick;
  }
  // The same without the survey.
  template <class Select>
  Pick settle(SmoothList& list, Turn& turn, Fitness worst, Select select) {
    size_t i = select(worst);
    bool probe = false;
    if (i != PeerList::kNone && list.noted(i) == Fitness::kProbe) {
      probe = list.passive(i).take_probe(turn.ctx.now);
      // Another worker was faster: once more, without those that wait for a probe.
      if (!probe && worst == Fitness::kProbe) i = select(Fitness::kFit);
    }
    if (i == PeerList::kNone) return {};
    return {&list.peer(i), probe, false};
  }
  // The worst fitness that this pick takes, after a look at these.
  Fitness worst_of(FitnessSet seen, Turn& turn);

  // Whether primary i can be had, for methods that look at one peer at a time.
  bool usable(size_t i, Turn& turn);
  // Takes a usable primary, and its probe where it needs one; empty when another worker was faster.
  Pick claim(size_t i, Turn& turn);

 private:
  Pick pick_bound(Turn& turn);
  Pick pick_bound_one(SmoothList& list, const Peer& bound, Turn& turn);
  bool goes_home(Turn& turn, Pick& home);
  bool panic(Turn& turn);
  bool panics(const Turn& turn);

  const Cluster& cluster_;
  SmoothList primaries_;
  SmoothList backups_;
};

}  // namespace weir::policy
