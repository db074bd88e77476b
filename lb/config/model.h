// What a configuration says, as plain values: the directive tables fill it, server/ builds the snapshot from it. Levels
// are already merged: every location holds its effective settings.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "acme/options.h"
#include "base/geo_file.h"
#include "base/log.h"
#include "base/sockaddr.h"
#include "config/tree.h"
#include "io/tls_faults.h"
#include "io/tls_options.h"
#include "observe/span.h"
#include "policy/cluster.h"
#include "proxy/location.h"
#include "proxy/site.h"
#include "upstream/check.h"
#include "upstream/options.h"

namespace weir::io {
class TlsContext;
class TlsPeerContext;
}  // namespace weir::io

namespace weir::config {

struct MainConfig {
  int worker_processes = 0;                                   // 0: auto (the cgroup's CPU quota, else the CPUs)
  uint32_t worker_connections = 0;                            // 0: from the fd limit less a reserve
  uint32_t worker_handshakes = 1024;                          // of TLS, under way at once
  size_t buffer_memory = proxy::BufferOptions::kUsualMemory;  // proxy_buffers_memory: of all workers
  uint64_t rlimit_nofile = 0;                                 // 0: soft limit raised to the hard one
  Millis shutdown_timeout{0};                                 // of QUIT; 0: none
  std::vector<LogTarget> error_logs;
  std::string pid = "/run/weir.pid";
  bool daemon = false;
  std::string user;  // empty: as started
  std::string group;
  bool nginx_defaults = false;
  // The unix socket of `weir ctl` and of the metrics page. Empty: beside the pid file ("/run/weir.pid":
  // "/run/weir.sock"); "off": none.
  std::string admin;
  // Where what the operator said at run time survives a restart. Empty: beside the pid file ("/run/weir.state"); "off".
  std::string state_file;
  acme::AcmeOptions acme;  // of ssl_certificate_auto
  observe::SpanExport otel;
};

// resolver ADDRESS ... [valid=TIME] [ipv4=off] [ipv6=off]; resolver_timeout.
struct ResolverOptions {
  std::vector<std::string> servers;  // "10.0.0.2:53"; empty: the system's
  Millis valid{0};                   // how long an answer holds; 0: its TTL
  bool ipv4 = true, ipv6 = true;
  Millis timeout{30'000};
  bool operator==(const ResolverOptions&) const = default;
  // Whether a `resolver` says so.
  bool is_set() const { return !servers.empty() || valid.count() != 0 || !ipv4 || !ipv6; }
};

// server ADDRESS in upstream{}, before names are resolved.
struct UpstreamServer {
  std::string written;  // "app.example:13000", "10.0.0.1", "unix:/run/app.sock"
  std::string host;     // a DNS name; empty when `options.address` is known already
  uint16_t port = 80;
  bool resolve = false;         // asked for again when the answer has run out
  std::string service;          // SRV: "_http._tcp.host" is asked for; "http" stands for "_http._tcp"
  policy::PeerOptions options;  // address, name and server are final for literal addresses
  std::string position;         // file:line:col, for warnings
};

struct UpstreamModel {
  std::string name;
  bool implicit = false;  // made of a proxy_pass to an address or a name
  policy::Method method = policy::Method::kRoundRobin;
  std::vector<UpstreamServer> servers;
  proxy::ClusterSettings settings;
  bool panic = true;
  std::vector<upstream::CheckOptions> checks;  // of the upstream{} and of the locations that pass to it
  proxy::StickyOptions sticky;
  ResolverOptions resolver;
  std::string position;
};

// ssl_*. `options` is whole once the server{} has been read: certificates and their keys stand in lists of their own.
struct TlsModel {
  io::TlsOptions options;
  std::vector<std::string> certificates, keys;
  // Instead of those: one that weir signs itself, or that comes by ACME; for these names, or else the server's.
  enum class Own : uint8_t { kNone, kSelfSigned, kAutomatic };
  Own own = Own::kNone;
  std::vector<std::string> own_names;
  bool has_certificate() const { return own != Own::kNone || !certificates.empty(); }
  std::map<std::pair<io::TlsFault::Setting, size_t>, Position> written;  // where a fault is to be shown
};

struct ListenModel {
  SocketAddress address;  // wildcard addresses as 0.0.0.0 and ::
  std::string written;
  bool default_server = false;
  bool proxy_protocol = false;
  bool ssl = false;
  int backlog = 0;  // 0: weir's
  bool ipv6_only = true;
  bool so_keepalive = false;
  int keep_idle = 0, keep_interval = 0, keep_count = 0;  // seconds, seconds, questions; 0: the system's
  int receive_buffer = 0, send_buffer = 0;
  bool deferred = false;
  int fast_open = 0;
  std::string position;
  Position at;
};

struct LocationModel {
  route::LocationKind kind = route::LocationKind::kPrefix;
  std::string pattern;
  proxy::Location settings;  // settings.pass->cluster indexes Model::upstreams; access_logs' files are not yet opened
  std::vector<LocationModel> nested;
  ResolverOptions resolver;  // for the dump: upstreams made of names have their own copy
  std::string position;
};

struct ServerModel {
  std::vector<ListenModel> listens;  // never empty: nginx's default is *:80 (root) or *:8000
  std::vector<std::string> names;    // never empty: {""}
  proxy::ServerSettings server;
  TlsModel tls;
  std::shared_ptr<io::TlsContext> tls_context;  // null: it has no certificate, or no listener that speaks TLS
  proxy::Location settings;                     // where no location matches
  ResolverOptions resolver;                     // for the dump
  std::vector<LocationModel> locations;
  std::string position;
  Position at;
};

struct Model {
  MainConfig main;
  bool has_http = false;
  std::vector<std::shared_ptr<const upstream::Match>> matches;
  std::vector<UpstreamModel> upstreams;
  std::vector<ServerModel> servers;
  std::vector<std::shared_ptr<io::TlsPeerContext>> tls_to_peers;  // of the locations, each once
  std::vector<std::shared_ptr<const filter::LimitZone>> request_zones, connection_zones;
  std::vector<std::shared_ptr<const cache::ZoneOptions>> cache_zones;
  std::vector<std::shared_ptr<GeoFile>> geo_files;       // of geoip2{}: those that are looked at again
  std::vector<acme::AcmeCertificate> acme_certificates;  // of all servers, each once
};

}  // namespace weir::config
