// Values to JSON. Durations are milliseconds, times ISO 8601 in UTC.
#include "admin/json.h"

#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "acme/service.h"
#include "admin/totals.h"
#include "cache/zone.h"
#include "http/date.h"
#include "runtime/certificate_watch.h"
#include "runtime/runtime.h"
#include "runtime/virtual_server.h"

namespace weir::admin {
namespace {

using Json = nlohmann::ordered_json;

// Names come from files: bytes that are no UTF-8 must not throw.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json time_of(int64_t wall_us) {
  if (wall_us == 0) return nullptr;
  http::DateText text;
  return std::string(http::time_iso8601(wall_us, 0, text));
}

const char* word_of(policy::HealthState::Standing standing) {
  switch (standing) {
    case policy::HealthState::Standing::kChecking: return "checking";
    case policy::HealthState::Standing::kUp: return "up";
    case policy::HealthState::Standing::kDown: return "down";
  }
  return "";
}

Json check_of(const upstream::ProbeReport& report, MonoMs now) {
  Json last = Json::array();
  for (const auto& result : report.last)
    last.push_back({{"at", time_of(result.wall_us)},
                    {"ago_ms", std::max<int64_t>(0, (wall_us() - result.wall_us) / 1000)},
                    {"passed", result.passed},
                    {"status", result.status},
                    {"micros", result.micros},
                    {"reason", result.reason}});
  return {{"check", report.check},
          {"standing", word_of(report.standing)},
          {"void", report.void_verdict},
          {"changed_ms_ago", report.changed_at == 0 ? Json() : Json(now - report.changed_at)},
          {"passed", report.passed},
          {"failed", report.failed},
          {"inconclusive", report.inconclusive},
          {"last", std::move(last)}};
}

Json drain_of(const DrainJob* job) {
  if (job == nullptr) return nullptr;
  return {{"phase", to_string(job->phase())},
          {"requests_left", job->requests_left()},
          {"tunnels_left", job->tunnels_left()},
          {"requests_finished", job->requests_finished()},
          {"tunnels_closed", job->tunnels_closed()},
          {"overdue", job->overdue()},
          {"elapsed_ms", job->elapsed().count()},
          {"summary", job->phase() == DrainJob::Phase::kDone ? Json(job->summary()) : Json()}};
}

Json override_of(const runtime::PeerOverride* said) {
  if (said == nullptr) return nullptr;
  return {{"mode", to_string(said->mode)},
          {"weight", said->weight ? Json(*said->weight) : Json()},
          {"why", said->why},
          {"since", time_of(said->since_us)}};
}

Json json_of(const PeerView& view, const runtime::Runtime& runtime, const AdminChanges& changes) {
  const policy::PeerOptions& options = view.peer->options;
  const policy::PeerState& state = *view.peer->state;
  const std::string& upstream = view.cluster->cluster->name();
  const policy::PeerOptions* configured = configured_peer(*runtime.model, upstream, options);
  Json responses;
  for (size_t i = 0; i < state.stats.responses.size(); ++i)
    responses[std::to_string(i + 1) + "xx"] = state.stats.responses[i].load(std::memory_order_relaxed);
  Json checks = Json::array();
  for (const upstream::ProbeReport* report : view.checks) checks.push_back(check_of(*report, runtime.loop.now()));
  return {{"peer", upstream + "/" + options.name},
          {"upstream", upstream},
          {"address", options.name},
          {"server", options.server},
          {"state", to_string(view.condition)},
          {"detail", view.detail},
          {"takes_requests", view.takes_requests()},
          {"backup", options.backup},
          {"weight", options.weight},
          {"configured_weight", configured != nullptr ? configured->weight : options.weight},
          {"max_conns", options.max_conns},
          {"inflight", state.inflight.load(std::memory_order_relaxed)},
          {"requests_in_flight", DrainJob::requests_in_flight(state)},
          {"tunnels", state.tunnels.load(std::memory_order_relaxed)},
          {"requests", state.stats.requests.load(std::memory_order_relaxed)},
          {"failures", state.stats.failures.load(std::memory_order_relaxed)},
          {"responses", std::move(responses)},
          {"ejections", state.stats.ejections.load(std::memory_order_relaxed)},
          {"ejected_ms", view.ejected_ms},
          {"header_time_us", state.stats.header_time.load(std::memory_order_relaxed)},
          {"last_byte_time_us", state.stats.last_byte_time.load(std::memory_order_relaxed)},
          {"override", override_of(view.said)},
          {"drain", drain_of(changes.drain_of(upstream, options.name))},
          {"checks", std::move(checks)}};
}

Json json_of(const proxy::SiteCluster& cluster, const runtime::Runtime& runtime) {
  bool implicit = false;
  for (const config::UpstreamModel& model : runtime.model->upstreams)
    if (model.name == cluster.cluster->name()) implicit = model.implicit;
  Json queue;
  if (cluster.queue != nullptr)
    queue = {{"most", cluster.settings.queue.most},
             {"timeout_ms", cluster.settings.queue.timeout.count()},
             {"waiting", cluster.queue->waiting()}};
  return {{"name", cluster.cluster->name()},
          {"implicit", implicit},
          {"inflight", cluster.inflight->load(std::memory_order_relaxed)},
          {"queue", std::move(queue)},
          {"peers", Json::array()}};
}

void add_maintenance(const std::string& server, const std::string& location, bool configured,
                     const runtime::Runtime& runtime, bool server_on, Json& to) {
  const runtime::MaintenanceOverride* said = runtime.overrides.maintenance_of(server, location);
  const bool on = said != nullptr ? said->on : configured;
  const bool own = runtime.overrides.maintenance.contains({server, location});
  if (!own && (location.empty() ? !on : on == server_on)) return;
  to.push_back({{"server", server},
                {"location", location},
                {"on", on},
                {"by", said != nullptr ? "operator" : "configuration"},
                {"why", said != nullptr ? said->why : ""},
                {"since", said != nullptr ? time_of(said->since_us) : Json()}});
}

void add_locations(const std::string& server, const std::vector<config::LocationModel>& locations,
                   const runtime::Runtime& runtime, bool server_on, Json& to) {
  for (const config::LocationModel& location : locations) {
    add_maintenance(server, location.pattern, location.settings.maintenance.on, runtime, server_on, to);
    add_locations(server, location.nested, runtime, server_on, to);
  }
}

// What is under maintenance, and what the operator said otherwise. A location only where it differs from its server.
Json maintenance_of(const runtime::Runtime& runtime) {
  Json all = Json::array();
  for (const config::ServerModel& server : runtime.model->servers) {
    const std::string name = runtime::server_label(server);
    const runtime::MaintenanceOverride* said = runtime.overrides.maintenance_of(name, "");
    const bool on = said != nullptr ? said->on : server.settings.maintenance.on;
    add_maintenance(name, "", server.settings.maintenance.on, runtime, false, all);
    add_locations(name, server.locations, runtime, on, all);
  }
  return all;
}

Json reloads_of(const runtime::Runtime& runtime) {
  return {{"ok", runtime.reloads.ok},
          {"unverified_in_force", runtime.reloads.unverified_in_force},
          {"at", time_of(runtime.reloads.at_us)},
          {"succeeded", runtime.reloads.succeeded},
          {"failed", runtime.reloads.failed}};
}

}  // namespace

std::string peer_json(const PeerView& view, const runtime::Runtime& runtime, const AdminChanges& changes,
                      const std::vector<std::string>& warnings) {
  return text_of({{"peer", json_of(view, runtime, changes)}, {"warnings", warnings}});
}

std::string upstream_json(const PeerOverview& overview, const proxy::SiteCluster& cluster,
                          const runtime::Runtime& runtime, const AdminChanges& changes) {
  Json out = json_of(cluster, runtime);
  for (const PeerView& view : overview.all())
    if (view.cluster == &cluster) out["peers"].push_back(json_of(view, runtime, changes));
  return text_of(out);
}

std::string upstreams_json(const PeerOverview& overview, const runtime::Runtime& runtime, const AdminChanges& changes) {
  Json upstreams = Json::array();
  for (const proxy::SiteCluster& cluster : runtime.site->clusters) upstreams.push_back(json_of(cluster, runtime));
  const proxy::SiteCluster* const first = runtime.site->clusters.data();
  for (const PeerView& view : overview.all())
    upstreams[static_cast<size_t>(view.cluster - first)]["peers"].push_back(json_of(view, runtime, changes));
  return text_of({{"upstreams", std::move(upstreams)}});
}

std::string maintenance_json(const runtime::Runtime& runtime, const std::vector<std::string>& warnings) {
  return text_of({{"maintenance", maintenance_of(runtime)}, {"warnings", warnings}});
}

std::string caches_json(const runtime::Runtime& runtime) {
  Json all = Json::array();
  for (const auto& zone : runtime.registry.caches()) {
    const cache::Zone::Totals totals = zone->totals();
    Json outcomes = Json::object();
    for (size_t i = 1; i < cache::kOutcomes; ++i) {
      const auto outcome = static_cast<cache::Outcome>(i);
      outcomes[std::string(to_string(outcome))] = zone->outcomes(outcome);
    }
    all.push_back({{"name", zone->name()},
                   {"answers", totals.answers},
                   {"bytes", totals.bytes},
                   {"loading", totals.is_loading},
                   {"evicted", totals.evicted},
                   {"purged", totals.purged},
                   {"outcomes", outcomes}});
  }
  return text_of({{"caches", all}});
}

std::string purge_json(size_t count) {
  return text_of({{"purged", count}});
}

std::string certificates_json(const runtime::Runtime& runtime) {
  Json all = Json::array();
  const int64_t now = wall_us() / 1'000'000;
  std::map<std::string, acme::CertificateStatus> automatic;  // by file
  for (acme::CertificateStatus& each : runtime.automatic_certificates->status()) automatic[each.file] = each;
  const auto note = [](Json& certificate, const acme::CertificateStatus& of) {
    certificate["state"] = acme::to_string(of.state);
    certificate["failures"] = of.failures;
    certificate["next_try"] = time_of(of.next_try * 1'000'000);
    certificate["error"] = of.error;
  };
  if (runtime.model != nullptr) {
    for (const io::CertificateFacts& each : runtime::certificates_of(*runtime.model)) {
      all.push_back({{"file", each.where},
                     {"names", each.names},
                     {"key", each.key},
                     {"serial", each.serial},
                     {"issuer", each.issuer},
                     {"not_before", each.not_before},
                     {"not_after", each.not_after},
                     {"days_left", (each.not_after - now) / 86'400}});
      if (const auto of = automatic.find(each.where); of != automatic.end()) {
        note(all.back(), of->second);
        automatic.erase(of);
      }
    }
  }
  for (const auto& [file, status] : automatic) {  // there is none yet
    all.push_back({{"file", file}, {"names", status.names}});
    note(all.back(), status);
  }
  return text_of({{"certificates", all}});
}

std::string status_json(runtime::Runtime& runtime, const PeerOverview& overview, int64_t started_us) {
  const AdminTotals totals(runtime);
  Json peers;
  for (int i = 0; i < kPeerConditions; ++i) peers[std::string(to_string(static_cast<PeerCondition>(i)))] = 0;
  uint64_t tunnels = 0;
  for (const PeerView& view : overview.all()) {
    Json& count = peers[std::string(to_string(view.condition))];
    count = count.get<uint64_t>() + 1;
    tunnels += view.peer->state->tunnels.load(std::memory_order_relaxed);
  }
  return text_of({{"version", WEIR_VERSION},
                  {"pid", ::getpid()},
                  {"config", runtime.line.config},
                  {"started", time_of(started_us)},
                  {"uptime_ms", (wall_us() - started_us) / 1000},
                  {"shutting_down", runtime.shutting_down},
                  {"generation", runtime.generation},
                  {"reloads", reloads_of(runtime)},
                  {"workers", runtime.workers.count()},
                  {"snapshots_live", totals.live_epochs()},
                  {"listens", runtime.site->listens.size()},
                  {"servers", runtime.site->servers.size()},
                  {"upstreams", runtime.site->clusters.size()},
                  {"peers", std::move(peers)},
                  {"probes", runtime.health->probes()},
                  {"connections", totals.connections()},
                  {"connections_limit", totals.most_connections()},
                  {"workers_full", totals.workers_full()},
                  {"connections_full", totals.get(observe::Counter::kConnectionsFull)},
                  {"connections_displaced",
                   totals.get(observe::Counter::kClientsDisplaced) + totals.get(observe::Counter::kUpstreamsDisplaced)},
                  {"tunnels", tunnels},
                  {"requests", totals.get(observe::Counter::kRequests)},
                  {"responses_5xx", totals.get(observe::Counter::kResponses5xx)},
                  {"log_lines_dropped", totals.log_lines_dropped()},
                  {"maintenance", maintenance_of(runtime)}});
}

std::string error_json(std::string_view error, std::string_view name, const std::vector<std::string>& more) {
  Json out = {{"error", error}};
  if (!name.empty()) out[std::string(name)] = more;
  return text_of(out);
}

std::string reload_json(const runtime::Runtime& runtime, const std::vector<std::string>& errors) {
  if (errors.empty())
    return text_of(
        {{"generation", runtime.generation}, {"changes", runtime.reloads.changes}, {"reloads", reloads_of(runtime)}});
  return text_of({{"error", runtime.reloads.unverified_in_force
                                ? "reload failed: the new configuration stays in force, and is not verified"
                                : "reload failed: the old configuration stays in force"},
                  {"errors", errors},
                  {"generation", runtime.generation},
                  {"reloads", reloads_of(runtime)}});
}

std::string upgrade_json(runtime::Runtime& runtime, pid_t successor) {
  const AdminTotals totals(runtime);
  return text_of({{"pid", successor}, {"before", ::getpid()}, {"connections", totals.connections()}});
}

}  // namespace weir::admin
