// Names to numbers, filled at load and asked by requests. What is looked for comes from clients, what is found in it
// from the operator alone, so the hash needs no secret: nobody can make the table's chains longer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::route {

class NameTable {
 public:
  static constexpr int kNone = -1;

  // `value` is not kNone. False when the name is there already: the first stays.
  bool add(std::string_view name, int value);
  // kNone when it is not there. Allocates nothing.
  int find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != kNone; }
  bool empty() const { return count_ == 0; }

 private:
  // So few are compared one after the other.
  static constexpr size_t kFew = 2;

  struct Slot {
    uint32_t hash = 0;
    uint32_t at = 0;  // in texts_
    uint32_t size = 0;
    int value = kNone;
  };
  std::string_view text(const Slot& slot) const { return {texts_.data() + slot.at, slot.size}; }
  void insert(const Slot& slot);
  void grow();

  std::vector<Slot> slots_;  // few: as they came; else by hash, at most half full, a power of two
  std::string texts_;
  size_t count_ = 0;
};

}  // namespace weir::route
