// Peers as the operator sees them: which word describes one best, and why it is as it is. Control thread only.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/cluster.h"
#include "proxy/site.h"
#include "runtime/overrides.h"
#include "upstream/health_monitor.h"

namespace weir::config {
struct Model;
}

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

enum class PeerCondition : uint8_t {
  kUp,
  kEjected,    // taken out passively; it comes back by itself
  kUnhealthy,  // a check says down
  kDraining,   // bound requests only
  kDrained,    // a drain that is over
  kDown,       // by the configuration or by hand
};
inline constexpr int kPeerConditions = static_cast<int>(PeerCondition::kDown) + 1;
std::string_view to_string(PeerCondition condition);  // "up", "ejected", ...

struct PeerView {
  const proxy::SiteCluster* cluster;
  const policy::Peer* peer;
  const runtime::PeerOverride* said = nullptr;  // null: the operator said nothing
  PeerCondition condition = PeerCondition::kUp;
  std::string detail;      // "status 503", "by hand: kernel update", "8 s left"; may be empty
  bool ramping = false;    // slow_start
  int64_t ejected_ms = 0;  // until it may be asked again; 0: it may
  std::vector<const upstream::ProbeReport*> checks;

  bool takes_requests() const { return condition == PeerCondition::kUp; }  // those that are not bound to it
};

// All peers in the order of the snapshot. Lives as long as the snapshot and the overrides stay as they are.
class PeerOverview {
 public:
  explicit PeerOverview(const runtime::Runtime& runtime);
  PeerOverview(const proxy::Site& site, const runtime::Overrides& overrides, std::vector<upstream::ProbeReport> reports,
               MonoMs now);
  PeerOverview(const PeerOverview&) = delete;
  PeerOverview& operator=(const PeerOverview&) = delete;

  const std::vector<PeerView>& all() const { return all_; }
  std::vector<const PeerView*> of(std::string_view upstream) const;

 private:
  std::vector<upstream::ProbeReport> reports_;
  std::vector<PeerView> all_;
};

// What a text like "myapp/10.0.0.1:13000" stands for. Names may have slashes of their own (unix:/run/app.sock).
struct PeerPlace {
  const proxy::SiteCluster* cluster = nullptr;  // null: no such upstream
  const policy::Peer* peer = nullptr;           // null: no such peer in it
};
PeerPlace find_peer(const proxy::Site& site, std::string_view text);
// A name that several peers share ("app.example:13000") is none of theirs.
const policy::Peer* find_peer_in(const policy::Cluster& cluster, std::string_view name);

// The configuration's own words about a peer; null when it does not know it (any more).
const policy::PeerOptions* configured_peer(const config::Model& model, const std::string& upstream,
                                           const policy::PeerOptions& peer);

}  // namespace weir::admin
