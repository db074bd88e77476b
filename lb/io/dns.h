// What is asked of the domain name system, and what it says.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sockaddr.h"

namespace weir::io {

struct DnsQuestion {
  std::string host;
  uint16_t port = 0;  // of every address; an SRV record brings its own
  // Empty: the host's addresses. Else SRV records: "http" asks for "_http._tcp.HOST"; with a dot or an underscore in
  // front it is put before the host as it is.
  std::string service;
  std::vector<std::string> servers;  // "10.0.0.2:53"; empty: the system's, with its search list
  bool ipv4 = true, ipv6 = true;
  Millis timeout{30'000};

  std::string name() const;  // "app.example", "_http._tcp.app.example"
  auto operator<=>(const DnsQuestion&) const = default;
};

struct ResolvedPeer {
  SocketAddress address;
  uint16_t weight = 0;  // of its SRV record, at least 1; 0: there was none
  bool backup = false;  // an SRV record of another than the lowest priority
  bool operator==(const ResolvedPeer&) const = default;
};

struct ResolveAnswer {
  std::vector<ResolvedPeer> peers;  // IPv4 first, else in the order of the answer; no address and port twice
  int ttl_seconds = 0;              // the least of all records; 0 for /etc/hosts
  bool partial = false;             // the addresses of some SRV target could not be had just now
};

// Asks all at once: /etc/hosts, then DNS. Blocks until each has its answer, has run out of its own timeout, or `most`
// is over; looks at `stopped` (may be empty) some times a second and gives up when it says so. Errors are text: "host
// not found in upstream "x" (why)".
std::vector<Result<ResolveAnswer>> resolve_all(const std::vector<DnsQuestion>& questions, Millis most,
                                               const std::function<bool()>& stopped = {});

}  // namespace weir::io
