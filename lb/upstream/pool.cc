#include "upstream/pool.h"

#include <algorithm>

#include "base/log.h"

namespace weir::upstream {

Group::~Group() {
  close_idle();
}

void Group::configure(const PoolOptions& options, size_t peers) {
  options_ = options;
  most_idle_ = options.max_idle == 0 ? 0 : std::max<size_t>(options.max_idle, 4 * peers);
}

std::unique_ptr<Connection> Group::take(const SocketAddress& address, bool sure) {
  const auto slot = slots_.find(address);
  if (slot == slots_.end()) return nullptr;
  while (sure && !slot->second.empty() && slot->second.back()->stale()) drop(*slot->second.back());
  if (slot->second.empty()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(slot->second.back());
  slot->second.pop_back();
  connection->unlink();
  --idle_;
  return connection;
}

void Group::give(std::unique_ptr<Connection> connection) {
  connection->detach();
  const MonoMs now = pool_.loop().now();
  if (most_idle_ == 0 || !connection->reusable(now)) {
    connection->retire();
    pool_.loop().bury(std::move(connection));
    return;
  }
  while (idle_ >= most_idle_) drop(*by_age_.front());
  connection->idle_since(now);
  by_age_.push_back(*connection);
  ++idle_;
  std::vector<std::unique_ptr<Connection>>& slot = connection->slot_.second;
  slot.push_back(std::move(connection));
}

std::unique_ptr<io::Transport> Group::give_up(std::unique_ptr<Connection> connection) {
  connection->detach();
  connection->deadline_.cancel();
  std::unique_ptr<io::Transport> transport = std::move(connection->transport_);
  transport->set_handler(nullptr);
  pool_.loop().bury(std::move(connection));
  return transport;
}

void Group::drop(Connection& connection) {
  auto& slot = connection.slot_.second;
  const auto at = std::find_if(slot.begin(), slot.end(), [&](const auto& c) { return c.get() == &connection; });
  if (at == slot.end()) return;
  connection.unlink();
  connection.retire();
  --idle_;
  pool_.loop().bury(std::move(*at));
  slot.erase(at);
}

void Group::close_idle() {
  while (Connection* oldest = by_age_.front()) drop(*oldest);
}

void Group::close_idle(const SocketAddress& address) {
  const auto slot = slots_.find(address);
  while (slot != slots_.end() && !slot->second.empty()) drop(*slot->second.back());
}

Pool::Pool(io::Loop& loop, observe::MetricSlab& metrics, std::function<void(int)> on_count)
    : loop_(loop), metrics_(metrics), on_count_(std::move(on_count)) {}

Pool::~Pool() = default;

Group& Pool::group(const std::string& name) {
  auto& group = groups_[name];
  if (group == nullptr) group = std::make_unique<Group>(*this, name);
  return *group;
}

void Pool::close_idle() {
  for (auto& [name, group] : groups_) group->close_idle();
}

void Pool::begin_drain() {
  draining_ = true;
  close_idle();
}

void Pool::unsolicited(const SocketAddress& address) {
  metrics_.add(observe::Counter::kUpstreamUnsolicited);
  static LogLimit limit;
  if (limit.pass(loop_.now())) log::warn("peer ", address.to_string(), ": connection closed (unsolicited bytes)");
}

}  // namespace weir::upstream
