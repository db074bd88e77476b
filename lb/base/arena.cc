#include "base/arena.h"

namespace weir {

char* Arena::allocate_slow(size_t size) {
  // The first block always has the usual size, so that reset() can keep it; a larger wish gets a block of its own behind it.
  if (blocks_.empty()) add_block(kFirstBlock);
  if (size > capacity_ - used_) add_block(size > kNextBlock ? size : kNextBlock);
  char* p = current_ + used_;
  used_ += size;
  return p;
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
