#include "route/split.h"

#include <utility>

namespace weir::route {

uint32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  auto hash = static_cast<uint32_t>(bytes.size());
  const auto byte = [&bytes](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    uint32_t word = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  if (bytes.size() > 2) hash ^= byte(2) << 16;
  if (bytes.size() > 1) hash ^= byte(1) << 8;
  if (!bytes.empty()) hash = (hash ^ byte(0)) * kMultiplier;
  hash = (hash ^ hash >> 13) * kMultiplier;
  return hash ^ hash >> 15;
}

bool Split::add(uint32_t hundredths, std::string value) {
  constexpr uint32_t kAll = 10'000;
  sum_ = hundredths != 0 ? sum_ + hundredths : kAll;
  if (sum_ > kAll) return false;
  if (sum_ == kAll) hundredths = 0;
  if (hundredths != 0) last_ += static_cast<uint32_t>(uint64_t{hundredths} * 0xffffffff / kAll);
  parts_.push_back({hundredths != 0 ? last_ : 0, std::move(value)});
  return true;
}

std::string_view Split::find(std::string_view text, const VariableSource&, Arena&) const {
  const uint32_t hash = murmur2(text);
  for (const Part& part : parts_)
    if (hash < part.below || part.below == 0) return part.value;
  return {};
}

}  // namespace weir::route
