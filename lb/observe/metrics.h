// Counters of one worker: one writer, read by control with relaxed loads. A slab a worker; sums are made by the reader
// (MetricTotals), who keeps those of workers that have ended, so that no counter ever goes back.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/histogram.h"

namespace weir::observe {

enum class Counter : uint8_t {
  kConnectionsAccepted,
  kConnectionsClosed,
  kConnectionsRefused /* over the cap */,
  kConnectionsFull /* times that a worker had no place and nobody idle */,
  kClientsDisplaced /* idle client connections closed for a new connection */,
  kUpstreamsDisplaced /* idle upstream ones */,
  kRequests,
  kRequestsHttp10,
  kRequestsHttp11,
  kRequestsRejected,
  kResponses1xx,
  kResponses2xx,
  kResponses3xx,
  kResponses4xx,
  kResponses5xx,
  kUpstreamConnects,
  kUpstreamReuses,
  kUpstreamFailures,
  kUpstreamRetries,
  kUpstreamUnsolicited,
  kUpstreamTruncated,
  kTunnels,
  kProxyHeadersV1 /* of PROXY protocol, that clients' connections began with */,
  kProxyHeadersV2,
  kBytesReceived,
  kBytesSent,
  kLogLinesDropped,
  kQueued /* requests that waited for a place */,
  kBuffersFull /* peers that waited as proxy_buffers_memory was taken */,
  kStickyBound /* requests that went to the peer they asked for */,
  kStickyRebound /* that asked for one and got another */,
  kTunnelsDrained /* WebSockets closed for a drain */,
  kHandshakes /* of TLS, that were completed */,
  kHandshakesTls12,
  kHandshakesTls13,
  kHandshakesResumed,
  kHandshakesFailed,
  kHandshakesRefused /* too many under way */,
  kUpstreamHandshakes /* of TLS, with peers, that were completed */,
  kUpstreamHandshakesResumed,
  kUpstreamHandshakesFailed,
  kStateErrors /* an unlisted transition, which should never be */,
};
inline constexpr int kCounters = static_cast<int>(Counter::kStateErrors) + 1;
std::string_view to_string(Counter counter);  // "requests", "upstream_unsolicited", ...

class MetricSlab {
 public:
  void add(Counter counter, uint64_t n = 1) {
    auto& cell = cells_[static_cast<size_t>(counter)];
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer: no locked add
  }
  // One retry, by what the attempt before it failed of.
  void add_retry(ErrorKind kind) {
    auto& cell = retries_[static_cast<size_t>(kind)];
    cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  uint64_t retries(ErrorKind kind) const { return retries_[static_cast<size_t>(kind)].load(std::memory_order_relaxed); }
  // Of clients: from a request's first byte to the end of its response.
  void add_request_time(int64_t micros) { request_time_.add(micros); }
  const Histogram& request_time() const { return request_time_; }
  uint64_t get(Counter counter) const { return cells_[static_cast<size_t>(counter)].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kCounters> cells_{};
  std::array<std::atomic<uint64_t>, kErrorKinds> retries_{};
  Histogram request_time_;
};

// A sum of slabs.
class MetricTotals {
 public:
  void add(const MetricSlab& slab) {
    for (size_t i = 0; i < cells_.size(); ++i) cells_[i] += slab.get(static_cast<Counter>(i));
    for (size_t i = 0; i < retries_.size(); ++i) retries_[i] += slab.retries(static_cast<ErrorKind>(i));
    request_time_.add(slab.request_time());
  }
  uint64_t get(Counter counter) const { return cells_[static_cast<size_t>(counter)]; }
  uint64_t retries(ErrorKind kind) const { return retries_[static_cast<size_t>(kind)]; }
  const HistogramSum& request_time() const { return request_time_; }

 private:
  std::array<uint64_t, kCounters> cells_{};
  std::array<uint64_t, kErrorKinds> retries_{};
  HistogramSum request_time_;
};

}  // namespace weir::observe
