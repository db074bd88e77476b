// The zones of limit_req and limit_conn: shared by all workers, so that limits are exact, and kept over reloads.
#pragma once
#include <functional>
#include <string_view>

#include "policy/rate_limit.h"
#include "runtime/keyed_table.h"

namespace weir::runtime {

// Full, it forgets the bucket that was not used for the longest time.
class RateTable final : public policy::RateTable {
 public:
  explicit RateTable(size_t bytes) : table_(bytes) {}
  void resize(size_t bytes) { table_.resize(bytes); }

  Answer take(std::string_view key, const policy::RateLimit& limit, MonoMs now) override;
  Answer look(std::string_view key, const policy::RateLimit& limit, MonoMs now) override;
  int64_t count(std::string_view key, const policy::RateLimit& limit, MonoMs now) override;
  size_t size() const { return table_.size(); }
  size_t bytes() const { return table_.bytes(); }
  // Buckets as they are, the last used of a shard first; and as the last used one.
  void each(const std::function<void(std::string_view key, const policy::Bucket& bucket)>& visit) const {
    table_.each(visit);
  }
  void put(std::string_view key, const policy::Bucket& bucket);

 private:
  using Table = KeyedTable<policy::Bucket>;
  // Null: a key that is too large for the table.
  policy::Bucket* add(Table::Shard& shard, std::string_view key, MonoMs now);
  Table table_;
};

// Full, it takes no further key: those in it are requests under way.
class ConnectionTable final : public policy::ConnectionTable {
 public:
  explicit ConnectionTable(size_t bytes) : table_(bytes) {}
  void resize(size_t bytes) { table_.resize(bytes); }

  bool take(std::string_view key, uint32_t most) override;
  void give_back(std::string_view key) override;
  uint32_t count(std::string_view key);  // under way
  size_t size() const { return table_.size(); }

 private:
  KeyedTable<uint32_t> table_;
};

}  // namespace weir::runtime
