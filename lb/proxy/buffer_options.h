// proxy_buffering: how much of an answer is taken from its peer before the client has it (lb/design/0034).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proxy/relay.h"

namespace weir::proxy {

struct BufferOptions {
  // Where nothing is written. Most answers fit, and a peer is free as soon as it has said them.
  static constexpr size_t kUsual = 1024 * 1024;
  static constexpr size_t kUsualFirst = 4 * 1024;
  // A peer is read in pieces of so much: an answer's memory is never less.
  static constexpr size_t kLeast = 64 * 1024;
  // Of all workers: proxy_buffers_memory. Beyond it each answer has the least.
  static constexpr size_t kUsualMemory = 256 * 1024 * 1024;
  static constexpr Gate::Marks kScarce{kLeast, kLeast / 4};

  bool on = true;
  uint32_t number = 0;    // proxy_buffers; 0: kUsual in all
  size_t size = 0;        // of each
  size_t first_size = 0;  // proxy_buffer_size; 0: kUsualFirst

  // What an answer may take, in bytes. Pauses are few: the peer goes on when half of it is free.
  Gate::Marks marks() const {
    const size_t first = first_size != 0 ? first_size : kUsualFirst;
    const size_t high = std::max(kLeast, first + (number != 0 ? number * size : kUsual));
    return {high, high / 2};
  }
};

}  // namespace weir::proxy
