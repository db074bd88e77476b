// Families by subject: the process, clients, responses, upstreams, peers, checks. Names follow Prometheus' rules: base
// units, counters end in _total.
#include "admin/metrics_page.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "acme/service.h"
#include "admin/peers.h"
#include "admin/totals.h"
#include "cache/zone.h"
#include "observe/exposition.h"
#include "runtime/certificate_watch.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

using observe::Counter;
using observe::Exposition;

#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

// In microseconds. A series each: few of a peer, of which there may be a thousand.
constexpr std::array<int64_t, 18> kBounds = [] {
  std::array<int64_t, 18> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = int64_t{512} << i;  // 0.5 ms to 67 s
  return bounds;
}();
constexpr std::array<int64_t, 9> kPeerBounds = [] {
  std::array<int64_t, 9> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = int64_t{1024} << (2 * i);  // 1 ms to 67 s
  return bounds;
}();
constexpr std::array<int64_t, 10> kLagBounds = {64,     256,     1'024,     4'096,     16'384,
                                                65'536, 262'144, 1'048'576, 4'194'304, 16'777'216};
// A page has the histograms of that many peers; of the others, those of their upstreams.
constexpr size_t kMostPeerHistograms = 256;

constexpr std::array<std::string_view, 5> kClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};

void process(Exposition& page, runtime::Runtime& runtime, const AdminTotals& totals, int64_t started_us) {
  page.gauge("weir_build_info", "Version and compiler; always 1.")
      .sample(1, {{"version", WEIR_VERSION}, {"compiler", kCompiler}});
  page.gauge("process_start_time_seconds", "When this process began to serve, Unix time.").seconds(started_us);
  page.gauge("weir_shutting_down", "1 after SIGQUIT, while connections finish.").sample(runtime.shutting_down ? 1 : 0);
  page.gauge("weir_workers", "Worker threads that accept connections.").sample(runtime.workers.count());
  page.gauge("weir_generation", "The number of the snapshot in force.").sample(runtime.generation);
  page.gauge("weir_snapshots_live", "Snapshots in use, summed over workers: one each when all is quiet.")
      .sample(totals.live_epochs());
  page.counter("weir_reloads_total", "Reloads by result.")
      .sample(runtime.reloads.succeeded, {{"result", "ok"}})
      .sample(runtime.reloads.failed, {{"result", "failed"}});
  page.gauge("weir_reload_last_ok", "Whether the last reload succeeded; 1 before the first.")
      .sample(runtime.reloads.ok ? 1 : 0);
  page.gauge("weir_reload_last_time_seconds", "When the last reload ended, Unix time; 0 before the first.")
      .seconds(runtime.reloads.at_us);
  page.counter("weir_log_lines_dropped_total", "Log lines lost to a full disk or a stalled reader.")
      .sample(totals.log_lines_dropped());
  const runtime::StateWriter::Counts state = runtime.state_writer->counts();
  page.counter("weir_state_file_writes_total", "Times that the state file was to be written, by how it ended.")
      .sample(state.written, {{"result", "ok"}})
      .sample(state.failed, {{"result", "failed"}});
  page.gauge("weir_state_file_pending",
             "1 while the state file is not written yet: longer than a moment is a disk "
             "that hangs.")
      .sample(state.pending ? 1 : 0);
  page.counter("weir_loop_stalls_total", "Times that an event loop did not turn for 5 s.")
      .sample(runtime.watch != nullptr ? runtime.watch->stalls() : 0);
  page.counter("weir_internal_errors_total", "Unlisted transitions of a state machine: each is a bug in weir.")
      .sample(totals.get(Counter::kStateErrors));
}

void loops(Exposition& page, const runtime::Runtime& runtime) {
  if (runtime.watch == nullptr) return;
  page.histogram("weir_loop_lag_seconds", "How long a message to an event loop waited for its turn, one a second.");
  for (const runtime::LoopWatch::Lag& lag : runtime.watch->lags())
    page.durations(lag.sum, kLagBounds, {{"loop", lag.loop}});
}

void spans(Exposition& page, const runtime::Runtime& runtime) {
  if (runtime.model == nullptr || !runtime.model->main.otel.is_on()) return;
  const runtime::SpanExporter::Counts counts = runtime.spans.counts();
  page.counter("weir_otel_spans_total", "Spans of otel_trace: sent, dropped as too many waited, or lost on their way.")
      .sample(counts.sent, {{"result", "sent"}})
      .sample(counts.dropped, {{"result", "dropped"}})
      .sample(counts.failed, {{"result", "failed"}});
  page.gauge("weir_otel_spans_waiting", "Spans that wait to be sent.").sample(counts.waiting);
}

void certificates(Exposition& page, const runtime::Runtime& runtime) {
  if (runtime.model == nullptr) return;
  page.gauge("weir_certificate_expiry_seconds", "When a certificate runs out, Unix time.");
  for (const io::CertificateFacts& each : runtime::certificates_of(*runtime.model))
    page.sample(each.not_after, {{"file", each.where}, {"serial", each.serial}, {"subject", each.subject}});
}

void automatic_certificates(Exposition& page, const runtime::Runtime& runtime) {
  const acme::Service& service = *runtime.automatic_certificates;
  const std::vector<acme::CertificateStatus> all = service.status();
  if (all.empty()) return;
  page.counter("weir_acme_orders_total", "Certificates ordered by ACME, by how it ended.")
      .sample(service.issued(), {{"result", "issued"}})
      .sample(service.failed(), {{"result", "failed"}});
  // Certificates of other names may have the first in common.
  page.gauge("weir_acme_failures", "Orders of a certificate that failed in a row.");
  for (const acme::CertificateStatus& each : all)
    page.sample(each.failures, {{"certificate", each.names.front()}, {"file", each.file}});
  page.gauge("weir_acme_next_try_seconds", "When a certificate is ordered or renewed next, Unix time.");
  for (const acme::CertificateStatus& each : all)
    page.sample(each.next_try, {{"certificate", each.names.front()}, {"file", each.file}});
}

// While a cache moves to another directory there are two of its name: they count as one.
struct CacheSum {
  uint64_t outcomes[cache::kOutcomes] = {};
  uint64_t answers = 0, evicted = 0;
  int64_t bytes = 0;
};

void caches(Exposition& page, const runtime::Runtime& runtime) {
  std::map<std::string, CacheSum> all;
  for (const auto& zone : runtime.registry.caches()) {
    CacheSum& sum = all[zone->name()];
    const cache::Zone::Totals totals = zone->totals();
    sum.answers += totals.answers;
    sum.evicted += totals.evicted;
    sum.bytes += totals.bytes;
    for (size_t i = 0; i < cache::kOutcomes; ++i) sum.outcomes[i] += zone->outcomes(static_cast<cache::Outcome>(i));
  }
  if (all.empty()) return;
  page.counter("weir_cache_requests_total", "Requests of locations with a cache, by its $upstream_cache_status.");
  for (const auto& [name, sum] : all)
    for (size_t i = 1; i < cache::kOutcomes; ++i)
      page.sample(sum.outcomes[i], {{"zone", name}, {"status", to_string(static_cast<cache::Outcome>(i))}});
  page.gauge("weir_cache_answers", "Answers that a cache holds.");
  for (const auto& [name, sum] : all) page.sample(sum.answers, {{"zone", name}});
  page.gauge("weir_cache_bytes", "What their files take on the disk.");
  for (const auto& [name, sum] : all) page.sample(sum.bytes, {{"zone", name}});
  page.counter("weir_cache_evicted_total", "Answers that were old, or had to go for others.");
  for (const auto& [name, sum] : all) page.sample(sum.evicted, {{"zone", name}});
}

void clients(Exposition& page, const AdminTotals& totals) {
  page.gauge("weir_connections", "Client connections that are open.").sample(totals.connections());
  page.gauge("weir_connections_limit", "worker_connections of all workers: clients and upstream connections together.")
      .sample(totals.most_connections());
  page.gauge("weir_workers_full", "Workers that have paused accepting: every connection is in use, none is idle.")
      .sample(totals.workers_full());
  page.counter("weir_connections_full_total",
               "How often a worker stopped to accept: every connection in use, none idle.")
      .sample(totals.get(Counter::kConnectionsFull));
  page.counter("weir_connections_displaced_total", "Idle connections closed for a new one at worker_connections.")
      .sample(totals.get(Counter::kClientsDisplaced), {{"side", "client"}})
      .sample(totals.get(Counter::kUpstreamsDisplaced), {{"side", "upstream"}});
  page.counter("weir_connections_accepted_total", "Client connections accepted.")
      .sample(totals.get(Counter::kConnectionsAccepted));
  page.counter("weir_connections_refused_total", "Client connections closed at once: worker_connections are in use.")
      .sample(totals.get(Counter::kConnectionsRefused));
  page.counter("weir_proxy_headers_total", "Connections that began with a PROXY header, by its version.")
      .sample(totals.get(Counter::kProxyHeadersV1), {{"version", "1"}})
      .sample(totals.get(Counter::kProxyHeadersV2), {{"version", "2"}});
  page.counter("weir_tls_handshakes_total", "TLS handshakes of clients that were completed.")
      .sample(totals.get(Counter::kHandshakes));
  page.counter("weir_tls_versions_total", "Those by the version that was agreed on.")
      .sample(totals.get(Counter::kHandshakesTls12), {{"version", "TLSv1.2"}})
      .sample(totals.get(Counter::kHandshakesTls13), {{"version", "TLSv1.3"}});
  page.counter("weir_tls_handshakes_resumed_total", "Those that went on with a session the client had.")
      .sample(totals.get(Counter::kHandshakesResumed));
  page.counter("weir_tls_handshakes_failed_total", "TLS handshakes that failed or were rejected.")
      .sample(totals.get(Counter::kHandshakesFailed));
  page.counter("weir_tls_handshakes_refused_total", "TLS handshakes refused: worker_handshakes are under way.")
      .sample(totals.get(Counter::kHandshakesRefused));
  page.counter("weir_upstream_tls_handshakes_total", "TLS handshakes with peers that were completed.")
      .sample(totals.get(Counter::kUpstreamHandshakes));
  page.counter("weir_upstream_tls_handshakes_resumed_total", "Those that went on with a session the peer had given.")
      .sample(totals.get(Counter::kUpstreamHandshakesResumed));
  page.counter("weir_upstream_tls_handshakes_failed_total",
               "TLS handshakes with peers that failed, unverified ones too.")
      .sample(totals.get(Counter::kUpstreamHandshakesFailed));
  page.gauge("weir_buffered_bytes", "Memory of bytes that wait in weir for slow clients and peers.")
      .sample(totals.buffered());
  page.gauge("weir_buffers_memory_bytes", "So much may wait so: proxy_buffers_memory, in the shares of the workers.")
      .sample(totals.buffer_memory());
  page.counter("weir_buffers_full_total", "How often a peer had to wait because proxy_buffers_memory was taken.")
      .sample(totals.get(Counter::kBuffersFull));
  page.counter("weir_received_bytes_total", "Bytes of requests from clients.")
      .sample(totals.get(Counter::kBytesReceived));
  page.counter("weir_sent_bytes_total", "Bytes of responses to clients.").sample(totals.get(Counter::kBytesSent));
  page.counter("weir_requests_total", "Requests that had a head.").sample(totals.get(Counter::kRequests));
  page.counter("weir_protocol_requests_total", "Those by the protocol of the request.")
      .sample(totals.get(Counter::kRequestsHttp10), {{"protocol", "HTTP/1.0"}})
      .sample(totals.get(Counter::kRequestsHttp11), {{"protocol", "HTTP/1.1"}});
  page.counter("weir_requests_rejected_total", "Requests refused as malformed or too large.")
      .sample(totals.get(Counter::kRequestsRejected));
  page.counter("weir_responses_total", "Responses to clients by class of status.");
  constexpr std::array kCounters = {Counter::kResponses1xx, Counter::kResponses2xx, Counter::kResponses3xx,
                                    Counter::kResponses4xx, Counter::kResponses5xx};
  for (size_t i = 0; i < kCounters.size(); ++i) page.sample(totals.get(kCounters[i]), {{"class", kClasses[i]}});
  page.histogram("weir_request_duration_seconds", "From a request's first byte to the end of its response.")
      .durations(totals.request_time(), kBounds);
}

void towards_upstreams(Exposition& page, const AdminTotals& totals) {
  page.counter("weir_upstream_connects_total", "Connections opened to peers.")
      .sample(totals.get(Counter::kUpstreamConnects));
  page.counter("weir_upstream_reuses_total", "Attempts on an idle connection of the pool.")
      .sample(totals.get(Counter::kUpstreamReuses));
  page.counter("weir_upstream_failures_total", "Attempts that failed.").sample(totals.get(Counter::kUpstreamFailures));
  page.counter("weir_upstream_truncated_total", "Responses cut by their peer.")
      .sample(totals.get(Counter::kUpstreamTruncated));
  page.counter("weir_upstream_unsolicited_total", "Upstream connections closed for unsolicited bytes.")
      .sample(totals.get(Counter::kUpstreamUnsolicited));
  // Several kinds share a word; the status of a listed response is no kind of failure.
  std::map<std::string_view, uint64_t> retries;
  for (int i = 0; i < kErrorKinds; ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    const ErrorTraits& of = traits(kind);
    if (of.side == Side::kClient) continue;
    retries[kind == ErrorKind::kNone ? std::string_view("status") : of.reason] += totals.retries(kind);
  }
  page.counter("weir_retries_total", "Requests sent to another peer, by the failure of the attempt before.");
  for (const auto& [reason, count] : retries) page.sample(count, {{"reason", reason}});
  page.counter("weir_queued_total", "Requests that waited in a queue for a peer below max_conns.")
      .sample(totals.get(Counter::kQueued));
  page.counter("weir_sticky_total", "Requests bound to a peer, by whether they reached it.")
      .sample(totals.get(Counter::kStickyBound), {{"result", "bound"}})
      .sample(totals.get(Counter::kStickyRebound), {{"result", "rebound"}});
  page.counter("weir_tunnels_total", "WebSockets opened.").sample(totals.get(Counter::kTunnels));
  page.counter("weir_tunnels_drained_total", "WebSockets closed because their peer was drained.")
      .sample(totals.get(Counter::kTunnelsDrained));
}

void upstreams(Exposition& page, const proxy::Site& site) {
  page.gauge("weir_upstream_inflight", "Requests in flight on an upstream.");
  for (const proxy::SiteCluster& each : site.clusters)
    page.sample(each.inflight->load(std::memory_order_relaxed), {{"upstream", each.cluster->name()}});
  page.gauge("weir_queue_waiting", "Requests that wait in the queue of an upstream.");
  for (const proxy::SiteCluster& each : site.clusters)
    if (each.queue != nullptr) page.sample(each.queue->waiting(), {{"upstream", each.cluster->name()}});
}

void upstream_times(Exposition& page, const proxy::Site& site) {
  const auto each = [&](std::string_view name, std::string_view help, Histogram policy::UpstreamTimes::*which) {
    page.histogram(name, help);
    for (const proxy::SiteCluster& cluster : site.clusters) {
      if (which == &policy::UpstreamTimes::queue && cluster.queue == nullptr) continue;
      HistogramSum sum;
      cluster.times->each([&](const policy::UpstreamTimes& times) { sum.add(times.*which); });
      page.durations(sum, kBounds, {{"upstream", cluster.cluster->name()}});
    }
  };
  each("weir_upstream_header_duration_seconds", "From the begin of an attempt to the head of the response.",
       &policy::UpstreamTimes::header);
  each("weir_upstream_response_duration_seconds", "From the begin of an attempt to the response's last byte.",
       &policy::UpstreamTimes::response);
  each("weir_queue_wait_seconds", "How long requests waited in the queue of an upstream.",
       &policy::UpstreamTimes::queue);
}

using PeerViews = std::vector<const PeerView*>;

// A peer that is written twice is one state; two samples of the same labels would spoil the whole page.
PeerViews distinct(const PeerOverview& overview) {
  PeerViews found;
  std::set<const policy::PeerState*> seen;
  for (const PeerView& view : overview.all())
    if (seen.insert(view.peer->state.get()).second) found.push_back(&view);
  return found;
}

// One family over all peers.
template <class Value>
void each_peer(Exposition& page, const PeerViews& views, Value value) {
  for (const PeerView* view : views)
    page.sample(value(*view), {{"upstream", view->cluster->cluster->name()}, {"peer", view->peer->options.name}});
}

void peers(Exposition& page, const PeerViews& views) {
  const auto relaxed = [](const auto& atomic) { return atomic.load(std::memory_order_relaxed); };
  page.gauge("weir_peer_up", "Whether a peer gets requests that are not bound to it.");
  each_peer(page, views, [](const PeerView& view) { return view.takes_requests() ? 1 : 0; });
  page.gauge("weir_peer_state", "1 for the state a peer is in, 0 for all others.");
  for (const PeerView* view : views)
    for (int i = 0; i < kPeerConditions; ++i)
      page.sample(static_cast<int>(view->condition) == i ? 1 : 0,
                  {{"upstream", view->cluster->cluster->name()},
                   {"peer", view->peer->options.name},
                   {"state", to_string(static_cast<PeerCondition>(i))}});
  page.gauge("weir_peer_weight", "Its weight in force.");
  each_peer(page, views, [](const PeerView& view) { return view.peer->options.weight; });
  page.gauge("weir_peer_inflight", "Requests in flight on a peer, open WebSockets too.");
  each_peer(page, views, [&](const PeerView& view) { return relaxed(view.peer->state->inflight); });
  page.gauge("weir_peer_tunnels", "Open WebSockets of a peer.");
  each_peer(page, views, [&](const PeerView& view) { return relaxed(view.peer->state->tunnels); });
  page.counter("weir_peer_requests_total", "Attempts begun on a peer.");
  each_peer(page, views, [&](const PeerView& view) { return relaxed(view.peer->state->stats.requests); });
  const auto traffic = [](const PeerView& view, uint64_t (policy::Traffic::*which)() const) {
    uint64_t sum = 0;
    view.peer->state->times.each([&](const policy::AttemptTimes& times) { sum += (times.traffic.*which)(); });
    return sum;
  };
  page.counter("weir_peer_sent_bytes_total", "Bytes sent to a peer, heads too; counted when an attempt ends.");
  each_peer(page, views, [&](const PeerView& view) { return traffic(view, &policy::Traffic::sent); });
  page.counter("weir_peer_received_bytes_total", "Bytes received from a peer, likewise.");
  each_peer(page, views, [&](const PeerView& view) { return traffic(view, &policy::Traffic::received); });
  page.counter("weir_peer_responses_total", "Responses of a peer by class of status.");
  for (const PeerView* view : views)
    for (size_t i = 0; i < kClasses.size(); ++i)
      page.sample(
          relaxed(view->peer->state->stats.responses[i]),
          {{"upstream", view->cluster->cluster->name()}, {"peer", view->peer->options.name}, {"class", kClasses[i]}});
  page.counter("weir_peer_failures_total", "Attempts that failed and blame the peer.");
  each_peer(page, views, [&](const PeerView& view) { return relaxed(view.peer->state->stats.failures); });
  page.counter("weir_peer_ejections_total", "Passive ejections of a peer.");
  each_peer(page, views, [&](const PeerView& view) { return relaxed(view.peer->state->stats.ejections); });
  page.gauge("weir_peer_ejected", "Whether a peer is ejected passively.");
  each_peer(page, views, [](const PeerView& view) { return view.peer->state->passive.ejected_until() != 0 ? 1 : 0; });
  page.gauge("weir_peer_header_time_seconds", "Moving average from the request to the head of the response.");
  for (const PeerView* view : views)
    page.seconds(relaxed(view->peer->state->stats.header_time),
                 {{"upstream", view->cluster->cluster->name()}, {"peer", view->peer->options.name}});
}

void peer_times(Exposition& page, const PeerViews& views) {
  page.histogram("weir_peer_header_duration_seconds", "From the begin of an attempt to the head of a peer's response.");
  size_t count = 0;
  for (const PeerView* view : views) {
    if (++count > kMostPeerHistograms) break;
    HistogramSum sum;
    view->peer->state->times.each([&](const policy::AttemptTimes& times) { sum.add(times.header); });
    page.durations(sum, kPeerBounds,
                   {{"upstream", view->cluster->cluster->name()}, {"peer", view->peer->options.name}});
  }
  page.gauge("weir_peer_histograms_omitted", "Peers without a histogram of their own: a page has those of 256.")
      .sample(views.size() - std::min(views.size(), kMostPeerHistograms));
}

void checks(Exposition& page, runtime::Runtime& runtime, const PeerViews& views) {
  page.gauge("weir_health_probes", "Active checks that run: one for each address and question.")
      .sample(runtime.health->probes());
  page.counter("weir_health_probes_started_total", "Probes ever begun.").sample(runtime.health->started());
  // The same question to several ports of a peer reads alike.
  std::vector<const upstream::ProbeReport*> reports;
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>> seen;
  for (const PeerView* view : views)
    for (const upstream::ProbeReport* check : view->checks)
      if (seen.emplace(check->upstream, check->peer, check->check).second) reports.push_back(check);
  const auto each = [&](auto value) {
    for (const upstream::ProbeReport* check : reports)
      page.sample(value(*check), {{"upstream", check->upstream}, {"peer", check->peer}, {"check", check->check}});
  };
  page.gauge("weir_health_check_up", "Whether a check's last verdict on a peer is up.");
  each([](const upstream::ProbeReport& check) { return check.standing == policy::HealthState::Standing::kUp ? 1 : 0; });
  page.counter("weir_health_check_passed_total", "Probes that passed.");
  each([](const upstream::ProbeReport& check) { return check.passed; });
  page.counter("weir_health_check_failed_total", "Probes that failed.");
  each([](const upstream::ProbeReport& check) { return check.failed; });
  page.counter("weir_health_check_inconclusive_total", "Inconclusive probes: this machine was too slow.");
  each([](const upstream::ProbeReport& check) { return check.inconclusive; });
}

}  // namespace

std::string metrics_page(runtime::Runtime& runtime, int64_t started_us) {
  const AdminTotals totals(runtime);
  const PeerOverview overview(runtime);
  Exposition page;
  process(page, runtime, totals, started_us);
  loops(page, runtime);
  spans(page, runtime);
  clients(page, totals);
  certificates(page, runtime);
  automatic_certificates(page, runtime);
  caches(page, runtime);
  towards_upstreams(page, totals);
  upstreams(page, *runtime.site);
  upstream_times(page, *runtime.site);
  const PeerViews views = distinct(overview);
  peers(page, views);
  peer_times(page, views);
  checks(page, runtime, views);
  return page.take();
}

}  // namespace weir::admin
