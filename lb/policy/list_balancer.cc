// The common part of a pick.
#include "policy/list_balancer.h"

namespace weir::policy {
namespace {

bool compares_loads(Method method) {
  return method == Method::kLeastConn || method == Method::kLeastTimeHeader || method == Method::kLeastTimeLastByte;
}

// Where a peer's weight decides its share and nothing else does (SEMANTICS 2.7).
bool has_slow_start(Method method) {
  return method == Method::kRoundRobin || compares_loads(method);
}

SmoothList::Options options_of(const Cluster& cluster) {
  return {cluster.single(), has_slow_start(cluster.method()), compares_loads(cluster.method())};
}

}  // namespace

ListBalancer::ListBalancer(const Cluster& cluster, const Beginning& beginning)
    : cluster_(cluster),
      primaries_(cluster.primaries(), options_of(cluster)),
      backups_(cluster.backups(), options_of(cluster)) {
  // Every balancer is one of these.
  const auto* const former = dynamic_cast<const ListBalancer*>(beginning.former);
  const uint32_t start = cluster.options().start;
  if (former == nullptr || !primaries_.inherit(former->primaries_))
    primaries_.begin(start, beginning.worker, beginning.workers);
  if (former == nullptr || !backups_.inherit(former->backups_))
    backups_.begin(start, beginning.worker, beginning.workers);
}

Pick ListBalancer::pick(PickContext& ctx) {
  Turn turn{ctx};
  Pick pick = ctx.bound.empty() ? Pick() : pick_bound(turn);
  if (pick.peer == nullptr) pick = choose(turn);
  if (pick.peer != nullptr) picked(*pick.peer, ctx.now);
  pick.any_full = pick.peer == nullptr && turn.any_full;
  return pick;
}

// No turn of the method: what is bound says nothing about how the rest should be shared.
Pick ListBalancer::pick_bound(Turn& turn) {
  for (const Peer* const bound : turn.ctx.bound) {
    const bool primary = primaries_.index_of(bound) != PeerList::kNone;
    if (!primary && turn.ctx.bound_goes_home) {
      Pick home;
      if (goes_home(turn, home)) return home;
    }
    const Pick pick = pick_bound_one(primary ? primaries_ : backups_, *bound, turn);
    if (pick.peer != nullptr) return pick;
  }
  return {};
}

Pick ListBalancer::pick_bound_one(SmoothList& list, const Peer& bound, Turn& turn) {
  const size_t i = list.index_of(&bound);
  if (i == PeerList::kNone || list.is_tried(i, turn.ctx.tried)) return {};
  const Fitness fitness = list.with_load(i, list.bound_health(i, turn.ctx.now));
  FitnessSet seen;
  seen.add(fitness);
  if (fitness > worst_of(seen, turn)) return {};
  const bool probe = fitness == Fitness::kProbe && list.passive(i).take_probe(turn.ctx.now);
  if (fitness == Fitness::kProbe && !probe && !panic(turn)) return {};
  return {&bound, probe, false};
}

// True: a primary is there, the method chooses (`home` is empty) or `home` is its probe: where every client is bound to
// a backup nobody else would try it.
bool ListBalancer::goes_home(Turn& turn, Pick& home) {
  if (primaries_.any_fit(turn.ctx.now, turn.ctx.tried)) return true;
  for (size_t i = 0; i < primaries_.size(); ++i) {
    if (primaries_.fitness(i, turn.ctx.now, turn.ctx.tried) != Fitness::kProbe) continue;
    if (!primaries_.passive(i).take_probe(turn.ctx.now)) continue;
    home = {&primaries_.peer(i), true, false};
    return true;
  }
  return false;
}

void ListBalancer::failed(const Peer& peer) {
  if (cluster_.single()) return;
  if (const size_t i = primaries_.index_of(&peer); i != PeerList::kNone) primaries_.failed(i);
  if (const size_t i = backups_.index_of(&peer); i != PeerList::kNone) backups_.failed(i);
}

Pick ListBalancer::round_robin(Turn& turn) {
  for (SmoothList* list : {&primaries_, &backups_}) {
    const Pick pick = pick_from(*list, turn, [list](Fitness worst) { return list->next(worst); });
    if (pick.peer != nullptr) return pick;
  }
  return {};
}

Fitness ListBalancer::worst_of(FitnessSet seen, Turn& turn) {
  if (seen.has(Fitness::kFull)) turn.any_full = true;
  if (!seen.has_passive()) return Fitness::kFit;
  if (!panic(turn)) return Fitness::kProbe;
  if (seen.has(Fitness::kFullOut)) turn.any_full = true;
  return Fitness::kOut;
}

bool ListBalancer::usable(size_t i, Turn& turn) {
  const Fitness fitness = primaries_.fitness(i, turn.ctx.now, turn.ctx.tried);
  primaries_.note(i, fitness);
  if (fitness == Fitness::kFit) return true;
  FitnessSet seen;
  seen.add(fitness);
  return fitness <= worst_of(seen, turn);
}

Pick ListBalancer::claim(size_t i, Turn& turn) {
  bool probe = false;
  if (primaries_.noted(i) == Fitness::kProbe) {
    probe = primaries_.passive(i).take_probe(turn.ctx.now);
    if (!probe && !panic(turn)) return {};
  }
  return {&primaries_.peer(i), probe, false};
}

// Fewer than half of the primaries that are left are in, and no backup can stand in for them: then a list of suspects
// is better than no list. With no primary left the same goes for the backups. Counted only when a pick meets a suspect.
bool ListBalancer::panic(Turn& turn) {
  if (turn.panic == Turn::Panic::kUnknown) {
    turn.panic = panics(turn) ? Turn::Panic::kYes : Turn::Panic::kNo;
  }
  return turn.panic == Turn::Panic::kYes;
}

bool ListBalancer::panics(const Turn& turn) {
  const MonoMs now = turn.ctx.now;
  if (!cluster_.panic_enabled() || cluster_.single()) return false;
  const SmoothList::Count count = primaries_.count(now);
  if (count.left == 0) return backups_.count(now).most_are_out();
  return count.most_are_out() && !backups_.any_fit(now, turn.ctx.tried);
}

}  // namespace weir::policy
