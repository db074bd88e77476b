// Shards of lists in the order of use.
#include "runtime/session_table.h"

namespace weir::runtime {

SessionTable::SessionTable(size_t bytes, Millis timeout) : shard_bytes_(bytes / kShards), timeout_(timeout.count()) {}

void SessionTable::configure(size_t bytes, Millis timeout) {
  timeout_ = timeout.count();
  shard_bytes_ = bytes / kShards;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    fit(shard);
  }
}

uint64_t SessionTable::find(std::string_view session, MonoMs now) {
  Shard& in = shard(session);
  const std::lock_guard lock(in.mutex);
  const auto found = in.by_name.find(session);
  if (found == in.by_name.end()) return 0;
  const Sessions::iterator known = found->second;
  if (too_old(*known, now)) {
    forget(in, known);
    return 0;
  }
  known->seen = now;
  in.sessions.splice(in.sessions.begin(), in.sessions, known);
  return known->peer;
}

void SessionTable::bind(std::string_view session, uint64_t peer, MonoMs now) {
  if (session.empty() || cost(session) > shard_bytes_.load(std::memory_order_relaxed)) return;
  Shard& in = shard(session);
  const std::lock_guard lock(in.mutex);
  if (const auto found = in.by_name.find(session); found != in.by_name.end()) {
    const Sessions::iterator known = found->second;
    known->peer = peer;
    known->seen = now;
    in.sessions.splice(in.sessions.begin(), in.sessions, known);
    return;
  }
  // What has run out goes before the table is full.
  while (!in.sessions.empty() && too_old(in.sessions.back(), now)) forget(in, std::prev(in.sessions.end()));
  in.sessions.push_front({std::string(session), peer, now});
  in.by_name.emplace(in.sessions.front().name, in.sessions.begin());
  in.bytes += cost(session);
  fit(in);
}

size_t SessionTable::size() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.sessions.size();
  }
  return count;
}

void SessionTable::each(const std::function<void(std::string_view session, uint64_t peer, MonoMs seen)>& visit) const {
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const Session& session : shard.sessions) visit(session.name, session.peer, session.seen);
  }
}

size_t SessionTable::bytes() const {
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.bytes;
  }
  return sum;
}

// Its two nodes with what malloc adds to each, a bucket, and a name that does not fit into its string.
size_t SessionTable::cost(std::string_view session) {
  constexpr size_t kMalloc = 16;
  constexpr size_t kInside = 15;
  const size_t list_node = sizeof(Session) + 2 * sizeof(void*) + kMalloc;
  const size_t map_node = sizeof(std::string_view) + 3 * sizeof(void*) + kMalloc;
  return list_node + map_node + sizeof(void*) + (session.size() > kInside ? session.size() + 1 + kMalloc : 0);
}

SessionTable::Shard& SessionTable::shard(std::string_view session) {
  // The map of a shard looks at the hash's low bits.
  return shards_[(StringHash()(session) >> 48) % kShards];
}

void SessionTable::forget(Shard& shard, Sessions::iterator session) {
  shard.bytes -= cost(session->name);
  shard.by_name.erase(session->name);
  shard.sessions.erase(session);
}

void SessionTable::fit(Shard& shard) const {
  const size_t most = shard_bytes_.load(std::memory_order_relaxed);
  while (shard.bytes > most) forget(shard, std::prev(shard.sessions.end()));
}

bool SessionTable::too_old(const Session& session, MonoMs now) const {
  return now - session.seen > timeout_.load(std::memory_order_relaxed);
}

}  // namespace weir::runtime
