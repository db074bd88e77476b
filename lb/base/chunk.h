// Buffered bytes: fixed-size chunks from a per-worker pool, linked into chains. A chain is what waits for a blocked
// sink or for a retry; on the hot path bytes are written straight out of the read slab and no chain is touched.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace weir {

struct Chunk {
  static constexpr uint32_t kCapacity = 16 * 1024 - 24;
  Chunk* next = nullptr;
  uint32_t begin = 0;
  uint32_t end = 0;
  char data[kCapacity];
};

// Free list of chunks. Not thread-safe: one a worker; outlives every chain that draws from it.
class ChunkPool {
 public:
  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  Chunk* take();
  void give(Chunk* chunk);
  size_t outstanding() const { return outstanding_; }
  // Frees all but `keep` idle chunks (called when the worker falls quiet).
  void trim(size_t keep);

 private:
  Chunk* free_ = nullptr;
  size_t free_count_ = 0;
  size_t outstanding_ = 0;
};

// A queue of bytes. Move-only; gives its chunks back to the pool it was made with.
class Chain {
 public:
  explicit Chain(ChunkPool& pool) : pool_(&pool) {}
  ~Chain() { clear(); }
  Chain(Chain&& other) noexcept { *this = std::move(other); }
  Chain& operator=(Chain&& other) noexcept;
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  void append(std::string_view bytes);
  void append(Chain&& other);  // O(1)
  void consume(size_t n);
  void clear();
  // The first contiguous piece; empty when the chain is.
  std::string_view front() const;
  // Calls fn(string_view) for up to `most` pieces from the front; returns how many.
  template <class Fn>
  int for_each_piece(int most, Fn&& fn) const {
    int n = 0;
    for (const Chunk* c = head_; c != nullptr && n < most; c = c->next)
      if (c->end > c->begin) fn(std::string_view(c->data + c->begin, c->end - c->begin)), ++n;
    return n;
  }
  // A copy of all bytes, appended to `out` (anything with append(ptr, n)).
  template <class String>
  void copy_to(String& out) const {
    for_each_piece(INT32_MAX, [&](std::string_view s) { out.append(s.data(), s.size()); });
  }

 private:
  ChunkPool* pool_ = nullptr;
  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace weir
