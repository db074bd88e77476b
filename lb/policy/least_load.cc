// Reckoning loads and finding the least, four peers at a time.
#include "policy/least_load.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "policy/lanes.h"

namespace weir::policy {
namespace {

constexpr double kNobody = std::numeric_limits<double>::infinity();

// Halves of four: whole numbers, none below 0, as fractions; and a comparison's result in the width of those.
// 2^52 with n in its lowest bits is 2^52 + n.
constexpr double kTwoTo52 = 4503599627370496.0;
Doubles from_bits(Lanes lanes) {
  return std::bit_cast<Doubles>(lanes) - Doubles{kTwoTo52, kTwoTo52};
}
Doubles low_half(Lanes lanes, Lanes high_words) {
  return from_bits(__builtin_shufflevector(lanes, high_words, 0, 4, 1, 5));
}
Doubles high_half(Lanes lanes, Lanes high_words) {
  return from_bits(__builtin_shufflevector(lanes, high_words, 2, 6, 3, 7));
}
LongLanes low_mask(Lanes lanes) {
  const Lanes twice = __builtin_shufflevector(lanes, lanes, 0, 0, 1, 1);
  return std::bit_cast<LongLanes>(twice);
}
LongLanes high_mask(Lanes lanes) {
  const Lanes twice = __builtin_shufflevector(lanes, lanes, 2, 2, 3, 3);
  return std::bit_cast<LongLanes>(twice);
}

// All bits set is a NaN: not less than anything, equal to nothing.
Doubles nan_where(LongLanes where, Doubles load) {
  const LongLanes bits = std::bit_cast<LongLanes>(load) | where;
  return std::bit_cast<Doubles>(bits);
}

}  // namespace

Loads::Loads(const SmoothList& list, uint64_t most) {
  uint64_t common = 1;
  for (size_t i = 0; i < list.size() && common <= most; ++i) common = std::lcm(common, uint64_t{list.weight(i)});
  for (size_t i = 0; i < list.size(); ++i)
    factor_.push_back(static_cast<double>(std::max<uint64_t>(std::min(common, most) / list.weight(i), 1)));
  cost_.assign(list.size(), 1);
  slope_ = factor_;
  slope_.resize(padded(list.size()), 0);
  load_.assign(slope_.size(), 0);
}

void Loads::set_time(size_t i, uint32_t time) {
  base_.resize(slope_.size(), 0);
  base_[i] = factor_[i] * time;
  slope_[i] = base_[i] * cost_[i];
}

void Loads::set_cost(size_t i, double cost) {
  cost_[i] = cost;
  slope_[i] = (base_.empty() ? factor_[i] : base_[i]) * cost;
}

// At a tenth of its weight a peer's requests count ten times, in sixteenths.
void Loads::scale(const SmoothList& list) {
  ramps_version_ = list.ramps_version();
  for (const uint32_t i : scaled_) set_cost(i, 1);
  scaled_.clear();
  for (const SmoothList::Ramp& ramp : list.ramps()) {
    set_cost(ramp.peer, static_cast<double>(16 * 1000 / ramp.share) / 16);
    scaled_.push_back(ramp.peer);
  }
}

size_t Loads::least(SmoothList& list, Fitness worst) {
  if (list.ramps_version() != ramps_version_) scale(list);
  const int32_t* const notes = list.notes();
  const int32_t* const conns = list.conns_noted();
  const double* const slope = slope_.data();
  const double* const base = base_.data();
  const bool has_base = !base_.empty();
  // Kept: who is equal to the least is looked for in what was compared.
  double* const load = load_.data();
  const Lanes limit = all_lanes(static_cast<int32_t>(worst));
  const Lanes high_words = all_lanes(0x43300000);  // of 2^52
  Doubles least_first = {kNobody, kNobody}, least_second = least_first;
  for (size_t i = 0, end = load_.size(); i < end; i += kLanes) {
    const Lanes out = load_lanes(notes + i) > limit;
    const Lanes requests = load_lanes(conns + i);
    Doubles first = low_half(requests, high_words) * load_lanes<Doubles>(slope + i);
    Doubles second = high_half(requests, high_words) * load_lanes<Doubles>(slope + i + 2);
    if (has_base) {
      first += load_lanes<Doubles>(base + i);
      second += load_lanes<Doubles>(base + i + 2);
    }
    first = nan_where(low_mask(out), first);
    second = nan_where(high_mask(out), second);
    store_lanes(load + i, first);
    store_lanes(load + i + 2, second);
    least_first = first < least_first ? first : least_first;
    least_second = second < least_second ? second : least_second;
  }
  const double least = std::min({least_first[0], least_first[1], least_second[0], least_second[1]});
  return least == kNobody ? PeerList::kNone : list.next_of_least(load, least);
}

Pick LeastLoadBalancer::pick_least(Turn& turn) {
  const auto pick_of = [&](SmoothList& list, Loads& loads) {
    return pick_from(list, turn, [&list, &loads](Fitness worst) { return loads.least(list, worst); });
  };
  const Pick pick = pick_of(primaries(), primary_loads_);
  if (pick.peer != nullptr || backups().size() == 0) return pick;
  return pick_of(backups(), backup_loads_);
}

}  // namespace weir::policy
