// sticky learn's zone: sessions and the peers they were seen on, shared by all workers and kept over reloads. Split
// into shards with a lock each; a shard that is full forgets the session that was not seen for the longest time.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "policy/binding.h"

namespace weir::runtime {

class SessionTable final : public policy::SessionTable {
 public:
  static constexpr size_t kShards = 16;

  SessionTable(size_t bytes, Millis timeout);
  // Another size keeps what fits, the sessions last seen first.
  void configure(size_t bytes, Millis timeout);

  uint64_t find(std::string_view session, MonoMs now) override;
  // One that is too large for a shard is not remembered.
  void bind(std::string_view session, uint64_t peer, MonoMs now) override;
  size_t size() const override;
  // All of a shard, the last seen first, then those of the next; under its lock.
  void each(const std::function<void(std::string_view session, uint64_t peer, MonoMs seen)>& visit) const;
  // What the sessions take, the table's own upkeep included.
  size_t bytes() const;

 private:
  struct Session {
    std::string name;
    uint64_t peer;
    MonoMs seen;
  };
  using Sessions = std::list<Session>;  // the last seen first
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Sessions sessions;
    std::unordered_map<std::string_view, Sessions::iterator, StringHash> by_name;
    size_t bytes = 0;
  };
  static size_t cost(std::string_view session);
  Shard& shard(std::string_view session);
  static void forget(Shard& shard, Sessions::iterator session);
  void fit(Shard& shard) const;
  bool too_old(const Session& session, MonoMs now) const;

  std::array<Shard, kShards> shards_;
  std::atomic<size_t> shard_bytes_;
  std::atomic<int64_t> timeout_;  // ms
};

}  // namespace weir::runtime
