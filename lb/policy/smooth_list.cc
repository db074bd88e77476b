// Turns, four peers at a time; surveying, slow_start, blame and the staggered start.
#include "policy/smooth_list.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace weir::policy {
namespace {

// Both compilers' vector extension: plain SSE2 or NEON. Comparisons give -1 and 0.
using Lanes = int32_t __attribute__((vector_size(16)));
constexpr size_t kLanes = sizeof(Lanes) / sizeof(int32_t);

Lanes load(const int32_t* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

void store(int32_t* to, Lanes lanes) {
  std::memcpy(to, &lanes, sizeof(lanes));
}

Lanes all(int32_t value) {
  return Lanes{value, value, value, value};
}

Lanes choose(Lanes where, Lanes yes, Lanes no) {
  return (where & yes) | (~where & no);
}

// The sum of weights must leave `current` room in 32 bits; absurd weights lose their last digits.
constexpr uint64_t kMostTotal = 1 << 27;

constexpr uint32_t kWhole = 1000;  // of shares and credit

}  // namespace

SmoothList::SmoothList(const std::vector<Peer>& peers, bool ignore_passive, bool ramps)
    : PeerList(peers, ignore_passive) {
  noted_ = health_ = blank_notes();
  weight_.assign(noted_.size(), 0);
  const uint64_t divisor = total_weight() / kMostTotal + 1;
  for (size_t i = 0; i < size(); ++i) {
    weight_[i] = static_cast<int32_t>(std::max<uint64_t>(weight(i) / divisor, 1));
    if (has_limit(i)) limited_.push_back(static_cast<uint32_t>(i));
    if (ramps && peer(i).options.slow_start.count() > 0) slow_starters_.push_back(static_cast<uint32_t>(i));
  }
  if (!slow_starters_.empty()) credit_.assign(size(), 0);
  effective_ = weight_;
  current_.assign(noted_.size(), 0);
}

std::vector<int32_t> SmoothList::blank_notes() const {
  return std::vector<int32_t>((size() + kLanes - 1) / kLanes * kLanes, static_cast<int32_t>(Standing::kNever));
}

StandingSet SmoothList::survey(MonoMs now, const TriedSet* tried) {
  look_again(now);
  StandingSet seen = seen_;
  for (const uint32_t i : resting_) noted_[i] = health_[i];
  resting_.clear();
  for (const uint32_t i : limited_) {
    const auto health = static_cast<Standing>(health_[i]);
    const Standing standing = with_load(i, health);
    note(i, standing);
    if (standing != health && !is_marked_tried(i)) seen.add(standing);
  }
  if (tried != nullptr) {
    for (const Peer* peer : *tried)
      if (const size_t i = index_of(peer); i != kNone) note(i, Standing::kNever);
  }
  if (!ramps_.empty()) rest(now);
  return seen;
}

// Weights are small whole numbers, so a peer at a tenth of its weight takes part in every tenth pick instead.
void SmoothList::rest(MonoMs now) {
  for (Ramp& ramp : ramps_) {
    const PeerOptions& options = peer(ramp.peer).options;
    const MonoMs elapsed = std::max<MonoMs>(now - state(ramp.peer).ramp_from.load(std::memory_order_relaxed), 0);
    const MonoMs share = elapsed < options.slow_start.count() ? elapsed * kWhole / options.slow_start.count() : kWhole;
    ramp.share = std::max(static_cast<uint32_t>(share), 1u);
    if (noted(ramp.peer) != Standing::kFit) continue;
    uint32_t& credit = credit_[ramp.peer];
    credit += ramp.share;
    if (credit >= kWhole) {
      credit -= kWhole;
    } else {
      note(ramp.peer, Standing::kNever);
      resting_.push_back(ramp.peer);
    }
  }
}

bool SmoothList::wake() {
  for (const uint32_t i : resting_) note(i, Standing::kFit);
  const bool any = !resting_.empty();
  resting_.clear();
  return any;
}

void SmoothList::unmark_tried(const TriedSet& tried) {
  mark_tried(tried, false);
  for (const Peer* peer : tried)
    if (const size_t i = index_of(peer); i != kNone) noted_[i] = health_[i];
}

SmoothList::Count SmoothList::count(MonoMs now) {
  look_again(now);
  return count_;
}

void SmoothList::look_again(MonoMs now) {
  const uint64_t stamp = ChangeStamp::read();
  if (stamp == stamp_ && now >= looked_at_ && now < good_until_) return;
  stamp_ = stamp;
  looked_at_ = now;
  good_until_ = kNever;
  seen_ = StandingSet();
  count_ = Count();
  for (size_t i = 0; i < size(); ++i) {
    const Standing standing = health(i, now);
    health_[i] = static_cast<int32_t>(standing);
    seen_.add(standing);
    if (standing == Standing::kNever) continue;
    ++count_.left;
    if (standing == Standing::kFit) {
      ++count_.in;
      continue;
    }
    // Time alone changes these: an ejection ends, a probe expires.
    const MonoMs until = passive(i).ejected_until();
    good_until_ = std::min(good_until_, until > now ? until : now + 1);
  }
  noted_ = health_;
  ramps_.clear();
  for (const uint32_t i : slow_starters_) {
    const MonoMs from = state(i).ramp_from.load(std::memory_order_relaxed);
    const MonoMs end = from + peer(i).options.slow_start.count();
    if (from == 0 || now >= end || static_cast<Standing>(health_[i]) == Standing::kNever) continue;
    ramps_.push_back({i, kWhole});
    good_until_ = std::min(good_until_, end);
  }
}

size_t SmoothList::next(const std::vector<int32_t>& notes, Standing worst) {
  const Lanes limit = all(static_cast<int32_t>(worst));
  Lanes best = all(INT32_MIN), best_at = all(-1), total = all(0);
  Lanes at = {0, 1, 2, 3};
  for (size_t i = 0; i < notes.size(); i += kLanes) {
    const Lanes in = load(notes.data() + i) <= limit;
    const Lanes effective = load(effective_.data() + i);
    const Lanes share = effective & in;
    const Lanes current = load(current_.data() + i) + share;
    total += share;
    store(current_.data() + i, current);
    store(effective_.data() + i, effective - ((effective < load(weight_.data() + i)) & in));
    const Lanes better = (current > best) & in;
    best = choose(better, current, best);
    best_at = choose(better, at, best_at);
    at += static_cast<int32_t>(kLanes);
  }
  // Of the lanes' bests the greatest, the first in the list among equals.
  size_t winner = kNone;
  int32_t sum = 0;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    sum += total[lane];
    if (best_at[lane] < 0) continue;
    const auto i = static_cast<size_t>(best_at[lane]);
    if (winner == kNone || current_[i] > current_[winner] || (current_[i] == current_[winner] && i < winner))
      winner = i;
  }
  if (winner != kNone) current_[winner] -= sum;
  return winner;
}

size_t SmoothList::next_of(std::span<const uint32_t> peers, Standing worst) {
  size_t winner = kNone;
  int32_t sum = 0;
  for (const uint32_t i : peers) {
    if (noted(i) > worst) continue;
    current_[i] += effective_[i];
    sum += effective_[i];
    if (effective_[i] < weight_[i]) ++effective_[i];
    if (winner == kNone || current_[i] > current_[winner]) winner = i;
  }
  if (winner != kNone) current_[winner] -= sum;
  return winner;
}

void SmoothList::failed(size_t i) {
  const uint32_t max_fails = peer(i).options.passive.max_fails;
  if (max_fails == 0) return;
  effective_[i] = std::max(0, effective_[i] - static_cast<int32_t>(static_cast<uint32_t>(weight_[i]) / max_fails));
}

void SmoothList::stagger(int worker, int workers) {
  if (worker <= 0 || worker >= workers) return;
  // The sequence repeats after the weights' sum over their common divisor.
  std::vector<int32_t> notes = blank_notes();
  uint64_t sum = 0, divisor = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (peer(i).options.down) continue;
    notes[i] = static_cast<int32_t>(Standing::kFit);
    sum += weight(i);
    divisor = std::gcd(divisor, uint64_t{weight(i)});
  }
  if (sum == 0) return;
  // Bounded work: a shorter start does no harm, it is only less even.
  constexpr uint64_t kMostSteps = 4096, kMostVisits = 2'000'000;
  const uint64_t wanted = sum / divisor * static_cast<uint64_t>(worker) / static_cast<uint64_t>(workers);
  const uint64_t steps = std::min({wanted, kMostSteps, kMostVisits / size()});
  for (uint64_t step = 0; step < steps; ++step) next(notes, Standing::kFit);
}

}  // namespace weir::policy
