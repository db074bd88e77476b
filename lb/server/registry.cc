// Weak pointers by name: snapshots own, the registry remembers.
#include "server/registry.h"

namespace weir::server {

std::shared_ptr<policy::PeerState> Registry::peer(const std::string& upstream, const SocketAddress& address,
                                                  const policy::PassiveOptions& options) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<policy::PeerState>& slot = peers_[{upstream, address.to_string()}];
  std::shared_ptr<policy::PeerState> state = slot.lock();
  if (!state) slot = state = std::make_shared<policy::PeerState>(options);
  return state;
}

Registry::Shared Registry::upstream(const std::string& name, uint32_t retry_percent, uint32_t retry_least) {
  const std::lock_guard lock(mutex_);
  Upstream& slot = upstreams_[name];
  Shared shared{slot.budget.lock(), slot.inflight.lock()};
  if (!shared.budget || slot.percent != retry_percent || slot.least != retry_least) {
    slot.percent = retry_percent;
    slot.least = retry_least;
    slot.budget = shared.budget = std::make_shared<policy::RetryBudget>(retry_percent, retry_least);
  }
  if (!shared.inflight) slot.inflight = shared.inflight = std::make_shared<std::atomic<uint32_t>>(0);
  return shared;
}

void Registry::prune() {
  const std::lock_guard lock(mutex_);
  std::erase_if(peers_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(upstreams_, [](const auto& entry) { return entry.second.inflight.expired(); });
}

size_t Registry::peers() const {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

}  // namespace weir::server
