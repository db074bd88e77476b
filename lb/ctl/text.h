// The admin socket's JSON as text for a person. Whatever the JSON holds, these do not fail: what is missing reads "-".
#pragma once
#include <string>
#include <vector>

namespace weir::ctl {

// A table of peers, from {"upstreams": [...]} or one upstream.
std::string peers_table(const std::string& json);
// From {"certificates": [...]}.
std::string certificates_table(const std::string& json);
// From {"caches": [...]}.
std::string caches_table(const std::string& json);
// From {"purged": 3}.
std::string purge_text(const std::string& json);
std::string status_text(const std::string& json);
// "reloaded: generation 3", and what has changed, a line each.
std::string reload_text(const std::string& json);
// "upgraded: process 12 serves, process 11 finishes its 57 connections".
std::string upgrade_text(const std::string& json);
std::string maintenance_text(const std::string& json);
// "myapp/10.0.0.1:13000: drained: kernel update", from {"peer": {...}}.
std::string peer_line(const std::string& json);
std::vector<std::string> warnings_in(const std::string& json);
// The error, and on lines of their own what else it names (known peers, a configuration's errors).
std::string error_text(const std::string& json, int status);

// How a drain goes on, from {"peer": {...}}.
struct DrainReport {
  enum class End : uint8_t { kRunning, kDone, kLate /* requests did not finish in time */, kUndone } end;
  std::string text;  // "3 requests in flight, 12 WebSockets open"; at the end its summary
};
DrainReport drain_report(const std::string& json);

}  // namespace weir::ctl
