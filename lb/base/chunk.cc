#include "base/chunk.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir {

ChunkPool::~ChunkPool() {
  assert(outstanding_ == 0);
  trim(0);
}

Chunk* ChunkPool::take() {
  ++outstanding_;
  if (free_ == nullptr) return new Chunk;
  Chunk* chunk = std::exchange(free_, free_->next);
  --free_count_;
  chunk->next = nullptr;
  chunk->begin = chunk->end = 0;
  return chunk;
}

void ChunkPool::give(Chunk* chunk) {
  --outstanding_;
  chunk->next = std::exchange(free_, chunk);
  ++free_count_;
}

void ChunkPool::trim(size_t keep) {
  while (free_count_ > keep) {
    delete std::exchange(free_, free_->next);
    --free_count_;
  }
}

Chain& Chain::operator=(Chain&& other) noexcept {
  if (this == &other) return *this;
  clear();
  pool_ = other.pool_;
  head_ = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Chain::append(std::string_view bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (tail_ == nullptr || tail_->end == Chunk::kCapacity) {
      Chunk* chunk = pool_->take();
      (tail_ == nullptr ? head_ : tail_->next) = chunk;
      tail_ = chunk;
    }
    const size_t n = std::min<size_t>(bytes.size(), Chunk::kCapacity - tail_->end);
    std::memcpy(tail_->data + tail_->end, bytes.data(), n);
    tail_->end += static_cast<uint32_t>(n);
    bytes.remove_prefix(n);
  }
}

void Chain::append(Chain&& other) {
  if (other.head_ == nullptr) return;
  (tail_ == nullptr ? head_ : tail_->next) = other.head_;
  tail_ = other.tail_;
  size_ += other.size_;
  other.head_ = other.tail_ = nullptr;
  other.size_ = 0;
}

void Chain::consume(size_t n) {
  assert(n <= size_);
  size_ -= n;
  while (n > 0 || (head_ != nullptr && head_->begin == head_->end)) {
    const size_t take = std::min<size_t>(n, head_->end - head_->begin);
    head_->begin += static_cast<uint32_t>(take);
    n -= take;
    if (head_->begin < head_->end) break;
    Chunk* done = std::exchange(head_, head_->next);
    if (head_ == nullptr) tail_ = nullptr;
    pool_->give(done);
  }
}

void Chain::clear() {
  while (head_ != nullptr) pool_->give(std::exchange(head_, head_->next));
  tail_ = nullptr;
  size_ = 0;
}

std::string_view Chain::front() const {
  for (const Chunk* c = head_; c != nullptr; c = c->next)
    if (c->end > c->begin) return {c->data + c->begin, c->end - c->begin};
  return {};
}

}  // namespace weir
