// What is known of one exchange when it ends: the access log, the metrics and the outcome read this and nothing else.
// Plain data; the text is views of the exchange's arena or of the snapshot.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/error.h"

namespace weir::observe {

// One try at one peer. Times are monotonic microseconds; -1: did not come to it.
struct Attempt {
  std::string_view peer;  // "10.0.0.1:13000"; the upstream's name when no peer could be picked
  int64_t started_us = 0;
  int64_t connected_us = -1;
  int64_t header_us = -1;
  int64_t ended_us = -1;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  int64_t response_length = -1;  // body bytes received
  int status = 0;                // 0: none
  ErrorKind error = ErrorKind::kNone;
  bool reused = false;  // over a pooled connection
  bool asked = true;    // false: the upstream had no peer
};

// Attempts in order; grows in the arena.
class AttemptList {
 public:
  Attempt& add(Arena& arena) {
    if (size_ == capacity_) grow(arena);
    return *new (&items_[size_++]) Attempt();
  }
  int size() const { return size_; }
  Attempt& operator[](int i) { return items_[i]; }
  const Attempt& operator[](int i) const { return items_[i]; }
  Attempt& back() { return items_[size_ - 1]; }
  const Attempt* begin() const { return items_; }
  const Attempt* end() const { return items_ + size_; }
  void clear() { items_ = nullptr, size_ = capacity_ = 0; }

 private:
  void grow(Arena& arena);
  Attempt* items_ = nullptr;
  int size_ = 0;
  int capacity_ = 0;
};

struct ExchangeRecord {
  int64_t started_us = 0;  // monotonic: the request's first byte
  int64_t ended_us = 0;
  int64_t ended_wall_us = 0;  // Unix time: $time_local, $msec
  uint64_t connection = 0;    // serial number: $connection
  uint32_t connection_requests = 0;
  uint64_t request_length = 0;  // head and body as received
  uint64_t bytes_sent = 0;
  uint64_t body_bytes_sent = 0;
  uint64_t gzip_in = 0, gzip_out = 0;  // of a body that weir has compressed to its end
  int status = 0;
  ErrorKind error = ErrorKind::kNone;
  bool completed = false;  // $request_completion
  AttemptList attempts;

  void clear() { *this = ExchangeRecord(); }
};

// The $upstream_* lists: every attempt, joined by ", "; "-" for what is missing (SEMANTICS 2.8); the status of one that
// failed without an answer is 502 or 504, that of one that the client gave up "-". Empty when there was no attempt.
enum class AttemptColumn : uint8_t {
  kAddr,
  kStatus,
  kResponseTime,
  kConnectTime,
  kHeaderTime,
  kBytesSent,
  kBytesReceived,
  kResponseLength,
  kReason
};
std::string_view render_attempts(const AttemptList& attempts, AttemptColumn column, Arena& arena);
// "0.004": seconds with milliseconds.
std::string_view render_seconds(int64_t microseconds, Arena& arena);

}  // namespace weir::observe
