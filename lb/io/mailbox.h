// Functions that other threads leave for a loop: a locked vector, taken whole.
#pragma once
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace weir::io {

class Mailbox {
 public:
  using Fn = std::function<void()>;

  // `wake` is called under the lock for the first function of a batch, so that the handle it signals cannot be closed
  // meanwhile. False after close(); `fn` is dropped then.
  template <class Wake>
  bool put(Fn fn, Wake&& wake) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    posted_.push_back(std::move(fn));
    if (posted_.size() == 1) wake();
    return true;
  }

  // Swaps what was posted with `out`, which is empty.
  void take(std::vector<Fn>& out) {
    const std::lock_guard lock(mutex_);
    out.swap(posted_);
  }

  // Drops what was not delivered. The functions die outside the lock: what they hold may post again.
  void close() {
    std::vector<Fn> dropped;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(posted_);
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Fn> posted_;
};

}  // namespace weir::io
