// The immutable snapshot that workers serve from: listeners, virtual servers, locations, clusters. Built by server/
// from the configuration; shared by all workers; whoever holds an epoch of it (proxy/epoch.h) keeps it alive.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "base/sockaddr.h"
#include "http/codec.h"
#include "io/tls_options.h"
#include "policy/cluster.h"
#include "policy/latency.h"
#include "policy/wait_queue.h"
#include "proxy/arrival_step.h"
#include "proxy/location.h"
#include "proxy/sticky.h"
#include "route/host_table.h"
#include "route/location_table.h"
#include "upstream/options.h"

namespace weir::io {
class TlsContext;
}

namespace weir::observe {
class SpanQueue;
}

namespace weir::proxy {

class Challenges;

// What server{} says of the connections to it. This struct is all there is of it, from the directive to the request.
struct ServerSettings {
  http::HeadLimits limits;
  Millis header_timeout{10'000};      // for the whole head
  bool underscores_in_names = false;  // fields of requests with '_' in their names reach peers
};

// Lines of the error log about one server{} that its clients can cause, of all workers.
struct ServerLog {
  LogLimit no_upstream;    // of a proxy_pass with variables
  LogLimit names;          // of such a one that the resolver has no address for
  LogLimit no_cache;       // of a proxy_cache with variables
  LogLimit redirects;      // too many internal ones
  LogLimit subrequests;    // nested too deeply
  LogLimit uninitialized;  // variables
  LogLimit filters;        // that change a length and do not say so
  LogLimit files;          // that are not there, or not to be read
  LogLimit regexes;        // that fail
};

// How a virtual server is reached over TLS.
struct ServerTls {
  std::shared_ptr<const io::TlsContext>
      context;  // null: it has no certificate, its listener's default server shows its own
  io::VerifyClient verify = io::VerifyClient::kOff;
  bool reject = false;  // handshakes that name it
};

struct VirtualServer {
  std::string name;  // the first server_name: $server_name
  ServerSettings settings;
  ServerTls tls;
  std::vector<std::unique_ptr<Location>> locations;  // by the index that `table` answers
  std::vector<std::unique_ptr<route::LocationTable>> nested;
  route::LocationTable table;
  RewriteSteps rewrite;  // before a location is looked for
  Location fallback;     // the server's own settings: used when no location matches and for refused heads
  std::unique_ptr<Location> challenge;  // answers a CA that looks (challenges.h); null: none ever does
  std::unique_ptr<ServerLog> log = std::make_unique<ServerLog>();
};

// Lines of the error log about one listener that its clients can cause, of all workers.
struct ListenLog {
  LogLimit invalid;  // requests
  LogLimit refused;  // before the first request
};

// One configured address. Its index is what a worker's listeners carry; the address is its identity over reloads.
struct ListenSite {
  SocketAddress address;
  std::vector<const VirtualServer*> servers;  // by the index that `hosts` answers
  route::HostTable hosts;
  const VirtualServer* default_server = nullptr;
  std::vector<std::unique_ptr<const ArrivalStep>> arrival;  // in order, before the session; none: straight to it
  std::unique_ptr<ListenLog> log = std::make_unique<ListenLog>();
  std::shared_ptr<const Challenges> challenges;  // for handshakes of a CA; null: none ever comes
  Millis arrival_timeout{0};                     // for all of them; 0: the default server's header_timeout

  const io::TlsContext* tls_of(const VirtualServer& server) const {
    return server.tls.context != nullptr ? server.tls.context.get() : default_server->tls.context.get();
  }
};

// What upstream{} says of requests and connections beside its servers. This struct is all there is of it, too.
struct ClusterSettings {
  upstream::PoolOptions pool;
  route::Template hash_key;
  policy::QueueOptions queue;
};

// Lines of the error log about one upstream, of all workers.
struct UpstreamLog {
  LogLimit none_up;
  LogLimit all_full;
  LogLimit queue;
};

// One upstream{}, or the cluster made of a proxy_pass to an address or a name.
struct SiteCluster {
  std::unique_ptr<policy::Cluster> cluster;
  ClusterSettings settings;
  bool implicit = false;                            // made of an address or a name; its own name has the port
  std::shared_ptr<policy::RetryBudget> budget;      // kept over reloads by name
  std::shared_ptr<std::atomic<uint32_t>> inflight;  // requests of all workers on this cluster, kept likewise
  std::shared_ptr<policy::WorkerLanes<policy::UpstreamTimes>> times =  // kept likewise, never null
      std::make_shared<policy::WorkerLanes<policy::UpstreamTimes>>();
  std::shared_ptr<policy::WaitQueue> queue;  // null: no queue
  std::unique_ptr<Sticky> sticky;            // null: none
  std::unique_ptr<UpstreamLog> log = std::make_unique<UpstreamLog>();
};

struct PassUrl;

struct Site {
  uint64_t generation = 0;
  std::vector<std::unique_ptr<VirtualServer>> servers;
  std::vector<std::unique_ptr<ListenSite>> listens;
  std::vector<SiteCluster> clusters;
  std::unordered_map<std::string, int> cluster_by_name;
  std::unordered_set<std::string> tls_terms;           // TlsPeerContext::terms() of the locations
  std::string hostname;                                // $hostname
  uint32_t max_handshakes = UINT32_MAX;                // of TLS, under way in one worker
  size_t buffer_memory = BufferOptions::kUsualMemory;  // of all workers
  std::shared_ptr<observe::SpanQueue> spans;           // where spans go; null: nowhere

  // What a proxy_pass with variables names; -1: the configuration has no such upstream or address.
  int find_cluster(const PassUrl& url) const;
  const ListenSite* listen(const SocketAddress& address) const {
    for (const auto& l : listens)
      if (l->address == address) return l.get();
    return nullptr;
  }
};

}  // namespace weir::proxy
