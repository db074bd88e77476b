// Surveying, blame and the staggered start.
#include "policy/smooth_list.h"

#include <algorithm>
#include <numeric>

namespace weir::policy {

SmoothList::SmoothList(const std::vector<Peer>& peers, bool ignore_passive) : PeerList(peers, ignore_passive) {
  turns_.reserve(size());
  for (size_t i = 0; i < size(); ++i) {
    const auto weight = static_cast<int32_t>(std::min<uint32_t>(this->weight(i), INT32_MAX));
    turns_.push_back({0, weight, weight});
  }
  noted_.assign(size(), Standing::kNever);
}

StandingSet SmoothList::survey(MonoMs now) {
  StandingSet seen;
  for (size_t i = 0; i < size(); ++i) {
    const Standing standing = this->standing(i, now);
    noted_[i] = standing;
    seen.add(standing);
  }
  return seen;
}

void SmoothList::failed(size_t i) {
  const uint32_t max_fails = peer(i).options.passive.max_fails;
  if (max_fails == 0) return;
  Turn& turn = turns_[i];
  turn.effective = std::max(0, turn.effective - static_cast<int32_t>(static_cast<uint32_t>(turn.weight) / max_fails));
}

void SmoothList::stagger(int worker, int workers) {
  if (worker <= 0 || worker >= workers) return;
  // The sequence repeats after the weights' sum over their common divisor.
  uint64_t sum = 0, divisor = 0;
  for (size_t i = 0; i < size(); ++i) {
    noted_[i] = peer(i).options.down ? Standing::kNever : Standing::kFit;
    if (peer(i).options.down) continue;
    sum += weight(i);
    divisor = std::gcd(divisor, uint64_t{weight(i)});
  }
  if (sum == 0) return;
  // Bounded work: a shorter start does no harm, it is only less even.
  constexpr uint64_t kMostSteps = 4096, kMostVisits = 2'000'000;
  const uint64_t wanted = sum / divisor * static_cast<uint64_t>(worker) / static_cast<uint64_t>(workers);
  const uint64_t steps = std::min({wanted, kMostSteps, kMostVisits / size()});
  for (uint64_t step = 0; step < steps; ++step) next(Standing::kFit);
}

}  // namespace weir::policy
