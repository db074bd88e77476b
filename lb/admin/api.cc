// The routes of the admin socket.
#include "admin/api.h"

#include <memory>
#include <utility>

#include "admin/json.h"
#include "admin/maintenance.h"
#include "admin/metrics_page.h"
#include "admin/peers.h"
#include "base/bytes.h"
#include "base/log.h"
#include "cache/zone.h"
#include "config/dump.h"
#include "observe/exposition.h"
#include "runtime/explain.h"
#include "runtime/reload.h"
#include "runtime/running_facts.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

constexpr size_t kMostKnown = 50;  // named in an error

AdminReply reply_of(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

AdminReply refusal(int status, std::string_view error, std::string_view name = {},
                   const std::vector<std::string>& more = {}) {
  return reply_of(status, error_json(error, name, more));
}

// A browser's form cannot send this type across origins without asking; nothing else is taken.
bool is_json(std::string_view content_type) {
  return iequals(trim_ows(content_type.substr(0, content_type.find(';'))), "application/json");
}

template <class Named>
std::vector<std::string> some(const std::vector<Named>& all, std::string (*name)(const Named&)) {
  std::vector<std::string> names;
  for (const Named& each : all)
    if (names.size() < kMostKnown) names.push_back(name(each));
  return names;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> upstream_names(const proxy::Site& site) {
  return some<proxy::SiteCluster>(site.clusters, [](const proxy::SiteCluster& each) { return each.cluster->name(); });
}

std::vector<std::string> peer_names(const policy::Cluster& cluster) {
  const auto name = [](const policy::Peer& peer) { return peer.options.name; };
  std::vector<std::string> names = some<policy::Peer>(cluster.primaries(), name);
  for (std::string& backup : some<policy::Peer>(cluster.backups(), name)) names.push_back(std::move(backup));
  return names;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

AdminApi::AdminApi(runtime::Runtime& runtime, runtime::Reload& reload, StartUpgrade start_upgrade)
    : runtime_(runtime),
      reload_(reload),
      start_upgrade_(std::move(start_upgrade)),
      changes_(runtime, reload),
      explaining_(runtime.loop, kMostExplained) {}

struct AdminApi::Route {
  std::string_view path;
  bool prefix;  // `path` begins it, and something follows
  void (AdminApi::*get)(Call&);
  void (AdminApi::*post)(Call&);
  bool with_body = true;  // POST only
};

const AdminApi::Route AdminApi::kRoutes[] = {
    {"/healthz", false, &AdminApi::healthz, nullptr},
    {"/metrics", false, &AdminApi::metrics, nullptr},
    {"/v1/status", false, &AdminApi::status, nullptr},
    {"/v1/upstreams", false, &AdminApi::upstreams, nullptr},
    {"/v1/upstreams/", true, &AdminApi::upstream, nullptr},
    {"/v1/peers/", true, &AdminApi::peer, &AdminApi::change_peer},
    {"/v1/certificates", false, &AdminApi::certificates, nullptr},
    {"/v1/maintenance", false, &AdminApi::maintenance, &AdminApi::change_maintenance},
    {"/v1/reload", false, nullptr, &AdminApi::reload, false},
    {"/v1/upgrade", false, nullptr, &AdminApi::upgrade, false},
    {"/v1/cache", false, &AdminApi::cache, nullptr},
    {"/v1/cache/purge", false, nullptr, &AdminApi::purge_cache},
    {"/v1/configuration", false, &AdminApi::configuration, nullptr},
    {"/v1/live", false, &AdminApi::live, nullptr},
    {"/v1/explain", false, nullptr, &AdminApi::explain},
};

void AdminApi::handle(const AdminRequest& request, Answer answer) {
  Call call{request, {}, std::move(answer)};
  const std::string_view path = request.path;
  for (const Route& route : kRoutes) {
    const bool found =
        route.prefix ? path.size() > route.path.size() && path.starts_with(route.path) : path == route.path;
    if (!found) continue;
    call.rest = path.substr(route.path.size());
    if (request.method == "GET" && route.get != nullptr) return (this->*route.get)(call);
    if (request.method != "POST" || route.post == nullptr) {
      AdminReply refused = refusal(405, "\"" + request.path + "\" takes no " + request.method);
      refused.allow = route.get == nullptr ? "POST" : route.post == nullptr ? "GET" : "GET, POST";
      return call.answer(std::move(refused));
    }
    if (runtime_.shutting_down) return call.answer(refusal(409, "weir is shutting down: nothing can be changed"));
    if (runtime_.handing_over)
      return call.answer(refusal(409, "an upgrade is under way: nothing can be changed for a moment"));
    if (route.with_body && !is_json(request.content_type))
      return call.answer(refusal(415, "the body must be application/json"));
    return (this->*route.post)(call);
  }
  call.answer(refusal(404, "there is no \"" + request.path + "\" here"));
}

void AdminApi::healthz(Call& call) {
  if (runtime_.shutting_down) return call.answer({503, "text/plain", "shutting down\n"});
  call.answer({200, "text/plain", "ok\n"});
}

void AdminApi::metrics(Call& call) {
  call.answer({200, std::string(observe::kExpositionType), metrics_page(runtime_, started_us_)});
}

void AdminApi::status(Call& call) {
  call.answer(reply_of(200, status_json(runtime_, PeerOverview(runtime_), started_us_)));
}

void AdminApi::certificates(Call& call) {
  call.answer(reply_of(200, certificates_json(runtime_)));
}

void AdminApi::upstreams(Call& call) {
  call.answer(reply_of(200, upstreams_json(PeerOverview(runtime_), runtime_, changes_)));
}

void AdminApi::upstream(Call& call) {
  const std::optional<std::string> name = percent_decoded(call.rest);
  if (!name) return call.answer(refusal(400, "a '%' in the path stands for nothing"));
  for (const proxy::SiteCluster& each : runtime_.site->clusters)
    if (each.cluster->name() == *name)
      return call.answer(reply_of(200, upstream_json(PeerOverview(runtime_), each, runtime_, changes_)));
  call.answer(refusal(404, "no upstream is named \"" + *name + "\"", "upstreams", upstream_names(*runtime_.site)));
}

// Answers itself where there is no such peer.
PeerPlace AdminApi::place_of(Call& call) {
  const std::optional<std::string> text = percent_decoded(call.rest);
  if (!text) return call.answer(refusal(400, "a '%' in the path stands for nothing")), PeerPlace{};
  const PeerPlace place = find_peer(*runtime_.site, *text);
  if (place.cluster == nullptr)
    call.answer(refusal(404, "no upstream has the peer \"" + *text + "\"; upstreams are listed", "upstreams",
                        upstream_names(*runtime_.site)));
  else if (place.peer == nullptr)
    call.answer(refusal(404,
                        "upstream \"" + place.cluster->cluster->name() + "\" has no peer \"" +
                            text->substr(std::min(text->size(), place.cluster->cluster->name().size() + 1)) + "\"",
                        "peers", peer_names(*place.cluster->cluster)));
  return place;
}

namespace {

AdminReply peer_reply(int status, const PeerOverview& overview, const std::string& upstream, const std::string& peer,
                      const runtime::Runtime& runtime, const AdminChanges& changes,
                      const std::vector<std::string>& warnings) {
  for (const PeerView& view : overview.all())
    if (view.cluster->cluster->name() == upstream && view.peer->options.name == peer)
      return reply_of(status, peer_json(view, runtime, changes, warnings));
  return refusal(404, "the peer is gone: the configuration has changed meanwhile");
}

}  // namespace

void AdminApi::peer(Call& call) {
  const PeerPlace place = place_of(call);
  if (place.peer == nullptr) return;
  call.answer(peer_reply(200, PeerOverview(runtime_), place.cluster->cluster->name(), place.peer->options.name,
                         runtime_, changes_, {}));
}

std::vector<std::string> AdminApi::warnings_about(const std::string& upstream) const {
  const PeerOverview overview(runtime_);
  const std::vector<const PeerView*> views = overview.of(upstream);
  for (const PeerView* view : views)
    if (view->takes_requests()) return {};
  return {"no peer of upstream \"" + upstream + "\" takes requests now"};
}

AdminChanges::OnDone AdminApi::reply_with_peer(const PeerPlace& place, Call& call, int status) {
  return [this, upstream = place.cluster->cluster->name(), peer = place.peer->options.name, status,
          answer = call.answer](const AdminChanges::Outcome& outcome) {
    if (!outcome.errors.empty())
      return answer(refusal(422, "kept, but not in force: the snapshot could not be built", "errors", outcome.errors));
    std::vector<std::string> warnings = warnings_about(upstream);
    if (!outcome.unsaved.empty()) warnings.push_back("it will not last over a restart: " + outcome.unsaved);
    answer(peer_reply(status, PeerOverview(runtime_), upstream, peer, runtime_, changes_, warnings));
  };
}

void AdminApi::change_peer(Call& call) {
  const PeerPlace place = place_of(call);
  if (place.peer == nullptr) return;
  Result<PeerChange> change = parse_peer_change(call.request.body);
  if (!change) return call.answer(refusal(400, change.error()));
  const AdminChanges::Author author{call.request.who, change->why};
  switch (change->action) {
    case PeerChange::Action::kUp: return changes_.up(place, author, reply_with_peer(place, call, 200));
    case PeerChange::Action::kDown: return changes_.down(place, author, reply_with_peer(place, call, 200));
    case PeerChange::Action::kWeight:
      return changes_.weigh(place, change->weight, author, reply_with_peer(place, call, 200));
    case PeerChange::Action::kReset: return changes_.reset(place, author, reply_with_peer(place, call, 200));
    case PeerChange::Action::kDrain: break;
  }
  const std::string& upstream = place.cluster->cluster->name();
  const runtime::PeerOverride* said = runtime_.overrides.peer(upstream, place.peer->options.name);
  if (said != nullptr && said->mode == runtime::PeerOverride::Mode::kDrained)
    return peer(call);  // there is nothing to wait for
  changes_.drain(place, change->drain, author, reply_with_peer(place, call, 202));
}

void AdminApi::maintenance(Call& call) {
  call.answer(reply_of(200, maintenance_json(runtime_)));
}

void AdminApi::change_maintenance(Call& call) {
  Result<MaintenanceChange> change = parse_maintenance_change(call.request.body);
  if (!change) return call.answer(refusal(400, change.error()));
  const auto where = find_maintenance(*runtime_.model, change->server, change->location);
  if (!where) return call.answer(refusal(404, where.error()));
  changes_.maintain(*where, change->on, {call.request.who, change->why},
                    [this, answer = call.answer](const AdminChanges::Outcome& outcome) {
                      if (!outcome.errors.empty())
                        return answer(refusal(422, "kept, but not in force: the snapshot could not be built", "errors",
                                              outcome.errors));
                      std::vector<std::string> warnings;
                      if (!outcome.unsaved.empty())
                        warnings.push_back("it will not last over a restart: " + outcome.unsaved);
                      answer(reply_of(200, maintenance_json(runtime_, warnings)));
                    });
}

void AdminApi::cache(Call& call) {
  call.answer(reply_of(200, caches_json(runtime_)));
}

void AdminApi::purge_cache(Call& call) {
  const Result<CachePurge> purge = parse_cache_purge(call.request.body);
  if (!purge) return call.answer(refusal(400, purge.error()));
  size_t count = 0;
  bool found = purge->zone.empty();
  std::vector<std::string> names;
  for (const auto& zone : runtime_.registry.caches()) {
    names.push_back(zone->name());
    if (!purge->zone.empty() && purge->zone != zone->name()) continue;
    found = true;
    count += zone->purge(purge->key);
  }
  if (!found) return call.answer(refusal(404, "no cache is named \"" + purge->zone + "\"", "caches", names));
  log::notice("cache: purged (", count, " answers of \"", purge->key, "\"",
              call.request.who.empty() ? "" : ", " + call.request.who, ")");
  call.answer(reply_of(200, purge_json(count)));
}

void AdminApi::reload(Call& call) {
  std::vector<runtime::Verification> verifications;
  if (!call.request.body.empty()) {
    if (!is_json(call.request.content_type)) return call.answer(refusal(415, "the body must be application/json"));
    Result<ReloadChange> change = parse_reload_change(call.request.body);
    if (!change) return call.answer(refusal(400, change.error()));
    verifications.push_back({change->verify, change->within});
  }
  log::notice("configuration: reload requested (admin socket", call.request.who.empty() ? "" : ", " + call.request.who,
              ")");
  reload_.request(
      [this, answer = call.answer](const std::vector<std::string>& errors) {
        answer(reply_of(errors.empty() ? 200 : 422, reload_json(runtime_, errors)));
      },
      std::move(verifications));
}

void AdminApi::upgrade(Call& call) {
  if (!call.request.body.empty() && !is_json(call.request.content_type))
    return call.answer(refusal(415, "the body must be application/json"));
  Result<UpgradeChange> change = parse_upgrade_change(call.request.body);
  if (!change) return call.answer(refusal(400, change.error()));
  if (!start_upgrade_) return call.answer(refusal(409, "this weir cannot be upgraded"));
  log::notice("weir: upgrade requested (admin socket", call.request.who.empty() ? "" : ", " + call.request.who, ")");
  start_upgrade_(*change, [this, answer = call.answer](const Result<pid_t>& successor) {
    successor ? answer(reply_of(200, upgrade_json(runtime_, *successor)))
              : answer(refusal(422, "upgrade failed: the running weir goes on serving", "errors",
                               lines_of(successor.error())));
  });
}

// On a thread of its own: the request may wait for a place, and nothing else has to wait for that.
void AdminApi::explain(Call& call) {
  Result<runtime::ExplainRequest> request = parse_explain_request(call.request.body);
  if (!request) return call.answer(refusal(400, request.error()));
  const auto text = std::make_shared<Result<std::string>>(std::string());
  const bool begins =
      explaining_.run([text, request = std::move(*request),
                       facts = runtime::running_facts(runtime_)] { *text = runtime::explain(facts, request); },
                      [text, answer = call.answer] {
                        answer(*text ? AdminReply{200, "text/plain", **text} : refusal(422, text->error()));
                      });
  if (!begins) call.answer(refusal(503, "too many requests are being explained"));
}

void AdminApi::live(Call& call) {
  call.answer(reply_of(200, live_.json()));
}

void AdminApi::configuration(Call& call) {
  call.answer({200, "text/plain", config::dump_effective(*runtime_.model, true)});
}

}  // namespace weir::admin
