#include "observe/span_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace weir::observe {

void SpanQueue::configure(size_t batch, size_t most) {
  const std::lock_guard lock(mutex_);
  batch_ = batch;
  most_.store(most, std::memory_order_relaxed);
  woken_ = true;
  due_.notify_one();
}

bool SpanQueue::push(std::vector<Span> spans) {
  bool is_due = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t most = most_.load(std::memory_order_relaxed);
    // Where nobody waits there is room: a request of more spans than the bound would never be seen.
    if (most == 0 || (!spans_.empty() && spans_.size() + spans.size() > most)) {
      dropped_.fetch_add(spans.size(), std::memory_order_relaxed);
      return false;
    }
    const size_t before = spans_.size();
    std::move(spans.begin(), spans.end(), std::back_inserter(spans_));
    is_due = before < batch_ && spans_.size() >= batch_;
  }
  if (is_due) due_.notify_one();
  return true;
}

std::vector<Span> SpanQueue::take(Millis most) {
  std::unique_lock lock(mutex_);
  due_.wait_for(lock, most, [this] { return woken_ || ended() || (batch_ > 0 && spans_.size() >= batch_); });
  woken_ = false;
  return take_batch();
}

std::vector<Span> SpanQueue::take_now() {
  const std::lock_guard lock(mutex_);
  return take_batch();
}

// Workers wait for the lock meanwhile: mostly all of it is one batch, and changes hands as it is.
std::vector<Span> SpanQueue::take_batch() {
  if (spans_.size() <= batch_) return std::exchange(spans_, {});
  const auto count = static_cast<std::ptrdiff_t>(std::min(spans_.size(), std::max<size_t>(batch_, 1)));
  std::vector<Span> batch(std::make_move_iterator(spans_.begin()), std::make_move_iterator(spans_.begin() + count));
  spans_.erase(spans_.begin(), spans_.begin() + count);
  return batch;
}

bool SpanQueue::pause(Millis most) {
  std::unique_lock lock(mutex_);
  const bool is_cut = due_.wait_for(lock, most, [this] { return woken_ || ended(); });
  woken_ = false;
  return !is_cut;
}

void SpanQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  due_.notify_one();
}

void SpanQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_.store(true, std::memory_order_relaxed);
  due_.notify_one();
}

size_t SpanQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

}  // namespace weir::observe
