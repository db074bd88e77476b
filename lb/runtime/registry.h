// What outlives a configuration: the state of every peer, and what workers share of every upstream. Control side only
// (a lock serves the helper thread that builds).
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/sockaddr.h"
#include "filter/limit_requests.h"
#include "policy/binding.h"
#include "policy/latency.h"
#include "policy/peer.h"
#include "policy/rate_limit.h"
#include "policy/retry.h"
#include "policy/wait_queue.h"

namespace weir::proxy {
class Challenges;
struct Location;
struct Site;
}  // namespace weir::proxy
namespace weir::cache {
class Zone;
struct ZoneOptions;
}  // namespace weir::cache
namespace weir::observe {
class SpanQueue;
}
namespace weir::io {
class StapleBook;
class TicketKeys;
class TlsSessionCache;
}  // namespace weir::io

namespace weir::runtime {

class ConnectionTable;
class RateTable;
class SessionTable;
class SharedQueue;

class Registry {
 public:
  // `seed`: of where the upstreams' round robin begins (Shared::start); 0: at the first peer.
  explicit Registry(uint64_t seed = 0);
  // The state of that address in that upstream: the one that a snapshot still uses, else a new one.
  std::shared_ptr<policy::PeerState> peer(const std::string& upstream, const SocketAddress& address,
                                          const policy::PassiveOptions& options);
  struct Shared {
    std::shared_ptr<policy::RetryBudget> budget;
    std::shared_ptr<std::atomic<uint32_t>> inflight;
    std::shared_ptr<policy::WorkerLanes<policy::UpstreamTimes>> times;
    uint32_t start = 0;  // policy::ClusterOptions::start; by name, so the same for all workers and snapshots
  };
  Shared upstream(const std::string& name, uint32_t retry_percent, uint32_t retry_least);
  // The line of that upstream, those who wait in it included. Another length takes effect by configure().
  std::shared_ptr<policy::WaitQueue> queue(const std::string& upstream, const policy::QueueOptions& options);
  // The zone of that name, whoever uses it. Another size takes effect by configure().
  std::shared_ptr<policy::SessionTable> sessions(const std::string& zone, size_t bytes, Millis timeout);
  // The keys of all session tickets that no file of the operator's has.
  const std::shared_ptr<io::TicketKeys>& ticket_keys() const { return ticket_keys_; }
  // The TLS sessions of that zone; another size takes effect at once.
  std::shared_ptr<io::TlsSessionCache> tls_sessions(const std::string& zone, int64_t bytes);
  // The zone of that name and key, whoever uses it. Another size takes effect by configure().
  std::shared_ptr<policy::RateTable> rates(const filter::LimitZone& zone);
  std::shared_ptr<policy::ConnectionTable> connections(const filter::LimitZone& zone);
  // The cache of that name, whoever uses it; another one where its files stand elsewhere. It works, with other bounds
  // too, from configure() on.
  std::shared_ptr<cache::Zone> cache(const cache::ZoneOptions& options);
  // Those in use.
  std::vector<std::shared_ptr<cache::Zone>> caches() const;
  // What CAs that look are shown, whatever the configuration.
  const std::shared_ptr<proxy::Challenges>& challenges() const { return challenges_; }
  // Spans of all workers.
  const std::shared_ptr<observe::SpanQueue>& spans() const { return spans_; }
  // OCSP answers of all certificates.
  const std::shared_ptr<io::StapleBook>& staples() const { return staples_; }
  // Queues and zones become as this snapshot says: it is put in force. Control thread.
  void configure(const proxy::Site& site);
  // Forgets what nobody uses any more.
  void prune();
  size_t peers() const;
  // What is in use, by the names that it is known by.
  struct InUse {
    std::map<std::pair<std::string, std::string>, std::shared_ptr<policy::PeerState>> peers;  // upstream, address
    std::map<std::string, std::shared_ptr<SessionTable>> sessions;
    std::map<std::string, std::shared_ptr<io::TlsSessionCache>> tls_sessions;
    std::map<std::string, std::shared_ptr<RateTable>> rates;              // zone and key: limit_key()
    std::map<std::string, std::shared_ptr<ConnectionTable>> connections;  // likewise
  };
  InUse in_use() const;

 private:
  struct Upstream {
    std::weak_ptr<policy::RetryBudget> budget;
    uint32_t percent = 0, least = 0;
    std::weak_ptr<std::atomic<uint32_t>> inflight;
    std::weak_ptr<policy::WorkerLanes<policy::UpstreamTimes>> times;
  };
  // With the lock held.
  void configure_limits(const proxy::Location& location);
  void configure_cache(const proxy::Location& location);

  const uint64_t seed_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<policy::PeerState>> peers_;
  std::map<std::string, Upstream> upstreams_;
  std::map<std::string, std::weak_ptr<SharedQueue>> queues_;
  std::map<std::string, std::weak_ptr<SessionTable>> sessions_;
  std::map<std::string, std::weak_ptr<io::TlsSessionCache>> tls_sessions_;
  std::map<std::string, std::weak_ptr<RateTable>> rates_;  // by limit_key()
  std::map<std::string, std::weak_ptr<ConnectionTable>> connections_;
  std::map<std::string, std::weak_ptr<cache::Zone>> caches_;  // by name and place
  const std::shared_ptr<io::TicketKeys> ticket_keys_;
  const std::shared_ptr<proxy::Challenges> challenges_;
  const std::shared_ptr<io::StapleBook> staples_;
  const std::shared_ptr<observe::SpanQueue> spans_;
};

// What the tables of limits are known by: what was counted by another key says nothing about this one.
std::string limit_key(const filter::LimitZone& zone);

}  // namespace weir::runtime
