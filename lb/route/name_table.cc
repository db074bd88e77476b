// Open addressing with linear probing: a name costs one slot and its text, two cache lines.
#include "route/name_table.h"

#include <cstring>
#include <utility>

namespace weir::route {
namespace {

template <class Word>
uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 32;
}

// Eight bytes at a time, the last ones overlapping those before.
uint32_t hash_of(std::string_view name) {
  const char* p = name.data();
  const size_t n = name.size();
  uint64_t hash = mix(0, n);
  if (n >= 8) {
    for (const char* const last = p + n - 8; p < last; p += 8) hash = mix(hash, load<uint64_t>(p));
    hash = mix(hash, load<uint64_t>(name.data() + n - 8));
  } else if (n >= 4) {
    hash = mix(hash, load<uint32_t>(p) << 32 | load<uint32_t>(p + n - 4));
  } else if (n > 0) {
    hash = mix(hash, load<uint8_t>(p) << 16 | load<uint8_t>(p + n / 2) << 8 | load<uint8_t>(p + n - 1));
  }
  return static_cast<uint32_t>(mix(hash, n));
}

}  // namespace

bool NameTable::add(std::string_view name, int value) {
  if (contains(name)) return false;
  const Slot slot{hash_of(name), static_cast<uint32_t>(texts_.size()), static_cast<uint32_t>(name.size()), value};
  texts_ += name;
  ++count_;
  if (count_ <= kFew) {
    slots_.push_back(slot);
  } else {
    if (count_ * 2 > slots_.size()) grow();
    insert(slot);
  }
  return true;
}

void NameTable::grow() {
  size_t size = 8;
  while (size < count_ * 4) size *= 2;
  for (const Slot& slot : std::exchange(slots_, std::vector<Slot>(size)))
    if (slot.value != kNone) insert(slot);
}

void NameTable::insert(const Slot& slot) {
  const size_t mask = slots_.size() - 1;
  size_t i = slot.hash & mask;
  while (slots_[i].value != kNone) i = (i + 1) & mask;
  slots_[i] = slot;
}

int NameTable::find(std::string_view name) const {
  const Slot* const slots = slots_.data();
  if (count_ <= kFew) {
    for (size_t i = 0; i < count_; ++i)
      if (text(slots[i]) == name) return slots[i].value;
    return kNone;
  }
  const uint32_t hash = hash_of(name);
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask; slots[i].value != kNone; i = (i + 1) & mask)
    if (slots[i].hash == hash && text(slots[i]) == name) return slots[i].value;
  return kNone;
}

}  // namespace weir::route
