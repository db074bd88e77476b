// The pool of encoders.
#include "filter/encoder.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace weir::filter {
namespace {

constexpr size_t kPrefix = alignof(std::max_align_t);  // the size of each block stands in front of it
static_assert(kPrefix >= sizeof(size_t));

}  // namespace

std::string_view to_string(Coding coding) {
  return coding == Coding::kGzip ? "gzip" : "br";
}

EncoderOptions fitted(EncoderOptions options, int64_t length) {
  if (length < 0) return options;
  if (options.coding == Coding::kBrotli) {
    constexpr int kLeastWindow = 10;
    while (options.window_bits > kLeastWindow && length < (int64_t{1} << (options.window_bits - 1)) - 16)
      --options.window_bits;
    return options;
  }
  // zlib's window is 262 bytes smaller than its name says.
  constexpr int kLeastWindow = 9;
  while (options.window_bits > kLeastWindow && length < (int64_t{1} << (options.window_bits - 1)) - 262) {
    --options.window_bits;
    options.memory_level = std::max(options.memory_level - 1, 1);
  }
  return options;
}

EncoderPool::~EncoderPool() = default;

std::unique_ptr<Encoder> EncoderPool::take(const EncoderOptions& options) {
  for (size_t i = idle_.size(); i-- > 0;) {
    if (!idle_[i]->restart(options)) continue;
    std::unique_ptr<Encoder> found = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    idle_bytes_ -= found->bytes();
    least_idle_ = std::min(least_idle_, idle_.size());
    return found;
  }
  return options.coding == Coding::kGzip ? make_gzip_encoder(options, bytes_) : make_brotli_encoder(options, bytes_);
}

void EncoderPool::give(std::unique_ptr<Encoder> encoder) {
  if (!encoder->is_reusable()) return;
  if (idle_.size() == kMostIdle) {
    idle_bytes_ -= idle_.front()->bytes();
    idle_.erase(idle_.begin());
  }
  idle_bytes_ += encoder->bytes();
  idle_.push_back(std::move(encoder));
}

void EncoderPool::trim() {
  const size_t unneeded = std::min(least_idle_, idle_.size() - std::min(idle_.size(), kKept));
  for (size_t i = 0; i < (unneeded + 1) / 2; ++i) {
    idle_bytes_ -= idle_.front()->bytes();
    idle_.erase(idle_.begin());
  }
  least_idle_ = idle_.size();
}

void* CountedMemory::allocate(size_t size) {
  auto* const block = static_cast<char*>(std::malloc(size + kPrefix));
  if (block == nullptr) return nullptr;
  new (block) size_t(size);
  bytes_ += size;
  total_ += size;
  return block + kPrefix;
}

void CountedMemory::release(void* memory) {
  if (memory == nullptr) return;
  char* const block = static_cast<char*>(memory) - kPrefix;
  const size_t size = *std::launder(reinterpret_cast<size_t*>(block));
  bytes_ -= size;
  total_ -= size;
  std::free(block);
}

}  // namespace weir::filter
