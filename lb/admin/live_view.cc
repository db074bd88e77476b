#include "admin/live_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "admin/changes.h"
#include "admin/json.h"
#include "admin/peers.h"
#include "admin/totals.h"
#include "proxy/tls_step.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

using Json = nlohmann::ordered_json;
using observe::Counter;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool shows_status(const std::vector<config::LocationModel>& locations) {
  return std::any_of(locations.begin(), locations.end(), [](const config::LocationModel& each) {
    return each.settings.monitor == proxy::MonitorPage::kStatus || shows_status(each.nested);
  });
}

// Errors of a peer are its answers 5xx and its failures: a bad status that failed an attempt is counted as one.
Reading reading_of(const policy::PeerState& state) {
  const policy::PeerStats& stats = state.stats;
  Reading reading;
  reading.requests = stats.requests.load(std::memory_order_relaxed);
  reading.errors =
      std::max(stats.failures.load(std::memory_order_relaxed), stats.responses[4].load(std::memory_order_relaxed));
  state.times.each([&](const policy::AttemptTimes& times) { reading.times.add(times.header); });
  reading.load = state.inflight.load(std::memory_order_relaxed);
  return reading;
}

Json retries_of(const AdminTotals& totals) {
  Json retries = Json::object();
  for (int i = 0; i < kErrorKinds; ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    const uint64_t count = totals.retries(kind);
    if (count == 0 || traits(kind).side == Side::kClient) continue;
    Json& sum = retries[kind == ErrorKind::kNone ? "status" : std::string(traits(kind).reason)];
    sum = (sum.is_null() ? 0 : sum.get<uint64_t>()) + count;
  }
  return retries;
}

Json clients_of(const AdminTotals& totals) {
  return {{"connections", totals.connections()},
          {"connections_idle", totals.idle_connections()},
          {"connections_limit", totals.most_connections()},
          {"connections_accepted", totals.get(Counter::kConnectionsAccepted)},
          {"connections_refused", totals.get(Counter::kConnectionsRefused)},
          {"requests", totals.get(Counter::kRequests)},
          {"requests_rejected", totals.get(Counter::kRequestsRejected)},
          {"responses",
           {{"2xx", totals.get(Counter::kResponses2xx)},
            {"3xx", totals.get(Counter::kResponses3xx)},
            {"4xx", totals.get(Counter::kResponses4xx)},
            {"5xx", totals.get(Counter::kResponses5xx)}}},
          {"bytes_received", totals.get(Counter::kBytesReceived)},
          {"bytes_sent", totals.get(Counter::kBytesSent)},
          {"tls_handshakes", totals.get(Counter::kHandshakes)},
          {"tls_handshakes_resumed", totals.get(Counter::kHandshakesResumed)},
          {"tls_handshakes_failed", totals.get(Counter::kHandshakesFailed)},
          {"queued", totals.get(Counter::kQueued)},
          {"retries", totals.get(Counter::kUpstreamRetries)},
          {"p50_us", totals.request_time().quantile(0.5)},
          {"p99_us", totals.request_time().quantile(0.99)}};
}

Json loops_of(const runtime::Runtime& runtime) {
  Json loops = Json::array();
  if (runtime.watch == nullptr) return loops;
  for (const runtime::LoopWatch::Lag& lag : runtime.watch->lags())
    loops.push_back({{"loop", lag.loop},
                     {"p50_us", lag.sum.quantile(0.5)},
                     {"p99_us", lag.sum.quantile(0.99)},
                     {"most_us", lag.sum.quantile(1)}});
  return loops;
}

Json listeners_of(const proxy::Site& site) {
  Json all = Json::array();
  for (const auto& listen : site.listens) {
    Json names = Json::array();
    for (const proxy::VirtualServer* server : listen->servers) names.push_back(server->name);
    const bool tls = std::any_of(listen->arrival.begin(), listen->arrival.end(), [](const auto& step) {
      return dynamic_cast<const proxy::TlsStep*>(step.get()) != nullptr;
    });
    all.push_back({{"address", listen->address.to_string()}, {"tls", tls}, {"servers", std::move(names)}});
  }
  return all;
}

Json events_of(const EventList& events, uint64_t behind) {
  Json all = Json::array();
  for (const Event& event : events.all())
    if (event.number > behind)
      all.push_back({{"number", event.number},
                     {"at_ms", event.at_us / 1000},
                     {"tone", to_string(event.tone)},
                     {"object", event.object},
                     {"text", event.text}});
  return all;
}

// The member of that name of a text {"NAME":VALUE}.
std::string_view value_of(std::string_view text, std::string_view name) {
  text.remove_prefix(name.size() + 4);
  return text.substr(0, text.rfind('}'));
}

template <class Append>
std::string list(size_t count, Append append) {
  std::string out = "[";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append(out, i);
  }
  return out + "]";
}

}  // namespace

LiveView::LiveView(runtime::Runtime& runtime, const AdminChanges& changes, int64_t started_us)
    : runtime_(runtime), changes_(changes), started_us_(started_us) {}

void LiveView::start() {
  runtime_.loop.arm(deadline_, runtime_.loop.now() + kLookMs);
}

void LiveView::stop() {
  deadline_.cancel();
  send({}, true);
}

void LiveView::on_deadline(Deadline&) {
  const bool is_another = generation_ != 0 && runtime_.generation != generation_;
  if (is_wanted()) look(runtime_.loop.now());
  // Its readers have been told of the change; what they show is another configuration, and they hold its snapshot.
  if (is_another && !streams_.empty()) send({}, true);
  start();
}

bool LiveView::is_wanted() {
  if (runtime_.generation != generation_) {
    const auto& servers = runtime_.model->servers;
    has_page_ =
        std::any_of(servers.begin(), servers.end(), [](const auto& each) { return shows_status(each.locations); });
    generation_ = runtime_.generation;
  }
  const bool wanted = has_page_ || (asked_at_ != 0 && runtime_.loop.now() - asked_at_ < kKeptMs);
  if (!wanted && read_at_ != 0) {
    all_ = {};
    upstreams_.clear();
    peers_.clear();
    read_at_ = 0;
  }
  return wanted;
}

void LiveView::look(MonoMs now) {
  const PeerOverview overview(runtime_);
  const uint64_t before = events_.newest();
  std::vector<size_t> peers;
  events_.look(runtime_, overview, wall_us(), peers);
  if (std::exchange(seen_generation_, runtime_.generation) != runtime_.generation) peers.clear();  // other places
  const bool reads = read_at_ == 0 || now - read_at_ >= History::kIntervalMs;
  if (reads) {
    // Behind a pause the next points are where they would have been.
    read_at_ = read_at_ == 0 || now - read_at_ >= 2 * History::kIntervalMs ? now : read_at_ + History::kIntervalMs;
    read(overview);
  }
  std::erase_if(streams_, [](const Stream& each) { return !each.wanted->load(std::memory_order_relaxed); });
  if (streams_.empty()) return;
  if (runtime_.shutting_down) return send({}, true);
  std::string text;
  if (events_.newest() != before || !peers.empty()) text += change_text(overview, before, peers);
  if (reads) text += sample_text(overview);
  if (!text.empty()) send(text, false);
}

void LiveView::read(const PeerOverview& overview) {
  const AdminTotals totals(runtime_);
  all_.add({totals.get(Counter::kRequests), totals.get(Counter::kResponses5xx), totals.request_time(),
            totals.connections()});
  std::map<std::string, History> upstreams;
  std::map<PeerKey, History> peers;  // those that are gone stay behind
  std::map<const proxy::SiteCluster*, Reading> sums;
  for (const PeerView& view : overview.all()) {
    const std::string& upstream = view.cluster->cluster->name();
    const PeerKey key{upstream, view.peer->options.name};
    if (peers.contains(key)) continue;
    const Reading reading = reading_of(*view.peer->state);
    Reading& sum = sums[view.cluster];
    sum.requests += reading.requests;
    sum.errors += reading.errors;
    if (peers.size() >= kMostPeers) continue;
    History& history = peers[key];
    if (const auto known = peers_.find(key); known != peers_.end()) history = std::move(known->second);
    history.add(reading);
  }
  for (const proxy::SiteCluster& cluster : runtime_.site->clusters) {
    Reading& sum = sums[&cluster];
    cluster.times->each([&](const policy::UpstreamTimes& times) { sum.times.add(times.header); });
    sum.load = cluster.inflight->load(std::memory_order_relaxed);
    History& history = upstreams[cluster.cluster->name()];
    if (const auto known = upstreams_.find(cluster.cluster->name()); known != upstreams_.end())
      history = std::move(known->second);
    history.add(sum);
  }
  upstreams_ = std::move(upstreams);
  peers_ = std::move(peers);
}

std::string LiveView::json() {
  asked_at_ = runtime_.loop.now();
  if (read_at_ == 0) look(runtime_.loop.now());
  const PeerOverview overview(runtime_);
  const AdminTotals totals(runtime_);
  std::string status = status_json(runtime_, overview, started_us_);
  status.pop_back();
  std::string out = "{\"schema\":" + std::to_string(kSchema) + ",\"now_ms\":" + std::to_string(wall_us() / 1000) +
                    ",\"interval_ms\":" + std::to_string(History::kIntervalMs) +
                    ",\"points\":" + std::to_string(History::kPoints) + ",\"status\":" + status;
  out.append(",\"upstreams\":").append(value_of(upstreams_json(overview, runtime_, changes_), "upstreams"));
  out.append(",\"certificates\":").append(value_of(certificates_json(runtime_), "certificates"));
  out += ",\"clients\":" + text_of(clients_of(totals)) + ",\"retries\":" + text_of(retries_of(totals)) +
         ",\"loops\":" + text_of(loops_of(runtime_)) + ",\"listeners\":" + text_of(listeners_of(*runtime_.site)) +
         ",\"events\":" + text_of(events_of(events_, 0)) + ",\"history\":{\"all\":" + all_.json() + ",\"upstreams\":" +
         list(runtime_.site->clusters.size(),
              [&](std::string& to, size_t i) {
                const auto known = upstreams_.find(runtime_.site->clusters[i].cluster->name());
                to += known == upstreams_.end() ? "null" : known->second.json();
              }) +
         "},\"sample\":" + sample_text(overview).substr(sizeof("event: sample\ndata: ") - 1);
  while (out.ends_with('\n')) out.pop_back();
  return out + "}\n";
}

std::string LiveView::history_json(std::string_view upstream) {
  asked_at_ = runtime_.loop.now();
  const bool known = std::any_of(runtime_.site->clusters.begin(), runtime_.site->clusters.end(),
                                 [&](const proxy::SiteCluster& each) { return each.cluster->name() == upstream; });
  if (!known) return "null\n";
  constexpr size_t kManyPeers = 100, kFewPoints = 60;
  const auto begin = peers_.lower_bound({std::string(upstream), {}});
  auto end = begin;
  size_t count = 0;
  for (; end != peers_.end() && end->first.first == upstream; ++end) ++count;
  const size_t most = count > kManyPeers ? kFewPoints : History::kPoints;
  std::string out = "{\"points\":" + std::to_string(most) + ",\"peers\":{";
  for (auto at = begin; at != end; ++at)
    out.append(at == begin ? "" : ",")
        .append(text_of(Json(at->first.second)))
        .append(":")
        .append(at->second.json(most));
  return out + "}}\n";
}

// One line: event, data. Peers are in the order of json()'s.
std::string LiveView::sample_text(const PeerOverview& overview) const {
  const AdminTotals totals(runtime_);
  const auto& clusters = runtime_.site->clusters;
  return "event: sample\ndata: {\"t\":" + std::to_string(wall_us() / 1000) + ",\"all\":" + all_.newest_json() +
         ",\"retries\":" + std::to_string(totals.get(Counter::kUpstreamRetries)) + ",\"upstreams\":" +
         list(clusters.size(),
              [&](std::string& to, size_t i) {
                const auto known = upstreams_.find(clusters[i].cluster->name());
                to += known == upstreams_.end() ? "null" : known->second.newest_json();
              }) +
         ",\"waiting\":" +
         list(clusters.size(),
              [&](std::string& to, size_t i) {
                to += std::to_string(clusters[i].queue != nullptr ? clusters[i].queue->waiting() : 0);
              }) +
         ",\"peers\":" +
         list(overview.all().size(),
              [&](std::string& to, size_t i) {
                const PeerView& view = overview.all()[i];
                const auto known = peers_.find({view.cluster->cluster->name(), view.peer->options.name});
                to += known == peers_.end() ? "null" : known->second.newest_json();
              }) +
         "}\n\n";
}

std::string LiveView::change_text(const PeerOverview& overview, uint64_t behind,
                                  const std::vector<size_t>& peers) const {
  Json changed = Json::array();
  for (const size_t i : peers) {
    const PeerView& view = overview.all()[i];
    changed.push_back({i, to_string(view.condition), view.detail});
  }
  return "event: change\ndata: " + text_of({{"events", events_of(events_, behind)}, {"peers", std::move(changed)}}) +
         "\n\n";
}

bool LiveView::subscribe(proxy::MonitorAnswer answer, std::shared_ptr<std::atomic<bool>> wanted) {
  asked_at_ = runtime_.loop.now();
  if (generation_ == 0) (void)is_wanted();
  if (read_at_ == 0) look(runtime_.loop.now());  // what changes from now on is an event
  std::erase_if(streams_, [](const Stream& each) { return !each.wanted->load(std::memory_order_relaxed); });
  if (streams_.size() >= kMostStreams) return false;
  answer(
      {.type = "text/event-stream", .body = std::make_shared<const std::string>("retry: 1000\n\n"), .is_last = false});
  streams_.push_back({std::move(answer), std::move(wanted)});
  return true;
}

void LiveView::send(const std::string& text, bool is_last) {
  const auto body = std::make_shared<const std::string>(text);
  std::erase_if(streams_, [&](const Stream& each) { return !each.answer({.body = body, .is_last = is_last}); });
  if (is_last) streams_.clear();
}

}  // namespace weir::admin
