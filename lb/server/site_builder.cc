// Clusters and listens of a snapshot; its virtual servers are in virtual_server.cc.
#include "server/site_builder.h"

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "server/virtual_server.h"

namespace weir::server {
namespace {

constexpr uint32_t kUnlimited = UINT32_MAX;

class SiteBuilder {
 public:
  explicit SiteBuilder(const SiteInputs& inputs) : in_(inputs), logs_(inputs.log_writer) {}

  BuiltSite build() {
    site_->generation = in_.generation;
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0) site_->hostname = name;
    for (const config::UpstreamModel& upstream : in_.model.upstreams) add_cluster(upstream);
    for (const config::ServerModel& server : in_.model.servers) {
      site_->servers.push_back(build_virtual_server(server, logs_, out_.errors));
      for (const config::ListenModel& listen : server.listens) add_listen(server, listen, *site_->servers.back());
    }
    for (auto& listen : site_->listens)
      if (listen->default_server == nullptr) listen->default_server = listen->servers.front();
    if (out_.errors.empty()) out_.site = std::move(site_);
    return std::move(out_);
  }

 private:
  void add_cluster(const config::UpstreamModel& model);
  void add_server(const config::UpstreamModel& model, const config::UpstreamServer& server, policy::ClusterOptions& to);
  void add_listen(const config::ServerModel& server, const config::ListenModel& model,
                  const proxy::VirtualServer& virtual_server);

  const SiteInputs& in_;
  AccessLogFiles logs_;
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
  std::vector<std::shared_ptr<policy::PeerState>> states;
  for (const policy::PeerOptions& peer : options.peers)
    states.push_back(in_.registry.peer(model.name, peer.address, peer.passive));
  const Registry::Shared shared =
      in_.registry.upstream(model.name, options.retry_budget_percent, options.retry_budget_min);
  proxy::SiteCluster cluster;
  cluster.cluster = std::make_unique<policy::Cluster>(std::move(options), std::move(states));
  cluster.pool = model.pool;
  cluster.hash_key = model.hash_key;
  cluster.budget = shared.budget;
  cluster.inflight = shared.inflight;
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
    if (in_.model.main.nginx_defaults) {
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

}  // namespace

BuiltSite build_site(const SiteInputs& inputs) {
  return SiteBuilder(inputs).build();
}

void configure_peers(const proxy::Site& site) {
  for (const proxy::SiteCluster& each : site.clusters) {
    for (const policy::Peer& peer : each.cluster->primaries()) peer.state->passive.configure(peer.options.passive);
    for (const policy::Peer& peer : each.cluster->backups()) peer.state->passive.configure(peer.options.passive);
  }
}

}  // namespace weir::server
