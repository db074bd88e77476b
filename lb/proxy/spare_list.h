// Objects that were lent and came back, kept warm for the next borrower. As many are kept as were in use at once of
// late: a fixed number would have a worker of a thousand requests under way go to the heap for each of them, or an idle
// one hold what a peak left.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace weir::proxy {

template <class T>
class SpareList {
 public:
  static constexpr size_t kKept = 8;

  // Null: none is here.
  std::unique_ptr<T> take() {
    if (spare_.empty()) return nullptr;
    std::unique_ptr<T> out = std::move(spare_.back());
    spare_.pop_back();
    least_ = std::min(least_, spare_.size());
    return out;
  }
  // What take() will hand out; null: none.
  const T* next() const { return spare_.empty() ? nullptr : spare_.back().get(); }
  void give(std::unique_ptr<T> object) { spare_.push_back(std::move(object)); }
  bool can_shrink() const { return spare_.size() > kKept; }
  // To be called now and then: frees half of what nobody needed since the last time, down to kKept.
  void shrink() {
    const size_t unneeded = std::min(least_, spare_.size() - std::min(spare_.size(), kKept));
    // The ones at the front were used longest ago.
    spare_.erase(spare_.begin(), spare_.begin() + static_cast<std::ptrdiff_t>((unneeded + 1) / 2));
    least_ = spare_.size();
  }
  size_t size() const { return spare_.size(); }

 private:
  std::vector<std::unique_ptr<T>> spare_;
  size_t least_ = 0;  // that were here at any time since shrink()
};

}  // namespace weir::proxy
