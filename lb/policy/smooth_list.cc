// Turns, four peers at a time; surveying, slow_start, blame and the staggered start.
#include "policy/smooth_list.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <type_traits>
#include <utility>

#include "policy/lanes.h"

namespace weir::policy {
namespace {

// The sum of weights must leave `current` room in 32 bits; absurd weights lose their last digits.
constexpr uint64_t kMostTotal = 1 << 27;

constexpr uint32_t kWhole = 1000;  // of shares and credit

// Who takes part in a turn: everybody,
struct Everybody {
  Lanes at(size_t) const { return all_lanes(-1); }
};
// those noted as `worst` or better,
struct Noted {
  const int32_t* notes;
  Lanes worst;
  Lanes at(size_t i) const { return load_lanes(notes + i) <= worst; }
};
// those of the least load.
struct LeastLoaded {
  const double* load;
  Doubles least;
  Lanes at(size_t i) const {
    const LongLanes first = load_lanes<Doubles>(load + i) == least;
    const LongLanes second = load_lanes<Doubles>(load + i + 2) == least;
    return __builtin_shufflevector(std::bit_cast<Lanes>(first), std::bit_cast<Lanes>(second), 0, 2, 4, 6);
  }
};

constexpr int32_t as_note(Fitness fitness) {
  return static_cast<int32_t>(fitness);
}

}  // namespace

SmoothList::SmoothList(const std::vector<Peer>& peers, Options options) : PeerList(peers, options.ignore_passive) {
  const size_t whole = padded(size());
  noted_.assign(whole, as_note(Fitness::kNever));
  health_ = noted_;
  weight_.assign(whole, 0);
  const uint64_t divisor = total_weight() / kMostTotal + 1;
  for (size_t i = 0; i < size(); ++i) {
    weight_[i] = static_cast<int32_t>(std::max<uint64_t>(weight(i) / divisor, 1));
    sum_ += weight_[i];
    if (options.ramps && peer(i).options.slow_start.count() > 0) slow_starters_.push_back(static_cast<uint32_t>(i));
    if (max_conns(i) == 0) continue;
    limit_.resize(whole, INT32_MAX);
    limit_[i] = static_cast<int32_t>(std::min<uint32_t>(max_conns(i), INT32_MAX));
  }
  if (!slow_starters_.empty()) credit_.assign(size(), 0);
  if (options.loads || !limit_.empty()) conns_.assign(whole, 0);
  effective_ = weight_;
  current_.assign(whole, INT32_MIN);  // the padding is never the greatest
  std::fill_n(current_.begin(), size(), 0);
}

FitnessSet SmoothList::survey(MonoMs now, const TriedSet* tried) {
  look_again(now);
  FitnessSet seen = seen_;
  if (differs_) {
    std::copy(health_.begin(), health_.end(), noted_.begin());
    differs_ = false;
  }
  resting_.clear();
  if (tried != nullptr && tried->count() == 0) tried = nullptr;
  if (!conns_.empty()) read_loads();
  if (!limit_.empty() && any_at_limit()) {
    seen.add(note_limits(tried));
  } else if (tried != nullptr) {
    for (const Peer* peer : *tried)
      if (const size_t i = index_of(peer); i != kNone) note(i, Fitness::kNever);
  }
  all_fit_ = tried == nullptr && seen.all_fit();
  if (!ramps_.empty()) rest(now);
  return seen;
}

void SmoothList::read_loads() {
  const std::atomic<uint32_t>* const* const from = loads().data();
  int32_t* const to = conns_.data();
  const auto read = [from](size_t i) { return static_cast<int32_t>(from[i]->load(std::memory_order_relaxed)); };
  const size_t count = size();  // for all that the compiler knows the stores might change it
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store_lanes(to + i, Lanes{read(i), read(i + 1), read(i + 2), read(i + 3)});
  for (; i < count; ++i) to[i] = read(i);
}

bool SmoothList::any_at_limit() const {
  const int32_t* const conns = conns_.data();
  const int32_t* const limits = limit_.data();
  Lanes any = all_lanes(0);
  for (size_t i = 0, end = limit_.size(); i < end; i += kLanes) any |= load_lanes(conns + i) >= load_lanes(limits + i);
  return any_lane(any);
}

// Notes all peers anew: by health and load, the tried ones as kNever. Says which full ones there are.
FitnessSet SmoothList::note_limits(const TriedSet* tried) {
  std::array<int32_t, TriedSet::kMost> healths;
  int hidden = 0;
  if (tried != nullptr) {
    for (const Peer* peer : *tried)
      if (const size_t i = index_of(peer); i != kNone)
        healths[static_cast<size_t>(hidden++)] = std::exchange(health_[i], as_note(Fitness::kNever));
  }
  differs_ = true;
  Lanes any_full = all_lanes(0), any_full_out = all_lanes(0);
  const int32_t* const healths_now = health_.data();
  const int32_t* const conns = conns_.data();
  const int32_t* const limits = limit_.data();
  int32_t* const notes = noted_.data();
  for (size_t i = 0, end = noted_.size(); i < end; i += kLanes) {
    const Lanes health = load_lanes(healths_now + i);
    const Lanes over = load_lanes(conns + i) >= load_lanes(limits + i);
    const Lanes full = over & (health == as_note(Fitness::kFit));
    const Lanes full_out = over & (health > as_note(Fitness::kFit)) & (health < as_note(Fitness::kNever));
    any_full |= full;
    any_full_out |= full_out;
    const Lanes out_or_in = choose_lanes(full_out, all_lanes(as_note(Fitness::kFullOut)), health);
    store_lanes(notes + i, choose_lanes(full, all_lanes(as_note(Fitness::kFull)), out_or_in));
  }
  if (tried != nullptr) {
    int k = 0;
    for (const Peer* peer : *tried)
      if (const size_t i = index_of(peer); i != kNone) health_[i] = healths[static_cast<size_t>(k++)];
  }
  FitnessSet seen;
  if (any_lane(any_full)) seen.add(Fitness::kFull);
  if (any_lane(any_full_out)) seen.add(Fitness::kFullOut);
  return seen;
}

// Weights are small whole numbers, so a peer at a tenth of its weight takes part in every tenth pick instead.
void SmoothList::rest(MonoMs now) {
  if (now != ramped_at_) {
    ramped_at_ = now;
    ++ramps_version_;
    for (Ramp& ramp : ramps_) {
      const MonoMs elapsed = std::clamp<MonoMs>(now - ramp.from, 0, ramp.length);
      ramp.share = std::max(static_cast<uint32_t>(elapsed * kWhole / ramp.length), 1u);
    }
  }
  for (const Ramp& ramp : ramps_) {
    if (noted(ramp.peer) != Fitness::kFit) continue;
    uint32_t& credit = credit_[ramp.peer];
    credit += ramp.share;
    if (credit >= kWhole) {
      credit -= kWhole;
    } else {
      note(ramp.peer, Fitness::kNever);
      resting_.push_back(ramp.peer);
    }
  }
  all_fit_ = all_fit_ && resting_.empty();
}

bool SmoothList::wake() {
  for (const uint32_t i : resting_) note(i, Fitness::kFit);
  const bool any = !resting_.empty();
  resting_.clear();
  return any;
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
  seen_ = FitnessSet();
  count_ = Count();
  for (size_t i = 0; i < size(); ++i) {
    const Fitness fitness = health(i, now);
    health_[i] = as_note(fitness);
    seen_.add(fitness);
    if (fitness == Fitness::kNever) continue;
    ++count_.left;
    if (fitness == Fitness::kFit) {
      ++count_.in;
      continue;
    }
    // Time alone changes these: an ejection ends, a probe expires.
    const MonoMs until = passive(i).ejected_until();
    good_until_ = std::min(good_until_, until > now ? until : now + 1);
  }
  differs_ = true;
  if (slow_starters_.empty()) return;
  ramps_.clear();
  ++ramps_version_;
  ramped_at_ = now - 1;
  for (const uint32_t i : slow_starters_) {
    const MonoMs from = state(i).ramp_from.load(std::memory_order_relaxed);
    const MonoMs length = peer(i).options.slow_start.count();
    if (from == 0 || now >= from + length || static_cast<Fitness>(health_[i]) == Fitness::kNever) continue;
    ramps_.push_back({i, kWhole, from, length});
    good_until_ = std::min(good_until_, from + length);
  }
}

size_t SmoothList::next(Fitness worst) {
  if (all_fit_) return turn(Everybody());
  return turn(Noted{noted_.data(), all_lanes(as_note(worst))});
}

size_t SmoothList::next_of_least(const double* load, double least) {
  // A turn among one changes nothing but his effective weight.
  if (lowered_) {
    const double* const end = load + size();
    const double* const first = std::find(load, end, least);
    if (first != end && std::find(first + 1, end, least) == end) return static_cast<size_t>(first - load);
  }
  return turn(LeastLoaded{load, Doubles{least, least}});
}

template <bool kGrows, class In>
size_t SmoothList::turn(In in) {
  if (size() <= kLanes) {
    std::array<int32_t, kLanes> few{};
    if (size() > 0) store_lanes(few.data(), in.at(0));
    return turn_of_few<kGrows>(few.data());
  }
  // The sum of everybody's weights is known.
  constexpr bool kCounts = kGrows || !std::is_same_v<In, Everybody>;
  Lanes best = all_lanes(INT32_MIN), best_at = all_lanes(-1), total = all_lanes(0), below = all_lanes(0);
  Lanes at = {0, 1, 2, 3};
  const int32_t* const weights = weight_.data();
  int32_t* const effectives = effective_.data();
  int32_t* const currents = current_.data();
  for (size_t i = 0, end = current_.size(); i < end; i += kLanes) {
    const Lanes takes_part = in.at(i);
    const Lanes weight = load_lanes(weights + i);
    const Lanes effective = kGrows ? load_lanes(effectives + i) : weight;
    const Lanes share = effective & takes_part;
    const Lanes current = load_lanes(currents + i) + share;
    if constexpr (kCounts) total += share;
    store_lanes(currents + i, current);
    if constexpr (kGrows) {
      const Lanes grown = effective - ((effective < weight) & takes_part);
      store_lanes(effectives + i, grown);
      below |= grown < weight;
    }
    const Lanes better = (current > best) & takes_part;
    best = choose_lanes(better, current, best);
    best_at = choose_lanes(better, at, best_at);
    at += static_cast<int32_t>(kLanes);
  }
  if constexpr (kGrows) lowered_ = any_lane(below);
  // Of the lanes' bests the greatest, the first in the list among equals.
  size_t winner = kNone;
  int32_t sum = kCounts ? 0 : sum_;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    if constexpr (kCounts) sum += total[lane];
    if (best_at[lane] < 0) continue;
    const auto i = static_cast<size_t>(best_at[lane]);
    if (winner == kNone || current_[i] > current_[winner] || (current_[i] == current_[winner] && i < winner))
      winner = i;
  }
  if (winner != kNone) current_[winner] -= sum;
  return winner;
}

template <bool kGrows>
size_t SmoothList::turn_of_few(const int32_t* in) {
  int32_t* const current = current_.data();
  const int32_t* const effective = effective_.data();
  size_t winner = kNone;
  int32_t sum = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (in[i] == 0) continue;
    current[i] += effective[i];
    sum += effective[i];
    if constexpr (kGrows) grow(i);
    if (winner == kNone || current[i] > current[winner]) winner = i;
  }
  if (winner != kNone) current[winner] -= sum;
  return winner;
}

size_t SmoothList::next_of(std::span<const uint32_t> peers, Fitness worst) {
  size_t winner = kNone;
  int32_t sum = 0;
  for (const uint32_t i : peers) {
    if (noted(i) > worst) continue;
    current_[i] += effective_[i];
    sum += effective_[i];
    grow(i);
    if (winner == kNone || current_[i] > current_[winner]) winner = i;
  }
  if (winner != kNone) current_[winner] -= sum;
  return winner;
}

void SmoothList::grow(size_t i) {
  if (effective_.data()[i] < weight_.data()[i]) ++effective_.data()[i];
}

void SmoothList::failed(size_t i) {
  const uint32_t max_fails = peer(i).options.passive.max_fails;
  if (max_fails == 0) return;
  effective_[i] = std::max(0, effective_[i] - static_cast<int32_t>(static_cast<uint32_t>(weight_[i]) / max_fails));
  lowered_ = true;
}

// The sum of `current` over all peers is 0 after every turn; what peers that have gone take with them is made up for by
// everybody, or turns would drift.
bool SmoothList::inherit(const SmoothList& former) {
  const std::vector<size_t> from = indices_in(former);
  int64_t sum = 0;
  size_t common = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (from[i] == kNone) continue;
    const size_t k = from[i];
    ++common;
    // As far ahead as it was, in rounds.
    const int64_t most = sum_;
    const int64_t current = int64_t{former.current_[k]} * sum_ / std::max(former.sum_, 1);
    current_[i] = static_cast<int32_t>(std::clamp(current, -most, most));
    sum += current_[i];
    effective_[i] = static_cast<int32_t>(int64_t{weight_[i]} * former.effective_[k] / former.weight_[k]);
    if (effective_[i] < weight_[i]) lowered_ = true;
    if (!credit_.empty() && !former.credit_.empty()) credit_[i] = former.credit_[k];
  }
  if (common == 0) return false;
  const auto each = static_cast<int32_t>(sum / static_cast<int64_t>(common));
  for (size_t i = 0; i < size() && each != 0; ++i)
    if (from[i] != kNone) current_[i] -= each;
  return true;
}

void SmoothList::begin(uint32_t start, int worker, int workers) {
  // The sequence repeats after the weights' sum over their common divisor.
  std::vector<int32_t> notes(noted_.size(), as_note(Fitness::kNever));
  uint64_t sum = 0, divisor = 0;
  for (size_t i = 0; i < size(); ++i) {
    if (peer(i).options.down) continue;
    notes[i] = as_note(Fitness::kFit);
    sum += weight(i);
    divisor = std::gcd(divisor, uint64_t{weight(i)});
  }
  if (sum == 0) return;
  // Bounded work: of a long sequence only the first part is begun in.
  constexpr uint64_t kMostSteps = 4096, kMostVisits = 2'000'000;
  const uint64_t length = std::min({sum / divisor, kMostSteps, std::max<uint64_t>(kMostVisits / size(), 1)});
  const uint64_t behind =
      worker <= 0 || worker >= workers ? 0 : length * static_cast<uint64_t>(worker) / static_cast<uint64_t>(workers);
  const uint64_t steps = ((length * start >> 32) + behind) % length;
  for (uint64_t step = 0; step < steps; ++step) turn(Noted{notes.data(), all_lanes(as_note(Fitness::kFit))});
}

}  // namespace weir::policy
