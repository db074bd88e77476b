#include "runtime/limit_tables.h"

namespace weir::runtime {

policy::Bucket* RateTable::add(Table::Shard& shard, std::string_view key, MonoMs now) {
  const size_t cost = Table::cost(key);
  const size_t most = table_.shard_bytes();
  if (cost > most) return nullptr;
  while (shard.bytes + cost > most) Table::erase(shard, shard.entries.back().key);
  return &Table::add(shard, key, {0, now}).value;
}

policy::RateTable::Answer RateTable::take(std::string_view key, const policy::RateLimit& limit, MonoMs now) {
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  Table::Entry* entry = Table::find(shard, key);
  if (entry == nullptr) return {0, add(shard, key, now) != nullptr};
  Table::touch(shard, key);
  const int64_t excess = entry->value.with_one_more(limit.rate, now);
  if (excess > limit.burst) return {excess, false};
  entry->value.fill(excess, now);
  return {excess, true};
}

policy::RateTable::Answer RateTable::look(std::string_view key, const policy::RateLimit& limit, MonoMs now) {
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  const Table::Entry* entry = Table::find(shard, key);
  if (entry == nullptr) return {0, Table::cost(key) <= table_.shard_bytes()};
  const int64_t excess = entry->value.with_one_more(limit.rate, now);
  return {excess, excess <= limit.burst};
}

int64_t RateTable::count(std::string_view key, const policy::RateLimit& limit, MonoMs now) {
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  Table::Entry* entry = Table::find(shard, key);
  if (entry == nullptr) {
    add(shard, key, now);
    return 0;
  }
  Table::touch(shard, key);
  const int64_t excess = entry->value.with_one_more(limit.rate, now);
  entry->value.fill(excess, now);
  return excess;
}

void RateTable::put(std::string_view key, const policy::Bucket& bucket) {
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  policy::Bucket* place = nullptr;
  if (Table::Entry* entry = Table::find(shard, key)) {
    Table::touch(shard, key);
    place = &entry->value;
  } else {
    place = add(shard, key, bucket.last);
  }
  if (place != nullptr) *place = bucket;
}

bool ConnectionTable::take(std::string_view key, uint32_t most) {
  using Table = KeyedTable<uint32_t>;
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  if (Table::Entry* entry = Table::find(shard, key)) {
    if (entry->value >= most) return false;
    ++entry->value;
    return true;
  }
  if (shard.bytes + Table::cost(key) > table_.shard_bytes()) return false;
  Table::add(shard, key, 1);
  return true;
}

void ConnectionTable::give_back(std::string_view key) {
  using Table = KeyedTable<uint32_t>;
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  Table::Entry* entry = Table::find(shard, key);
  if (entry != nullptr && --entry->value == 0) Table::erase(shard, key);
}

uint32_t ConnectionTable::count(std::string_view key) {
  using Table = KeyedTable<uint32_t>;
  Table::Shard& shard = table_.shard(key);
  const std::lock_guard lock(shard.mutex);
  const Table::Entry* entry = Table::find(shard, key);
  return entry == nullptr ? 0 : entry->value;
}

}  // namespace weir::runtime
