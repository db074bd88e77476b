// One direction of a body: pieces gathered while one read is being decoded, and the derived wish to read more. Pieces
// are views of the read slab, so a relay is flushed before the read returns.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::proxy {

// Whether a source may be read when what it feeds holds that many bytes.
class Gate {
 public:
  // Reading stops at kHigh bytes held in a direction and resumes at kLow (DESIGN section 7).
  static constexpr size_t kHigh = 128 * 1024;
  static constexpr size_t kLow = 32 * 1024;
  // Where a direction has others.
  struct Marks {
    size_t high = kHigh;
    size_t low = kLow;
  };
  // The only place where a pause begins or ends.
  bool update(size_t held) { return update(held, {kHigh, kLow}); }
  bool update(size_t held, Marks marks) {
    reading_ = reading_ ? held < marks.high : held <= marks.low;
    return reading_;
  }
  bool reading() const { return reading_; }

 private:
  bool reading_ = true;
};

class Relay {
 public:
  static constexpr size_t kHigh = Gate::kHigh;
  static constexpr size_t kLow = Gate::kLow;
  static constexpr int kMost = 48;

  Relay() {}  // the pieces are not set before they are there: 768 bytes that most requests never touch
  void reset() {
    count_ = 0;
    total_ = 0;
    gate_ = {};
  }
  // False when it is full: flush and add again.
  bool add(std::string_view piece) {
    if (count_ == kMost) return false;
    pieces_[count_++] = piece;
    total_ += piece.size();
    return true;
  }
  const std::string_view* pieces() const { return pieces_; }
  std::string_view& piece(int i) { return pieces_[i]; }
  int count() const { return count_; }
  void flushed() { count_ = 0; }
  // All bytes that have passed.
  uint64_t total() const { return total_; }
  bool update(size_t held) { return gate_.update(held); }
  bool update(size_t held, Gate::Marks marks) { return gate_.update(held, marks); }
  bool reading() const { return gate_.reading(); }

 private:
  int count_ = 0;
  uint64_t total_ = 0;
  Gate gate_;
  union {
    std::string_view pieces_[kMost];
  };
};

}  // namespace weir::proxy
