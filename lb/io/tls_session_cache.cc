#include "io/tls_session_cache.h"

#include <utility>

namespace weir::io {

void TlsSessionCache::Shard::drop(std::list<Entry>::iterator entry) {
  bytes -= entry->cost();
  by_id.erase(entry->id);
  oldest_first.erase(entry);
}

void TlsSessionCache::put(std::string_view id, std::string session, MonoMs expires) {
  Shard& in = shard(id);
  const size_t most = static_cast<size_t>(bytes_.load(std::memory_order_relaxed)) / kShards;
  const std::lock_guard lock(in.mutex);
  if (const auto known = in.by_id.find(id); known != in.by_id.end()) in.drop(known->second);
  Entry entry{std::string(id), std::move(session), expires};
  const size_t cost = entry.cost();
  if (cost > most) return;
  while (in.bytes + cost > most) in.drop(in.oldest_first.begin());
  in.oldest_first.push_back(std::move(entry));
  const auto at = std::prev(in.oldest_first.end());
  in.by_id.emplace(at->id, at);
  in.bytes += cost;
}

std::optional<std::string> TlsSessionCache::find(std::string_view id, MonoMs now) {
  Shard& in = shard(id);
  const std::lock_guard lock(in.mutex);
  const auto known = in.by_id.find(id);
  if (known == in.by_id.end()) return std::nullopt;
  if (known->second->expires <= now) {
    in.drop(known->second);
    return std::nullopt;
  }
  return known->second->session;
}

void TlsSessionCache::remove(std::string_view id) {
  Shard& in = shard(id);
  const std::lock_guard lock(in.mutex);
  if (const auto known = in.by_id.find(id); known != in.by_id.end()) in.drop(known->second);
}

void TlsSessionCache::each(
    const std::function<void(std::string_view id, const std::string& session, MonoMs expires)>& visit) const {
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const Entry& entry : shard.oldest_first) visit(entry.id, entry.session, entry.expires);
  }
}

size_t TlsSessionCache::size() const {
  size_t all = 0;
  for (const Shard& each : shards_) {
    const std::lock_guard lock(each.mutex);
    all += each.by_id.size();
  }
  return all;
}

}  // namespace weir::io
