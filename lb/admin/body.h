// The body of a change: a JSON object of known members, each of its kind, all faults named.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "admin/drain_job.h"
#include "base/result.h"
#include "runtime/explain.h"

namespace weir::admin {

struct PeerChange {
  enum class Action : uint8_t { kUp, kDown, kDrain, kWeight, kReset } action = Action::kUp;
  std::optional<uint32_t> weight;  // of kWeight; none: as configured
  DrainOptions drain;
  std::string why;
};

struct MaintenanceChange {
  std::optional<bool> on;  // none: as configured
  std::string server;      // empty: every server
  std::string location;    // empty: all of it
  std::string why;
};

struct ReloadChange {
  std::string verify;  // a URL that weir asks itself afterwards; empty: none
  Millis within{10'000};
};

struct CachePurge {
  std::string key;   // a key, "PREFIX*", or "*": all
  std::string zone;  // empty: every cache
};

inline constexpr size_t kLongestWhy = 500;

// {"action": "drain", "wait_ms": 60000, "spread_ms": 10000, "code": 1001, "why": "kernel update"}
Result<PeerChange> parse_peer_change(const std::string& body);
// {"on": true, "server": "app.example", "location": "/api/", "why": "..."}
Result<MaintenanceChange> parse_maintenance_change(const std::string& body);

// {"verify": "http://app.example/health", "within_ms": 10000}
Result<ReloadChange> parse_reload_change(const std::string& body);
// {"key": "httpapp/news/*", "zone": "pages"}
Result<CachePurge> parse_cache_purge(const std::string& body);

// {"url": "http://app.example/", "method": "GET", "client": "10.0.0.1", "headers": ["Name: value"], "cookies": ["a=b"]}
Result<runtime::ExplainRequest> parse_explain_request(const std::string& body);

// An empty body, or {"binary":"/usr/sbin/weir","within_ms":60000}.
struct UpgradeChange {
  std::string binary;  // empty: as weir was started
  Millis within{60'000};
};
Result<UpgradeChange> parse_upgrade_change(const std::string& body);

}  // namespace weir::admin
