// Looking an override up.
#include "runtime/overrides.h"

namespace weir::runtime {

const PeerOverride* Overrides::peer(const std::string& upstream, const std::string& name) const {
  const auto found = peers.find({upstream, name});
  return found == peers.end() ? nullptr : &found->second;
}

const MaintenanceOverride* Overrides::maintenance_of(const std::string& server, const std::string& location) const {
  auto found = maintenance.find({server, location});
  if (found == maintenance.end()) found = maintenance.find({server, ""});
  return found == maintenance.end() ? nullptr : &found->second;
}

const char* to_string(PeerOverride::Mode mode) {
  switch (mode) {
    case PeerOverride::Mode::kNone: break;
    case PeerOverride::Mode::kUp: return "up";
    case PeerOverride::Mode::kDown: return "down";
    case PeerOverride::Mode::kDrain: return "drain";
    case PeerOverride::Mode::kDrained: return "drained";
  }
  return "none";
}

}  // namespace weir::runtime
