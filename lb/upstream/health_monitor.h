// Active health checks of all upstreams, on control's loop: one probe for each (address, check fingerprint) however
// many upstreams, workers and reloads share it; its verdict goes to the states of every peer that it stands for.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/sockaddr.h"
#include "io/connector.h"
#include "io/loop.h"
#include "policy/peer.h"
#include "upstream/check.h"

namespace weir::upstream {

struct CheckedPeer {
  SocketAddress address;
  std::string name;  // "10.0.0.1:13000"
  std::shared_ptr<policy::PeerState> state;
  Millis slow_start{0};
};

// One upstream{} with checks.
struct CheckedUpstream {
  std::string name;
  std::vector<CheckOptions> checks;
  std::vector<CheckedPeer> peers;
};

// A peer's standing by all checks together has changed. The state is switched already.
struct HealthChange {
  std::string upstream;
  std::string peer;
  std::shared_ptr<policy::PeerState> state;
  bool down = false;
  std::string reason;  // "connect refused", "timed out after 1000 ms", "status 503"; empty when it is up
};

// For the operator: the last results of one probe.
struct ProbeReport {
  std::string upstream, peer;  // the peer it stands for; a shared probe is reported once for each
  std::string check;           // "http GET /api/__health_check"
  policy::HealthState::Standing standing = policy::HealthState::Standing::kChecking;
  bool void_verdict = false;  // fail_open, and it fails everybody
  MonoMs changed_at = 0;      // 0: never
  uint64_t passed = 0, failed = 0, inconclusive = 0;
  struct Result {
    int64_t wall_us;
    bool passed;
    int status;          // 0: none
    uint32_t micros;     // how long it took
    std::string reason;  // empty when it passed
  };
  std::vector<Result> last;  // at most 10, the newest first
};

// What the probes of one question to one address have said so far, for the process that goes on asking it.
struct ProbeStanding {
  std::string question;  // address and question, as the monitor knows it
  policy::HealthState::Standing standing = policy::HealthState::Standing::kChecking;
  MonoMs changed_at = 0;
  uint64_t passed = 0, failed = 0, inconclusive = 0;
  std::string last_failure;
};

struct HealthMonitorOptions {
  uint64_t seed = 0;
  // How peers are reached; empty: io::connect.
  io::ConnectFunction connect;
  // On the loop, never inside reconcile().
  std::function<void(const HealthChange&)> on_change;
};

class HealthMonitor {
 public:
  HealthMonitor(io::Loop& loop, HealthMonitorOptions options);
  ~HealthMonitor();  // stops every probe
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  // What is to be checked from now on. Probes that stay keep their schedule, standing and history; new ones are spread
  // over their interval; a peer that no check names any more is no longer down by check.
  void reconcile(std::vector<CheckedUpstream> upstreams);
  std::vector<ProbeReport> report() const;
  // Of every probe; and what another process's monitor has said of them, before the first reconcile(): who asks the
  // same of the same address goes on from there.
  std::vector<ProbeStanding> standings() const;
  void restore(std::vector<ProbeStanding> standings);
  size_t probes() const;     // how many there are, not how often they ran
  uint64_t started() const;  // probes ever begun

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::upstream
