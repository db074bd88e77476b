// What the operator has said at run time and a configuration does not know: peers drained, taken out, brought back or
// given another weight; maintenance switched. A plain value, keyed by names, so that it survives reloads; state_file.h
// keeps it over restarts. Every snapshot is built with the overrides of its moment.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace weir::runtime {

struct PeerOverride {
  enum class Mode : uint8_t {
    kNone,     // as configured
    kUp,       // in, whatever `down` or `drain` the configuration says
    kDown,     // out
    kDrain,    // only bound requests
    kDrained,  // a drain that is over: out
  } mode = Mode::kNone;
  std::optional<uint32_t> weight;
  std::string why;       // the operator's words
  int64_t since_us = 0;  // wall time
  bool empty() const { return mode == Mode::kNone && !weight; }
  bool operator==(const PeerOverride&) const = default;
};

struct MaintenanceOverride {
  bool on = false;
  std::string why;
  int64_t since_us = 0;
  bool operator==(const MaintenanceOverride&) const = default;
};

struct Overrides {
  using PeerKey = std::pair<std::string, std::string>;  // upstream, peer: ("myapp", "10.0.0.1:13000")
  using MaintenanceKey =
      std::pair<std::string, std::string>;  // server's first name, location's pattern ("": all of it)
  std::map<PeerKey, PeerOverride> peers;
  std::map<MaintenanceKey, MaintenanceOverride> maintenance;
  std::string sticky_secret;  // the HMAC key of sticky cookies without one of their own; made at the first start

  const PeerOverride* peer(const std::string& upstream, const std::string& name) const;
  // The location's word goes before the server's; null: as configured.
  const MaintenanceOverride* maintenance_of(const std::string& server, const std::string& location) const;
  bool operator==(const Overrides&) const = default;
};

const char* to_string(PeerOverride::Mode mode);  // "up", "down", "drain", "drained", "none"

}  // namespace weir::runtime
