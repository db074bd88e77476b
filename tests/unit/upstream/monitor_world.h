// A monitor among scripted peers.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "check_world.h"
#include "upstream/health_monitor.h"

namespace weir::upstream {

class MonitorWorld : public CheckWorld {
 public:
  explicit MonitorWorld(uint64_t seed = 1) {
    HealthMonitorOptions options;
    options.seed = seed;
    options.connect = connector();
    options.on_change = [this](const HealthChange& change) {
      changes.push_back(change);
      at.push_back(now);
      if (on_change) on_change(change);
    };
    monitor = std::make_unique<HealthMonitor>(loop, std::move(options));
  }

  static CheckOptions check(std::string uri = "/health") {
    CheckOptions check;
    check.uri = std::move(uri);
    check.host = "app";
    return check;
  }
  // The state of a peer is kept by upstream and number, as the registry does it.
  policy::PeerState& state(const std::string& upstream, int n) { return *shared_state(upstream, n); }
  std::shared_ptr<policy::PeerState>& shared_state(const std::string& upstream, int n) {
    auto& state = states[upstream + '/' + std::to_string(n)];
    if (state == nullptr) state = std::make_shared<policy::PeerState>(policy::PassiveOptions{});
    return state;
  }
  CheckedUpstream upstream(const std::string& name, std::vector<int> numbers, std::vector<CheckOptions> checks,
                           Millis slow_start = Millis(0)) {
    CheckedUpstream made{name, std::move(checks), {}};
    for (const int n : numbers)
      made.peers.push_back({address(n), address(n).to_string(), shared_state(name, n), slow_start});
    return made;
  }
  static std::vector<int> first(int count) {
    std::vector<int> numbers;
    for (int n = 0; n < count; ++n) numbers.push_back(n);
    return numbers;
  }
  void reconcile(CheckedUpstream one) {
    std::vector<CheckedUpstream> all;
    all.push_back(std::move(one));
    monitor->reconcile(std::move(all));
  }
  void reconcile(CheckedUpstream one, CheckedUpstream other) {
    std::vector<CheckedUpstream> all;
    all.push_back(std::move(one));
    all.push_back(std::move(other));
    monitor->reconcile(std::move(all));
  }
  void refuse(int n = 0) { peer(n).refuses = ErrorKind::kConnectRefused; }
  void come_back(int n = 0) { peer(n).refuses = ErrorKind::kNone; }
  bool down(int n = 0, const std::string& upstream = "app") { return state(upstream, n).check_down; }

  std::map<std::string, std::shared_ptr<policy::PeerState>> states;
  std::vector<HealthChange> changes;
  std::vector<MonoMs> at;
  std::function<void(const HealthChange&)> on_change;
  std::unique_ptr<HealthMonitor> monitor;
};

}  // namespace weir::upstream
