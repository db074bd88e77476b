// Values by key in the order of use, in shards with a lock each: what the tables of limit_req and limit_conn stand on.
// Bounded in bytes, its own upkeep included.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"

namespace weir::runtime {

template <class Value>
class KeyedTable {
 public:
  struct Entry {
    std::string key;
    Value value;
  };
  using Entries = std::list<Entry>;  // the last used first
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Entries entries;
    std::unordered_map<std::string_view, typename Entries::iterator, StringHash> by_key;
    size_t bytes = 0;
  };

  explicit KeyedTable(size_t bytes)
      : used_(std::clamp<size_t>(bytes / kLeastShard, 1, kMostShards)), shard_bytes_(bytes / used_) {}
  // Another size; who holds a shard's lock next sees to it that it fits.
  void resize(size_t bytes) { shard_bytes_.store(bytes / used_, std::memory_order_relaxed); }
  size_t shard_bytes() const { return shard_bytes_.load(std::memory_order_relaxed); }

  // The map of a shard looks at the hash's low bits.
  Shard& shard(std::string_view key) { return shards_[(StringHash()(key) >> 48) % used_]; }
  // All of these under the shard's lock.
  static Entry* find(Shard& in, std::string_view key) {
    const auto found = in.by_key.find(key);
    return found == in.by_key.end() ? nullptr : &*found->second;
  }
  static void touch(Shard& in, std::string_view key) {
    const auto entry = in.by_key.find(key)->second;
    in.entries.splice(in.entries.begin(), in.entries, entry);
  }
  static Entry& add(Shard& in, std::string_view key, Value value) {
    in.entries.push_front({std::string(key), value});
    in.by_key.emplace(in.entries.front().key, in.entries.begin());
    in.bytes += cost(key);
    return in.entries.front();
  }
  static void erase(Shard& in, std::string_view key) {
    const auto found = in.by_key.find(key);
    const auto entry = found->second;
    in.bytes -= cost(entry->key);
    in.by_key.erase(found);
    in.entries.erase(entry);
  }
  // Two nodes with what malloc adds to each, a bucket, and a key that does not fit into its string.
  static size_t cost(std::string_view key) {
    constexpr size_t kMalloc = 16;
    constexpr size_t kInside = 15;
    const size_t list_node = sizeof(Entry) + 2 * sizeof(void*) + kMalloc;
    const size_t map_node = sizeof(std::string_view) + 3 * sizeof(void*) + kMalloc;
    return list_node + map_node + sizeof(void*) + (key.size() > kInside ? key.size() + 1 + kMalloc : 0);
  }

  // All of a shard, the last used first, then those of the next; under its lock.
  template <class Visit>
  void each(Visit visit) const {
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (const Entry& entry : shard.entries) visit(entry.key, entry.value);
    }
  }

  size_t size() const {
    size_t count = 0;
    for (const Shard& each : shards_) {
      const std::lock_guard lock(each.mutex);
      count += each.entries.size();
    }
    return count;
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Shard& each : shards_) {
      const std::lock_guard lock(each.mutex);
      sum += each.bytes;
    }
    return sum;
  }

 private:
  static constexpr size_t kMostShards = 16;
  static constexpr size_t kLeastShard = 64 * 1024;

  const size_t used_;  // of the shards; a small zone is not split
  std::array<Shard, kMostShards> shards_;
  std::atomic<size_t> shard_bytes_;
};

}  // namespace weir::runtime
