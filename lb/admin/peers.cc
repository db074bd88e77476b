// The word for a peer, by order of what an operator has to know first.
#include "admin/peers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "config/model.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

using Mode = runtime::PeerOverride::Mode;

std::string with_why(std::string text, const runtime::PeerOverride* said) {
  return said != nullptr && !said->why.empty() ? text + ": " + said->why : text;
}

std::string check_reason(const PeerView& view) {
  for (const upstream::ProbeReport* check : view.checks) {
    if (check->void_verdict || check->standing == policy::HealthState::Standing::kUp) continue;
    for (const upstream::ProbeReport::Result& result : check->last)
      if (!result.passed) return result.reason;
    return "not checked yet";
  }
  return {};
}

void describe_up(PeerView& view, MonoMs now) {
  const policy::PeerOptions& options = view.peer->options;
  const MonoMs ramp_from = view.peer->state->ramp_from.load(std::memory_order_relaxed);
  if (options.slow_start.count() > 0 && ramp_from != 0 && now - ramp_from < options.slow_start.count()) {
    view.ramping = true;
    view.detail = "slow start, " + std::to_string((now - ramp_from) * 100 / options.slow_start.count()) + " %";
  } else if (view.peer->full()) {
    view.detail = "at max_conns";
  } else if (view.said != nullptr && view.said->mode == Mode::kUp) {
    view.detail = "by hand";
  }
}

void describe(PeerView& view, MonoMs now) {
  const policy::PeerState& state = *view.peer->state;
  const Mode mode = view.said != nullptr ? view.said->mode : Mode::kNone;
  const auto is = [&](PeerCondition condition, std::string detail) {
    view.condition = condition;
    view.detail = std::move(detail);
  };
  const bool ejected = state.passive.ejected_until() != 0;
  if (ejected) view.ejected_ms = std::max<int64_t>(0, state.passive.ejected_until() - now);
  if (mode == Mode::kDown) return is(PeerCondition::kDown, with_why("by hand", view.said));
  if (mode == Mode::kDrained) return is(PeerCondition::kDrained, with_why("by hand", view.said));
  if (view.peer->options.down) return is(PeerCondition::kDown, "by configuration");
  if (mode == Mode::kDrain) return is(PeerCondition::kDraining, with_why("by hand", view.said));
  if (state.check_down.load()) return is(PeerCondition::kUnhealthy, check_reason(view));
  if (view.peer->options.drain) return is(PeerCondition::kDraining, "by configuration");
  if (ejected && view.ejected_ms == 0) return is(PeerCondition::kEjected, "the next request decides");
  if (ejected) return is(PeerCondition::kEjected, std::to_string((view.ejected_ms + 999) / 1000) + " s left");
  describe_up(view, now);
}

}  // namespace

std::string_view to_string(PeerCondition condition) {
  switch (condition) {
    case PeerCondition::kUp: return "up";
    case PeerCondition::kEjected: return "ejected";
    case PeerCondition::kUnhealthy: return "unhealthy";
    case PeerCondition::kDraining: return "draining";
    case PeerCondition::kDrained: return "drained";
    case PeerCondition::kDown: return "down";
  }
  return {};
}

PeerOverview::PeerOverview(const runtime::Runtime& runtime)
    : PeerOverview(*runtime.site, runtime.overrides, runtime.health->report(), runtime.loop.now()) {}

PeerOverview::PeerOverview(const proxy::Site& site, const runtime::Overrides& overrides,
                           std::vector<upstream::ProbeReport> reports, MonoMs now)
    : reports_(std::move(reports)) {
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const upstream::ProbeReport*>> checks;
  for (const upstream::ProbeReport& report : reports_) checks[{report.upstream, report.peer}].push_back(&report);
  for (const proxy::SiteCluster& cluster : site.clusters) {
    for (const auto* peers : {&cluster.cluster->primaries(), &cluster.cluster->backups()}) {
      for (const policy::Peer& peer : *peers) {
        PeerView view{.cluster = &cluster, .peer = &peer, .detail = {}, .checks = {}};
        view.said = overrides.peer(cluster.cluster->name(), peer.options.name);
        const auto known = checks.find({cluster.cluster->name(), peer.options.name});
        if (known != checks.end()) view.checks = known->second;
        describe(view, now);
        all_.push_back(std::move(view));
      }
    }
  }
}

std::vector<const PeerView*> PeerOverview::of(std::string_view upstream) const {
  std::vector<const PeerView*> found;
  for (const PeerView& view : all_)
    if (view.cluster->cluster->name() == upstream) found.push_back(&view);
  return found;
}

const policy::Peer* find_peer_in(const policy::Cluster& cluster, std::string_view name) {
  const policy::Peer* by_server = nullptr;
  bool shared = false;
  for (const auto* peers : {&cluster.primaries(), &cluster.backups()}) {
    for (const policy::Peer& peer : *peers) {
      if (peer.options.name == name) return &peer;
      if (peer.options.server != name) continue;
      shared = by_server != nullptr;
      by_server = &peer;
    }
  }
  return shared ? nullptr : by_server;
}

PeerPlace find_peer(const proxy::Site& site, std::string_view text) {
  PeerPlace place;
  for (const proxy::SiteCluster& cluster : site.clusters) {
    const std::string& name = cluster.cluster->name();
    if (!text.starts_with(name)) continue;
    const std::string_view rest = text.substr(name.size());
    if (!rest.empty() && rest.front() != '/') continue;
    const policy::Peer* peer = rest.empty() ? nullptr : find_peer_in(*cluster.cluster, rest.substr(1));
    if (place.cluster == nullptr || peer != nullptr) place = {&cluster, peer};
    if (peer != nullptr) break;
  }
  return place;
}

const policy::PeerOptions* configured_peer(const config::Model& model, const std::string& upstream,
                                           const policy::PeerOptions& peer) {
  for (const config::UpstreamModel& each : model.upstreams) {
    if (each.name != upstream) continue;
    for (const config::UpstreamServer& server : each.servers) {
      const bool literal = server.host.empty();
      if (literal ? server.options.name == peer.name : server.written == peer.server) return &server.options;
    }
  }
  return nullptr;
}

}  // namespace weir::admin
