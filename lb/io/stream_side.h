// What a stream needs only while it connects or while its peer does not take its bytes: the request and the queue. Lent
// from a pool of the loop, so that an idle connection does not pay for it. Private to io/.
#pragma once
#include <uv.h>

#include "base/chunk.h"

namespace weir::io {

// Told once how a connect ended.
class ConnectWatcher {
 public:
  virtual void on_connect_done(int status) = 0;
  // The loop ends first; nothing will come.
  virtual void on_connect_lost() = 0;

 protected:
  ~ConnectWatcher() = default;
};

struct StreamSide {
  explicit StreamSide(ChunkPool& pool) : chain(pool) {}
  union {
    uv_write_t write;
    uv_connect_t connect;
  };
  Chain chain;
  size_t in_flight = 0;  // bytes at the chain's front that the outstanding uv_write has
  ConnectWatcher* watcher = nullptr;
  StreamSide* next_free = nullptr;
};

class StreamSidePool {
 public:
  static constexpr int kMostIdle = 256;
  explicit StreamSidePool(ChunkPool& chunks) : chunks_(chunks) {}
  ~StreamSidePool() {
    while (free_ != nullptr) delete std::exchange(free_, free_->next_free);
  }
  StreamSidePool(const StreamSidePool&) = delete;
  StreamSidePool& operator=(const StreamSidePool&) = delete;

  StreamSide* take() {
    if (free_ == nullptr) return new StreamSide(chunks_);
    --idle_;
    StreamSide* side = std::exchange(free_, free_->next_free);
    side->next_free = nullptr;
    return side;
  }
  void give(StreamSide* side) {
    if (idle_ >= kMostIdle) {
      delete side;
      return;
    }
    side->chain.clear();
    side->in_flight = 0;
    side->watcher = nullptr;
    side->next_free = std::exchange(free_, side);
    ++idle_;
  }

 private:
  ChunkPool& chunks_;
  StreamSide* free_ = nullptr;
  int idle_ = 0;
};

}  // namespace weir::io
