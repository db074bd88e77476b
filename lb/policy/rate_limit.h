// limit_req's leaky bucket (nginx's ngx_http_limit_req_module): requests fill it, time empties it at a steady rate.
// Everything is counted in thousandths of a request, times in milliseconds.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace weir::policy {

struct RateLimit {
  static constexpr int64_t kRequest = 1000;
  int64_t rate = 1;   // a second, at least 1
  int64_t burst = 0;  // beyond the rate
  int64_t delay = 0;  // of the burst, what passes at once; INT64_MAX: all (nodelay)
  // How long a request that has filled the bucket so far waits, in milliseconds.
  int64_t wait(int64_t excess) const { return excess <= delay ? 0 : (excess - delay) * 1000 / rate; }
};

struct Bucket {
  int64_t excess = 0;
  MonoMs last = 0;  // when it was filled

  // What it holds with one more request.
  int64_t with_one_more(int64_t rate, MonoMs now) const {
    const auto gone = static_cast<__int128>(rate) * elapsed(now) / 1000;
    return gone > excess + RateLimit::kRequest ? 0 : excess - static_cast<int64_t>(gone) + RateLimit::kRequest;
  }
  void fill(int64_t to, MonoMs now) {
    excess = to;
    if (elapsed(now) != 0) last = now;
  }
  // The clock of another worker's loop may be a little ahead.
  int64_t elapsed(MonoMs now) const { return std::max<int64_t>(now - last, 0); }
};

// What all workers count together: a zone. Which buckets there are is the table's matter; the least recently used go
// when it is full.
class RateTable {
 public:
  virtual ~RateTable() = default;
  struct Answer {
    int64_t excess = 0;
    bool passes = true;  // within the burst
  };
  // Puts a request into the bucket of that key, if it passes. A key that has no place in the table does not pass.
  virtual Answer take(std::string_view key, const RateLimit& limit, MonoMs now) = 0;
  // Whether it would.
  virtual Answer look(std::string_view key, const RateLimit& limit, MonoMs now) = 0;
  // Puts it in whether it passes or not; what the bucket then holds.
  virtual int64_t count(std::string_view key, const RateLimit& limit, MonoMs now) = 0;
};

// limit_conn's: how many requests of a key are under way.
class ConnectionTable {
 public:
  virtual ~ConnectionTable() = default;
  // False: `most` are under way, or there is no place for one more key.
  virtual bool take(std::string_view key, uint32_t most) = 0;
  // Once for each take() that was true.
  virtual void give_back(std::string_view key) = 0;
};

}  // namespace weir::policy
