// Certificates that nobody vouches for, for a first try. Kept in memory while the process lives, so that a browser that
// was told to go on is not asked again after each reload. Any thread.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::io {

class SelfSignedBook {
 public:
  static constexpr int64_t kDay = 86'400;
  static constexpr int64_t kLifetime = 397 * kDay;  // the most that browsers take of any certificate
  static constexpr int64_t kRenewBefore = 30 * kDay;

  struct Pair {
    std::string certificate, key;  // PEM
    int64_t not_after = 0;         // seconds since the epoch
  };
  // The one of these names: that of before, while it holds for another month, else a new one. `now`: wall time,
  // seconds.
  Result<Pair> find(const std::vector<std::string>& names, int64_t now);

 private:
  std::mutex mutex_;
  std::map<std::vector<std::string>, Pair> made_;
};

}  // namespace weir::io
