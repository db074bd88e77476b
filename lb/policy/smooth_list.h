// nginx's smooth weighted round robin over one list of peers (SEMANTICS 2.1).
#pragma once
#include <cstdint>
#include <vector>

#include "policy/eligibility.h"

namespace weir::policy {

class SmoothList : public PeerList {
 public:
  SmoothList(const std::vector<Peer>& peers, bool ignore_passive);

  // Notes the standing of every peer, for next() and noted(). The set says what there was.
  StandingSet survey(MonoMs now);
  void note(size_t i, Standing standing) { noted_[i] = standing; }
  Standing noted(size_t i) const { return noted_[i]; }

  // One turn among the peers noted as `worst` or better for which among(i) holds: the next peer, kNone when there is
  // none. Of `count` candidates, the n-th is peer candidate(n).
  template <class Candidate, class Among>
  size_t next(size_t count, Candidate candidate, Standing worst, Among among) {
    size_t best = kNone;
    int64_t total = 0;
    for (size_t n = 0; n < count; ++n) {
      const size_t i = candidate(n);
      if (noted_[i] > worst || !among(i)) continue;
      Turn& turn = turns_[i];
      turn.current += turn.effective;
      total += turn.effective;
      if (turn.effective < turn.weight) ++turn.effective;
      if (best == kNone || turn.current > turns_[best].current) best = i;
    }
    if (best != kNone) turns_[best].current -= total;
    return best;
  }
  size_t next(Standing worst) {
    return next(
        size(), [](size_t n) { return n; }, worst, [](size_t) { return true; });
  }

  // An attempt on the peer failed: its effective weight falls and grows back turn by turn.
  void failed(size_t i);
  // Starts where `worker` of `workers` should, so that workers do not all send their first request to the same peer.
  void stagger(int worker, int workers);

 private:
  struct Turn {
    int64_t current;
    int32_t effective;
    int32_t weight;
  };
  std::vector<Turn> turns_;
  std::vector<Standing> noted_;
};

}  // namespace weir::policy
