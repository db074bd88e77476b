// Bump allocator for what lives as long as one exchange. Nothing is destroyed: trivially destructible things only.
// reset() keeps the first block, so a warm exchange allocates nothing from the heap.
#pragma once
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

class Arena {
 public:
  static constexpr size_t kFirstBlock = 8 * 1024;
  static constexpr size_t kNextBlock = 32 * 1024;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `align`: a power of two, at most that of max_align_t.
  [[gnu::always_inline]] char* allocate(size_t size, size_t align = 1) {
    const size_t at = (used_ + align - 1) & ~(align - 1);
    if (current_ != nullptr && at + size <= capacity_) {
      used_ = at + size;
      return current_ + at;
    }
    return allocate_slow(size, align);
  }
  // Gives back the end of the newest allocation; `p` must be what allocate() returned last.
  void shrink_last(const char* p, size_t size) { used_ = static_cast<size_t>(p - current_) + size; }

  std::string_view copy(std::string_view s) {
    if (s.empty()) return {};
    char* p = allocate(s.size());
    std::memcpy(p, s.data(), s.size());
    return {p, s.size()};
  }
  std::string_view concat(std::initializer_list<std::string_view> parts) {
    size_t total = 0;
    for (const auto& part : parts) total += part.size();
    if (total == 0) return {};
    char* p = allocate(total);
    char* at = p;
    for (const auto& part : parts) {
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    return {p, total};
  }
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena destroys nothing");
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }
  // Where the next bytes will come from; null before the first.
  const char* next() const { return current_ + used_; }
  void reset();
  size_t heap_bytes() const { return heap_bytes_; }

 private:
  char* allocate_slow(size_t size, size_t align);
  void add_block(size_t capacity);

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* current_ = nullptr;
  size_t used_ = 0;
  size_t capacity_ = 0;
  size_t heap_bytes_ = 0;
};

}  // namespace weir
