// Weak pointers by name: snapshots own, the registry remembers.
#include "runtime/registry.h"

#include <algorithm>

#include "base/hash.h"
#include "cache/zone.h"
#include "io/tls_ocsp.h"
#include "io/tls_session_cache.h"
#include "io/tls_tickets.h"
#include "observe/span_queue.h"
#include "proxy/challenges.h"
#include "proxy/site.h"
#include "runtime/limit_tables.h"
#include "runtime/session_table.h"
#include "runtime/shared_queue.h"

namespace weir::runtime {

std::string limit_key(const filter::LimitZone& zone) {
  return zone.name + '\n' + zone.key.text();
}

Registry::Registry(uint64_t seed)
    : seed_(seed),
      ticket_keys_(std::make_shared<io::TicketKeys>()),
      challenges_(std::make_shared<proxy::Challenges>()),
      staples_(std::make_shared<io::StapleBook>()),
      spans_(std::make_shared<observe::SpanQueue>()) {}

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
  Shared shared{slot.budget.lock(), slot.inflight.lock(), slot.times.lock()};
  if (!shared.budget || slot.percent != retry_percent || slot.least != retry_least) {
    slot.percent = retry_percent;
    slot.least = retry_least;
    slot.budget = shared.budget = std::make_shared<policy::RetryBudget>(retry_percent, retry_least);
  }
  if (seed_ != 0) shared.start = static_cast<uint32_t>(siphash(name, seed_, 0));
  if (!shared.inflight) slot.inflight = shared.inflight = std::make_shared<std::atomic<uint32_t>>(0);
  if (!shared.times) slot.times = shared.times = std::make_shared<policy::WorkerLanes<policy::UpstreamTimes>>();
  return shared;
}

std::shared_ptr<policy::WaitQueue> Registry::queue(const std::string& upstream, const policy::QueueOptions& options) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<SharedQueue>& slot = queues_[upstream];
  std::shared_ptr<SharedQueue> queue = slot.lock();
  if (!queue) slot = queue = std::make_shared<SharedQueue>(options.most);
  return queue;
}

std::shared_ptr<policy::SessionTable> Registry::sessions(const std::string& zone, size_t bytes, Millis timeout) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<SessionTable>& slot = sessions_[zone];
  std::shared_ptr<SessionTable> table = slot.lock();
  if (!table) slot = table = std::make_shared<SessionTable>(bytes, timeout);
  return table;
}

std::shared_ptr<io::TlsSessionCache> Registry::tls_sessions(const std::string& zone, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<io::TlsSessionCache>& slot = tls_sessions_[zone];
  std::shared_ptr<io::TlsSessionCache> cache = slot.lock();
  if (!cache) slot = cache = std::make_shared<io::TlsSessionCache>(bytes);
  cache->resize(bytes);
  return cache;
}

std::shared_ptr<policy::RateTable> Registry::rates(const filter::LimitZone& zone) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<RateTable>& slot = rates_[limit_key(zone)];
  std::shared_ptr<RateTable> table = slot.lock();
  if (!table) slot = table = std::make_shared<RateTable>(zone.bytes);
  return table;
}

std::shared_ptr<policy::ConnectionTable> Registry::connections(const filter::LimitZone& zone) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<ConnectionTable>& slot = connections_[limit_key(zone)];
  std::shared_ptr<ConnectionTable> table = slot.lock();
  if (!table) slot = table = std::make_shared<ConnectionTable>(zone.bytes);
  return table;
}

std::shared_ptr<cache::Zone> Registry::cache(const cache::ZoneOptions& options) {
  const std::lock_guard lock(mutex_);
  std::string place = options.name + '\n' + options.path;
  for (const int level : options.levels) place += ':' + std::to_string(level);
  std::weak_ptr<cache::Zone>& slot = caches_[place];
  std::shared_ptr<cache::Zone> zone = slot.lock();
  if (zone == nullptr) slot = zone = cache::Zone::make(options);
  return zone;
}

std::vector<std::shared_ptr<cache::Zone>> Registry::caches() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<cache::Zone>> out;
  for (const auto& [place, slot] : caches_)
    if (auto zone = slot.lock()) out.push_back(std::move(zone));
  return out;
}

void Registry::configure_cache(const proxy::Location& location) {
  const proxy::CacheOptions& cache = location.cache;
  if (cache.running != nullptr) cache.running->configure(*cache.zone);
  for (size_t i = 0; i < cache.all_running.size(); ++i) cache.all_running[i]->configure(*cache.named[i]);
}

void Registry::configure_limits(const proxy::Location& location) {
  for (const auto& each : location.limit_requests.limits)
    if (const auto table = rates_[limit_key(*each.zone)].lock()) table->resize(each.zone->bytes);
  for (const auto& each : location.limit_connections.limits)
    if (const auto table = connections_[limit_key(*each.zone)].lock()) table->resize(each.zone->bytes);
}

void Registry::configure(const proxy::Site& site) {
  struct Zone {
    size_t bytes = 0;
    Millis timeout{0};
  };
  std::map<std::string, Zone> zones;  // the longest timeout and the largest size of those who share one
  const std::lock_guard lock(mutex_);
  for (const proxy::SiteCluster& each : site.clusters) {
    if (each.queue)
      if (const auto line = queues_[each.cluster->name()].lock()) line->configure(each.settings.queue.most);
    if (!each.sticky || !each.sticky->sessions) continue;
    const proxy::StickyOptions& sticky = each.sticky->options;
    Zone& zone = zones[sticky.zone];
    zone = {std::max(zone.bytes, sticky.zone_bytes), std::max(zone.timeout, sticky.timeout)};
  }
  for (const auto& [name, zone] : zones)
    if (const auto table = sessions_[name].lock()) table->configure(zone.bytes, zone.timeout);
  for (const auto& server : site.servers) {
    configure_limits(server->fallback);
    for (const auto& location : server->locations) configure_limits(*location);
    for (const auto& location : server->locations) configure_cache(*location);
  }
  for (const auto& [place, slot] : caches_)
    if (const auto zone = slot.lock()) zone->start();
}

void Registry::prune() {
  const std::lock_guard lock(mutex_);
  std::erase_if(queues_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(tls_sessions_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(rates_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(caches_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(connections_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(peers_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(upstreams_, [](const auto& entry) { return entry.second.inflight.expired(); });
}

namespace {

template <class Slots, class Live>
void lock_all(const Slots& slots, Live& live) {
  for (const auto& [name, slot] : slots)
    if (auto shared = slot.lock()) live.emplace(name, std::move(shared));
}

}  // namespace

Registry::InUse Registry::in_use() const {
  const std::lock_guard lock(mutex_);
  InUse out;
  lock_all(peers_, out.peers);
  lock_all(sessions_, out.sessions);
  lock_all(tls_sessions_, out.tls_sessions);
  lock_all(rates_, out.rates);
  lock_all(connections_, out.connections);
  return out;
}

size_t Registry::peers() const {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

}  // namespace weir::runtime
