// Sessions of TLS clients that resume by id (RFC 5246 7.3), and of TLS 1.3 clients where tickets are off: shared by all
// workers, kept over reloads, bounded. When it is full the oldest of a shard goes.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/hash.h"

namespace weir::io {

// Thread-safe. Sessions are DER as OpenSSL writes them; ids are made by weir, at random.
class TlsSessionCache {
 public:
  static constexpr size_t kShards = 16;
  static constexpr size_t kOverhead = 200;  // bytes of a session beside its id and text

  explicit TlsSessionCache(int64_t bytes) : bytes_(bytes) {}
  // A reload may say another size.
  void resize(int64_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  void put(std::string_view id, std::string session, MonoMs expires);
  std::optional<std::string> find(std::string_view id, MonoMs now);
  void remove(std::string_view id);
  size_t size() const;
  // All of a shard, the oldest first, then those of the next; under its lock.
  void each(const std::function<void(std::string_view id, const std::string& session, MonoMs expires)>& visit) const;

 private:
  struct Entry {
    std::string id;
    std::string session;
    MonoMs expires;
    size_t cost() const { return id.size() + session.size() + kOverhead; }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> oldest_first;
    std::unordered_map<std::string_view, std::list<Entry>::iterator, StringHash> by_id;  // views of the entries' ids
    size_t bytes = 0;
    void drop(std::list<Entry>::iterator entry);
  };
  Shard& shard(std::string_view id) { return shards_[hash_(id) % kShards]; }

  std::array<Shard, kShards> shards_;
  std::atomic<int64_t> bytes_;
  StringHash hash_;
};

}  // namespace weir::io
