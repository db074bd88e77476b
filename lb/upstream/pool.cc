#include "upstream/pool.h"

#include <algorithm>

namespace weir::upstream {

NamedPeers::~NamedPeers() {
  if (group_ == nullptr) return;
  for (Slot* slot : slots_) {
    if (slot->names == 1) group_->close_idle(*slot);
    --slot->names;
    group_->forget(*slot);
  }
  --group_->names_;
  group_->pool().forget(*group_);
}

Group::~Group() {
  const auto free = [](Connection& each) { delete &each; };
  by_age_.for_each(free);
  leased_.for_each(free);
}

// --- leases ---------------------------------------------------------------------------------------------------------

Lease Group::take(Slot& slot, bool sure) {
  std::vector<Connection*>& available = slot.available;
  while (sure && !available.empty() && available.back()->idle() && available.back()->stale()) drop(*available.back());
  return available.empty() ? Lease() : lend(*available.back());
}

Lease Group::adopt(std::unique_ptr<Connection> connection) {
  Connection& fresh = *connection.release();  // owned by the list
  leased_.push_back(fresh);
  ++fresh.slot_.connections;
  ++fresh.leases_;
  ++fresh.reserved_;
  offer(fresh);
  return Lease(fresh);
}

Lease Group::lend(Connection& connection) {
  if (connection.leases_++ == 0) {
    --idle_;
    --pool_.idle_;
    leased_.push_back(connection);
  }
  ++connection.reserved_;
  if (connection.capacity() == 0) withdraw(connection);
  return Lease(connection);
}

void Group::offer(Connection& connection) {
  if (connection.capacity() == 0 || std::exchange(connection.available_, true)) return;
  connection.slot_.available.push_back(&connection);
}

void Group::withdraw(Connection& connection) {
  if (!std::exchange(connection.available_, false)) return;
  std::vector<Connection*>& available = connection.slot_.available;
  if (available.back() == &connection) {
    available.pop_back();
  } else {
    available.erase(std::find(available.begin(), available.end(), &connection));
  }
}

void Group::lease_ended(Connection& connection) {
  if (connection.leases_ == 0) {
    const MonoMs now = pool_.loop().now();
    if (!connection.reusable(now)) {
      close(connection);
      return;
    }
    while (idle_ >= most_idle_) drop(*by_age_.front());
    connection.idle_since(now);
    by_age_.push_back(connection);
    ++idle_;
    ++pool_.idle_;
  }
  offer(connection);
}

void Group::drop(Connection& connection) {
  --idle_;
  --pool_.idle_;
  close(connection);
}

void Group::close(Connection& connection) {
  connection.retire();
  release(connection);
}

void Group::release(Connection& connection) {
  withdraw(connection);
  connection.unlink();
  Slot& slot = connection.slot_;
  --slot.connections;
  pool_.loop().bury(std::unique_ptr<Connection>(&connection));
  if (slot.names > 0) return;
  forget(slot);
  pool_.forget(*this);
}

void Group::close_idle() {
  while (Connection* oldest = by_age_.front()) drop(*oldest);
}

void Group::close_idle(Slot& slot) {
  for (size_t i = slot.available.size(); i-- > 0;)
    if (slot.available[i]->idle()) drop(*slot.available[i]);
}

void Group::forget(Slot& slot) {
  if (slot.names > 0 || slot.connections > 0) return;
  slots_.erase(slots_.find(*slot.identity));
}

// --- the pool -------------------------------------------------------------------------------------------------------

Pool::Pool(io::Loop& loop, observe::MetricSlab& metrics, std::function<void(int)> on_count)
    : loop_(loop), metrics_(metrics), on_count_(std::move(on_count)) {}

Pool::~Pool() = default;

NamedPeers Pool::name(const std::string& upstream, const PoolOptions& options, const std::vector<PeerIdentity>& peers) {
  std::unique_ptr<Group>& group = groups_[upstream];
  if (group == nullptr) group = std::make_unique<Group>(*this, upstream);
  group->options_ = options;
  group->most_idle_ = options.max_idle == 0 ? 0 : std::max<size_t>(options.max_idle, 4 * peers.size());
  ++group->names_;
  NamedPeers named;
  named.group_ = group.get();
  for (const PeerIdentity& peer : peers) {
    auto& [identity, slot] = *group->slots_.try_emplace(peer, *group).first;
    slot.identity = &identity;
    if (peer.tls != nullptr && slot.sessions == nullptr) slot.sessions = std::make_shared<io::TlsPeerSessions>();
    ++slot.names;
    named.slots_.push_back(&slot);
  }
  return named;
}

void Pool::forget(Group& group) {
  if (group.names_ > 0 || group.slots() > 0) return;
  groups_.erase(groups_.find(std::string(group.name())));
}

void Pool::close_idle() {
  for (auto& [name, group] : groups_) group->close_idle();
}

bool Pool::close_longest_idle() {
  Connection* longest = nullptr;
  for (auto& [name, group] : groups_) {
    Connection* candidate = group->by_age_.front();
    if (candidate != nullptr && (longest == nullptr || candidate->idle_at_ < longest->idle_at_)) longest = candidate;
  }
  if (longest == nullptr) return false;
  longest->slot_.group.drop(*longest);
  return true;
}

void Pool::begin_drain() {
  draining_ = true;
  close_idle();
}

void Pool::unsolicited(Slot& slot) {
  metrics_.add(observe::Counter::kUpstreamUnsolicited);
  if (slot.unsolicited.pass(loop_.now()))
    log::warn("peer ", slot.group.name(), "/", slot.identity->address.to_string(),
              ": connection closed (unsolicited bytes)", slot.unsolicited.dropped());
}

}  // namespace weir::upstream
