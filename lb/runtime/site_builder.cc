// Clusters and listens of a snapshot; its virtual servers are in virtual_server.cc.
#include "runtime/site_builder.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/rng.h"
#include "base/system.h"
#include "io/tls_context.h"
#include "io/tls_peer_context.h"
#include "proxy/challenges.h"
#include "proxy/proxy_protocol_step.h"
#include "proxy/tls_step.h"
#include "runtime/virtual_server.h"

namespace weir::runtime {
namespace {

constexpr uint32_t kUnlimited = UINT32_MAX;

// 32 bytes of the kernel's entropy, as hex.
std::string make_secret() {
  std::string secret;
  for (int i = 0; i < 4; ++i) {
    char word[17];
    std::snprintf(word, sizeof word, "%016llx", static_cast<unsigned long long>(random_seed()));
    secret += word;
  }
  return secret;
}

std::string quoted_reason(const std::string& why) {
  return why.empty() ? "" : " (\"" + why + "\")";
}

// Servers of one address are one peer to weir, whose requests in flight are counted together: what each of them may
// take adds up. One without a limit lifts it.
void add_limits_of_equals(policy::ClusterOptions& options) {
  std::unordered_map<SocketAddress, std::vector<policy::PeerOptions*>> by_address;
  for (policy::PeerOptions& each : options.peers) by_address[each.address].push_back(&each);
  for (const auto& [address, equals] : by_address) {
    if (equals.size() < 2) continue;
    uint64_t sum = 0;
    const bool limited =
        std::all_of(equals.begin(), equals.end(), [](const auto* each) { return each->max_conns != 0; });
    for (const policy::PeerOptions* each : equals) sum += each->max_conns;
    for (policy::PeerOptions* each : equals)
      each->max_conns = limited ? static_cast<uint32_t>(std::min<uint64_t>(sum, UINT32_MAX)) : 0;
  }
}

class SiteBuilder {
 public:
  explicit SiteBuilder(const SiteInputs& inputs)
      : in_(inputs),
        logs_(inputs.log_writer),
        maintenance_(inputs.overrides),
        secret_(inputs.overrides.sticky_secret) {}

  BuiltSite build() {
    site_->generation = in_.generation;
    site_->hostname = host_name();
    site_->buffer_memory = in_.model.main.buffer_memory;
    if (in_.model.main.otel.is_on()) site_->spans = in_.registry.spans();
    for (const auto& context : in_.model.tls_to_peers)
      site_->tls_terms.insert(io::TlsPeerContext::in_force(context)->terms());
    for (const config::UpstreamModel& upstream : in_.model.upstreams) add_cluster(upstream);
    for (const config::ServerModel& server : in_.model.servers) {
      site_->servers.push_back(build_virtual_server(server, logs_, maintenance_, in_.registry, out_.errors));
      add_tls(server, site_->servers.back()->tls);
      add_challenge(*site_->servers.back());
      handshake_timeouts_[site_->servers.back().get()] = server.tls.options.handshake_timeout;
      for (const config::ListenModel& listen : server.listens) add_listen(server, listen, *site_->servers.back());
    }
    for (auto& listen : site_->listens) {
      if (listen->default_server == nullptr) listen->default_server = listen->servers.front();
      add_arrival(*listen);
      if (!in_.model.acme_certificates.empty()) listen->challenges = in_.registry.challenges();
    }
    add_handshakes();
    for (auto& listen : site_->listens)
      if (in_.arrival) in_.arrival(*listen);
    note_overrides();
    if (out_.errors.empty()) out_.site = std::move(site_);
    return std::move(out_);
  }

 private:
  void add_cluster(const config::UpstreamModel& model);
  void add_server(const config::UpstreamModel& model, const config::UpstreamServer& server, policy::ClusterOptions& to);
  void override_peers(const config::UpstreamModel& model, policy::ClusterOptions& options);
  std::unique_ptr<proxy::Sticky> make_sticky(const proxy::StickyOptions& options, const policy::Cluster& cluster);
  void add_arrival(proxy::ListenSite& listen);
  void add_listen(const config::ServerModel& server, const config::ListenModel& model,
                  const proxy::VirtualServer& virtual_server);
  void add_tls(const config::ServerModel& server, proxy::ServerTls& tls);
  void add_challenge(proxy::VirtualServer& server);
  void add_handshakes();
  void note_overrides();

  const SiteInputs& in_;
  AccessLogFiles logs_;
  MaintenanceSwitches maintenance_;
  std::string secret_;  // of sticky cookies without one of their own
  std::set<Overrides::PeerKey> overridden_;
  std::set<const proxy::ListenSite*> tls_listens_;
  std::map<const proxy::VirtualServer*, Millis> handshake_timeouts_;
  BuiltSite out_;
  std::shared_ptr<proxy::Site> site_ = std::make_shared<proxy::Site>();
};

void SiteBuilder::add_cluster(const config::UpstreamModel& model) {
  policy::ClusterOptions options;
  options.name = model.name;
  options.method = model.method;
  options.panic = model.panic;
  if (in_.model.main.nginx_defaults) {
    options.retry_budget_percent = 100;
    options.retry_budget_min = kUnlimited;
  }
  for (const config::UpstreamServer& server : model.servers) add_server(model, server, options);
  add_limits_of_equals(options);
  override_peers(model, options);
  std::vector<std::shared_ptr<policy::PeerState>> states;
  for (const policy::PeerOptions& peer : options.peers)
    states.push_back(in_.registry.peer(model.name, peer.address, peer.passive));
  const Registry::Shared shared =
      in_.registry.upstream(model.name, options.retry_budget_percent, options.retry_budget_min);
  if (!in_.model.main.nginx_defaults) options.start = shared.start;  // nginx begins at the first
  proxy::SiteCluster cluster;
  cluster.cluster = std::make_unique<policy::Cluster>(std::move(options), std::move(states));
  cluster.settings = model.settings;
  cluster.implicit = model.implicit;
  cluster.budget = shared.budget;
  cluster.inflight = shared.inflight;
  cluster.times = shared.times;
  if (model.settings.queue.most > 0) cluster.queue = in_.registry.queue(model.name, model.settings.queue);
  cluster.sticky = make_sticky(model.sticky, *cluster.cluster);
  site_->cluster_by_name.emplace(model.name, static_cast<int>(site_->clusters.size()));
  site_->clusters.push_back(std::move(cluster));
}

void SiteBuilder::add_server(const config::UpstreamModel& model, const config::UpstreamServer& server,
                             policy::ClusterOptions& to) {
  if (server.host.empty()) {
    to.peers.push_back(server.options);
    return;
  }
  const NameQuestion question = question_of(model, server);
  const auto resolved = in_.resolve(question);
  if (!resolved || resolved->empty()) {
    const std::string why = resolved ? "no address" : resolved.error().empty() ? "host not found" : resolved.error();
    const std::string text = "upstream \"" + model.name + "\": \"" + server.written + "\": " + why;
    // nginx asks for what has `resolve`, or stands in a proxy_pass with variables, when it runs.
    if (in_.model.main.nginx_defaults && !server.resolve) {
      out_.errors.push_back(server.position + ": error: " + text);
    } else {
      out_.warnings.push_back(server.position + ": warning: " + text + "; it has no peer until the name resolves");
      out_.unresolved.push_back(question.text());
    }
    return;
  }
  for (const io::ResolvedPeer& found : *resolved) {
    policy::PeerOptions peer = server.options;
    peer.address = found.address;
    peer.name = found.address.to_string();
    peer.server = server.written;
    if (found.weight != 0) peer.weight = found.weight;
    peer.backup = peer.backup || found.backup;
    to.peers.push_back(std::move(peer));
  }
}

void SiteBuilder::override_peers(const config::UpstreamModel& model, policy::ClusterOptions& options) {
  for (policy::PeerOptions& peer : options.peers) {
    const PeerOverride* said = in_.overrides.peer(model.name, peer.name);
    if (said == nullptr) continue;
    const auto contradict = [&](const std::string& configured, const std::string& instead) {
      std::string& text = out_.contradicted.emplace_back(model.position);
      text.append(": peer ").append(model.name).append("/").append(peer.name).append(": operator override \"");
      text.append(instead).append("\" in force over \"").append(configured).append("\" of the configuration");
      text.append(quoted_reason(said->why));
    };
    if (said->weight && *said->weight != peer.weight) {
      contradict("weight=" + std::to_string(peer.weight), "weight " + std::to_string(*said->weight));
      peer.weight = std::max(*said->weight, 1U);
    }
    if (said->mode == PeerOverride::Mode::kUp && (peer.down || peer.drain)) {
      contradict(peer.down ? "down" : "drain", "up");
      peer.down = peer.drain = false;
    }
    overridden_.emplace(model.name, peer.name);
  }
}

std::unique_ptr<proxy::Sticky> SiteBuilder::make_sticky(const proxy::StickyOptions& options,
                                                        const policy::Cluster& cluster) {
  using Kind = proxy::StickyOptions::Kind;
  if (options.kind == Kind::kNone) return nullptr;
  if (options.kind == Kind::kCookie && options.secret.empty() && secret_.empty())
    secret_ = out_.sticky_secret = make_secret();
  auto sticky = std::make_unique<proxy::Sticky>();
  sticky->options = options;
  sticky->bindings = std::make_unique<policy::Bindings>(cluster, options.secret.empty() ? secret_ : options.secret);
  if (options.kind == Kind::kLearn)
    sticky->sessions = in_.registry.sessions(options.zone, options.zone_bytes, options.timeout);
  return sticky;
}

void SiteBuilder::note_overrides() {
  maintenance_.note(out_);
  for (const auto& [key, said] : in_.overrides.peers)
    if (overridden_.count(key) == 0)
      out_.orphans.push_back("peer " + key.first + "/" + key.second + ": operator override kept unused (no such peer)" +
                             quoted_reason(said.why));
}

void SiteBuilder::add_listen(const config::ServerModel& server, const config::ListenModel& model,
                             const proxy::VirtualServer& virtual_server) {
  proxy::ListenSite* site = nullptr;
  for (auto& known : site_->listens)
    if (known->address == model.address) site = known.get();
  if (site == nullptr) {
    site_->listens.push_back(std::make_unique<proxy::ListenSite>());
    site = site_->listens.back().get();
    site->address = model.address;
  }
  if (model.ssl) tls_listens_.insert(site);
  if (model.default_server) {
    if (site->default_server != nullptr)
      out_.errors.push_back(model.position + ": error: a duplicate default server for " + model.address.to_string());
    site->default_server = &virtual_server;
  }
  const int index = static_cast<int>(site->servers.size());
  site->servers.push_back(&virtual_server);
  for (const std::string& name : server.names) {
    const Status<> added = site->hosts.add(name, index);
    if (added) continue;
    if (added.error().starts_with("conflicting"))
      out_.warnings.push_back(server.position + ": warning: " + added.error() + " on " + model.address.to_string() +
                              ", ignored");
    else
      out_.errors.push_back(server.position + ": error: " + added.error());
  }
}

// A PROXY header stands in front of everything else. It is read before the server is known: whom one of the listener's
// servers trusts may send it.
void SiteBuilder::add_arrival(proxy::ListenSite& listen) {
  bool wanted = false;
  std::vector<Cidr> trusted;
  for (const config::ServerModel& server : in_.model.servers) {
    for (const config::ListenModel& each : server.listens) {
      if (!(each.address == listen.address)) continue;
      wanted = wanted || each.proxy_protocol;
      const std::vector<Cidr>& of_server = server.settings.real_ip.trusted;
      trusted.insert(trusted.end(), of_server.begin(), of_server.end());
    }
  }
  if (wanted) listen.arrival.push_back(proxy::make_proxy_protocol_step(std::move(trusted)));
}

void SiteBuilder::add_tls(const config::ServerModel& server, proxy::ServerTls& tls) {
  const io::TlsOptions& options = server.tls.options;
  tls.verify = options.verify_client;
  tls.reject = options.reject_handshake;
  tls.context = server.tls_context;
  if (server.tls_context == nullptr) return;
  const bool caches = options.cache == io::TlsSessionCacheKind::kShared;
  server.tls_context->share(in_.registry.ticket_keys(),
                            caches ? in_.registry.tls_sessions(options.cache_zone, options.cache_bytes) : nullptr,
                            in_.registry.staples());
}

// A CA comes to whatever server has the name now: each of them can answer it, with nothing in the way.
void SiteBuilder::add_challenge(proxy::VirtualServer& server) {
  if (in_.model.acme_certificates.empty()) return;
  auto location = std::make_unique<proxy::Location>(server.fallback);
  location->returns.reset();
  location->pass.reset();
  location->filters.clear();
  location->error_pages.clear();
  location->add_headers.clear();
  location->internal = false;
  location->mirror = {};
  location->content = proxy::make_challenge_content(in_.registry.challenges());
  server.challenge = std::move(location);
}

// The handshake is the first thing on a connection, so the default server's time counts: no name is known yet.
void SiteBuilder::add_handshakes() {
  site_->max_handshakes = in_.model.main.worker_handshakes;
  for (auto& listen : site_->listens) {
    if (tls_listens_.count(listen.get()) == 0) continue;
    listen->arrival.push_back(std::make_unique<proxy::TlsStep>(*listen));
    listen->arrival_timeout = handshake_timeouts_[listen->default_server];
  }
}

}  // namespace

BuiltSite build_site(const SiteInputs& inputs) {
  return SiteBuilder(inputs).build();
}

void configure_peers(const proxy::Site& site, const Overrides& overrides) {
  for (const proxy::SiteCluster& each : site.clusters) {
    for (const policy::Peer& peer : each.cluster->primaries()) peer.state->passive.configure(peer.options.passive);
    for (const policy::Peer& peer : each.cluster->backups()) peer.state->passive.configure(peer.options.passive);
  }
  switch_peers(site, overrides);
}

void switch_peers(const proxy::Site& site, const Overrides& overrides) {
  using Mode = PeerOverride::Mode;
  for (const proxy::SiteCluster& each : site.clusters) {
    const auto set = [&](const policy::Peer& peer) {
      const PeerOverride* said = overrides.peer(each.cluster->name(), peer.options.name);
      const Mode mode = said == nullptr ? Mode::kNone : said->mode;
      peer.state->drain = mode == Mode::kDrain || mode == Mode::kDrained;
      peer.state->admin_down = mode == Mode::kDown || mode == Mode::kDrained;
    };
    for (const policy::Peer& peer : each.cluster->primaries()) set(peer);
    for (const policy::Peer& peer : each.cluster->backups()) set(peer);
  }
}

std::map<NameQuestion, bool> find_lost_names(const config::Model& model, const proxy::Site& site) {
  std::map<NameQuestion, bool> lost;
  for (const config::UpstreamModel& upstream : model.upstreams) {
    const auto found = site.cluster_by_name.find(upstream.name);
    if (found == site.cluster_by_name.end()) continue;
    const policy::Cluster& cluster = *site.clusters[static_cast<size_t>(found->second)].cluster;
    for (const config::UpstreamServer& server : upstream.servers) {
      if (!is_resolved_once(server)) continue;
      bool any = false, all = true;
      for (const auto* list : {&cluster.primaries(), &cluster.backups()}) {
        for (const policy::Peer& peer : *list) {
          if (peer.options.server != server.written) continue;
          any = true;
          all = all && (peer.state->unreachable.load(std::memory_order_relaxed) || peer.state->check_down);
        }
      }
      bool& of_name = lost[question_of(upstream, server)];
      of_name = of_name || (any && all);
    }
  }
  return lost;
}

std::vector<upstream::CheckedUpstream> checked_upstreams(const config::Model& model, const proxy::Site& site) {
  std::vector<upstream::CheckedUpstream> out;
  for (const config::UpstreamModel& upstream : model.upstreams) {
    const auto cluster = site.cluster_by_name.find(upstream.name);
    if (upstream.checks.empty() || cluster == site.cluster_by_name.end()) continue;
    upstream::CheckedUpstream& checked = out.emplace_back();
    checked.name = upstream.name;
    checked.checks = upstream.checks;
    for (upstream::CheckOptions& check : checked.checks) {
      if (check.host.empty()) check.host = upstream.name;
      check.tls = io::TlsPeerContext::in_force(check.tls);
    }
    const auto add = [&checked](const policy::Peer& peer) {
      // Out for good; with the operator's word it is in and `down` is not set here.
      if (peer.options.down) return;
      checked.peers.push_back({peer.options.address, peer.options.name, peer.state, peer.options.slow_start});
    };
    const policy::Cluster& peers = *site.clusters[static_cast<size_t>(cluster->second)].cluster;
    for (const policy::Peer& peer : peers.primaries()) add(peer);
    for (const policy::Peer& peer : peers.backups()) add(peer);
  }
  return out;
}

}  // namespace weir::runtime
