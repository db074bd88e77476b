// The names that counters have in the metrics page.
#include "observe/metrics.h"

namespace weir::observe {
namespace {

constexpr std::array<std::string_view, kCounters> kNames = {
    "connections_accepted",
    "connections_closed",
    "connections_refused",
    "connections_full",
    "clients_displaced",
    "upstreams_displaced",
    "requests",
    "requests_http10",
    "requests_http11",
    "requests_rejected",
    "responses_1xx",
    "responses_2xx",
    "responses_3xx",
    "responses_4xx",
    "responses_5xx",
    "upstream_connects",
    "upstream_reuses",
    "upstream_failures",
    "upstream_retries",
    "upstream_unsolicited",
    "upstream_truncated",
    "tunnels",
    "proxy_headers_v1",
    "proxy_headers_v2",
    "bytes_received",
    "bytes_sent",
    "log_lines_dropped",
    "queued",
    "buffers_full",
    "sticky_bound",
    "sticky_rebound",
    "tunnels_drained",
    "tls_handshakes",
    "tls_handshakes_tls12",
    "tls_handshakes_tls13",
    "tls_handshakes_resumed",
    "tls_handshakes_failed",
    "tls_handshakes_refused",
    "upstream_tls_handshakes",
    "upstream_tls_handshakes_resumed",
    "upstream_tls_handshakes_failed",
    "state_errors",
};
static_assert(!kNames.back().empty(), "every counter has a name");

}  // namespace

std::string_view to_string(Counter counter) {
  return kNames[static_cast<size_t>(counter)];
}

}  // namespace weir::observe
