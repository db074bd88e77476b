// The peers as the run has met them, and as they stand in the weir that serves.
#include "runtime/explain_peers.h"

#include <algorithm>

#include "runtime/explain_route.h"
#include "runtime/running_text.h"

namespace weir::runtime {
namespace {

using config::LocationModel;
using config::ServerModel;

const char* method_of(policy::Method method) {
  using policy::Method;
  switch (method) {
    case Method::kRoundRobin: return "round robin: the peers take turns";
    case Method::kIpHash: return "ip_hash: the client's address decides";
    case Method::kLeastConn: return "least_conn: the peer with the fewest requests in flight";
    case Method::kHash:
    case Method::kHashConsistent: return "hash: the key decides";
    case Method::kRandom:
    case Method::kRandomTwo: return "random";
    case Method::kLeastTimeHeader:
    case Method::kLeastTimeLastByte:
    case Method::kRandomTwoHeader:
    case Method::kRandomTwoLastByte: return "least_time: the fastest peer";
  }
  return "";
}

// Whom the run has come to; null: nobody was asked.
const proxy::SiteCluster* find_asked(const proxy::Site& site, const DryRun& run, const policy::Peer*& chosen) {
  if (run.sent.empty()) return nullptr;
  for (const proxy::SiteCluster& each : site.clusters) {
    for (const auto* peers : {&each.cluster->primaries(), &each.cluster->backups()})
      for (const policy::Peer& peer : *peers)
        if (peer.options.address == run.sent.back().peer) chosen = &peer;
    if (chosen != nullptr && !run.sent.back().bytes.empty()) return &each;
    chosen = nullptr;
  }
  return nullptr;
}
// Whom it would have asked, had there been a peer.
const proxy::SiteCluster* find_wanted(const proxy::Site& site, const ServerModel& server, const DryRun& run) {
  const LocationModel* location = run.location.empty() ? nullptr : find_location(server.locations, run.location);
  if (location == nullptr || !location->settings.pass || location->settings.pass->dynamic) return nullptr;
  if (location->settings.returns || !run.answer.starts_with("HTTP/1.1 50")) return nullptr;
  return &site.clusters[static_cast<size_t>(location->settings.pass->cluster)];
}

void tell_of_upstream(ExplainText& out, const proxy::SiteCluster& of) {
  const policy::Cluster& cluster = *of.cluster;
  const size_t count = cluster.primaries().size() + cluster.backups().size();
  out.line("upstream", cluster.name() + ", " + std::to_string(count) + (count == 1 ? " peer" : " peers"));
  out.more(method_of(cluster.method()) +
           std::string(of.sticky != nullptr ? "; sticky: a bound client keeps its peer" : ""));
}

std::string weight_of(const policy::Peer& peer) {
  return "weight " + std::to_string(peer.options.weight) + (peer.options.backup ? ", backup" : "");
}
void tell_of_chosen(ExplainText& out, const RunningFacts* running, const policy::Cluster& cluster,
                    const policy::Peer& chosen, const DryRun& run) {
  if (running == nullptr)
    return out.line("peer", chosen.options.name + ", " + weight_of(chosen) +
                                " (no state is known here: all that are not \"down\" count)");
  const std::string reason = why_out(*running, cluster.name(), chosen);
  out.line("peer", chosen.options.name + ", " + weight_of(chosen) + ", " + (reason.empty() ? "up" : reason) + ", " +
                       load_text(*running, cluster.name(), chosen));
  if (!run.asks_binding) return;
  const bool is_bound = std::find(run.bound.begin(), run.bound.end(), chosen.options.name) != run.bound.end();
  out.more(run.bound.empty() ? "the request is bound to no peer"
           : is_bound        ? "the request is bound to it"
                             : "the request is bound to " + run.bound.front() + ", which cannot be had");
}

void tell_of_other_peers(ExplainText& out, const RunningFacts& running, const policy::Cluster& cluster,
                         const policy::Peer* chosen, const DryRun& run) {
  size_t named = 0;
  for (const auto* peers : {&cluster.primaries(), &cluster.backups()})
    for (const policy::Peer& peer : *peers) {
      if (&peer == chosen || ++named > ExplainText::kMostOthers) continue;
      std::string why = why_out(running, cluster.name(), peer);
      if (why.empty()) why = why_not_chosen(cluster, peer, chosen, run);
      out.more("not " + peer.options.name + ", " + weight_of(peer) + ", " + load_text(running, cluster.name(), peer) +
               ": " + why);
    }
  out.rest(named);
}

}  // namespace

void tell_of_peers(ExplainText& out, const RunningFacts* running, const proxy::Site& site, const ServerModel& server,
                   const DryRun& run) {
  const policy::Peer* chosen = nullptr;
  if (const proxy::SiteCluster* asked = find_asked(site, run, chosen)) {
    tell_of_upstream(out, *asked);
    tell_of_chosen(out, running, *asked->cluster, *chosen, run);
    if (running != nullptr) tell_of_other_peers(out, *running, *asked->cluster, chosen, run);
    if (run.sent.back().tls) out.more("over TLS, asked for by the name \"" + run.sent.back().tls_name + "\"");
  } else if (const proxy::SiteCluster* wanted = running == nullptr ? nullptr : find_wanted(site, server, run)) {
    tell_of_upstream(out, *wanted);
    out.line("peer", "none can be had now");
    tell_of_other_peers(out, *running, *wanted->cluster, nullptr, run);
  }
  if (run.sent.empty()) return;
  if (!run.asked.empty()) out.line("upstream", run.asked + ", by the addresses that the \"resolver\" has");
  tell_of_head(out, "sent", run.sent.back().bytes);
}

void tell_of_head(ExplainText& out, std::string_view label, const std::string& bytes) {
  std::string_view head = std::string_view(bytes).substr(0, bytes.find("\r\n\r\n"));
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    out.line(first ? label : "", std::string(head.substr(0, end)));
    first = false;
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
  }
}

}  // namespace weir::runtime
