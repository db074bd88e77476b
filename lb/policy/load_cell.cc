// Blocks of cells, kept for the process's life: as many as there ever were peers at one time.
#include "policy/load_cell.h"

#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace weir::policy {
namespace {

constexpr uint32_t kLines = 64;
constexpr uint32_t kCellsInLine = 64 / sizeof(std::atomic<uint32_t>);

struct Block {
  struct alignas(64) Line {
    std::array<std::atomic<uint32_t>, kCellsInLine> cells{};
  };
  static constexpr uint32_t kCells = kLines * kCellsInLine;
  std::array<Line, kLines> lines;
};

// Configurations are built by one thread, but the last owner of a state may be any.
class Cells {
 public:
  uint32_t take() {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) return free_.extract(free_.begin()).value();
    if (taken_ == blocks_.size() * Block::kCells) blocks_.push_back(std::make_unique<Block>());
    return taken_++;
  }
  void give(uint32_t number) {
    const std::lock_guard lock(mutex_);
    free_.insert(number);
  }
  std::atomic<uint32_t>& at(uint32_t number) {
    const std::lock_guard lock(mutex_);
    const uint32_t place = number % Block::kCells;
    return blocks_[number / Block::kCells]->lines[place % kLines].cells[place / kLines];
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::set<uint32_t> free_;  // the lowest first: what a reload takes lies side by side again
  uint32_t taken_ = 0;
};

Cells& cells() {
  static Cells all;
  return all;
}

}  // namespace

LoadCell::LoadCell() : number_(cells().take()) {
  count_ = &cells().at(number_);
  count_->store(0, std::memory_order_relaxed);
}

LoadCell::~LoadCell() {
  cells().give(number_);
}

}  // namespace weir::policy
