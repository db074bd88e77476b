#include "base/arena.h"

namespace weir {

char* Arena::allocate_slow(size_t size, size_t align) {
  // The first block always has the usual size, so that reset() can keep it; a larger wish gets a block of its own
  // behind it.
  if (blocks_.empty()) add_block(kFirstBlock);
  size_t at = (used_ + align - 1) & ~(align - 1);
  if (at > capacity_ || size > capacity_ - at) {
    add_block(size > kNextBlock ? size : kNextBlock);
    at = 0;
  }
  used_ = at + size;
  return current_ + at;
}

void Arena::add_block(size_t capacity) {
  blocks_.push_back(std::unique_ptr<char[]>(new char[capacity]));  // new[]: aligned for any fundamental type
  heap_bytes_ += capacity;
  current_ = blocks_.back().get();
  capacity_ = capacity;
  used_ = 0;
}

void Arena::reset() {
  used_ = 0;
  if (blocks_.size() <= 1) return;
  blocks_.resize(1);
  heap_bytes_ = capacity_ = kFirstBlock;
  current_ = blocks_.front().get();
}

}  // namespace weir
