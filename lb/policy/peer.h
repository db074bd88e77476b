// A peer: one address of an upstream. Options are the operator's words; load and passive state are what workers learn
// and share.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/sockaddr.h"
#include "policy/change_stamp.h"
#include "policy/latency.h"
#include "policy/load_cell.h"
#include "policy/passive.h"

namespace weir::policy {

struct PeerOptions {
  SocketAddress address;
  std::string name;    // $upstream_addr: "10.0.0.1:13000", "unix:/run/app.sock"
  std::string server;  // as written in the configuration, "app.example:13000": what `hash consistent` hashes
  uint32_t weight = 1;
  uint32_t max_conns = 0;  // 0: no limit
  PassiveOptions passive;  // max_fails, fail_timeout
  bool backup = false;
  bool down = false;
  bool drain = false;    // configuration's `drain`: only requests that are bound to it
  Millis slow_start{0};  // after a recovery its share grows from nothing to its weight over this time
  std::string route;     // of `sticky route`; empty: none
};

// What a peer has done, for the metrics page and least_time. Written by all workers, each a relaxed atomic.
struct PeerStats {
  std::atomic<uint64_t> requests{0};  // attempts begun
  std::atomic<uint64_t> failures{0};  // attempts that failed and blame it
  std::atomic<uint64_t> ejections{0};
  std::array<std::atomic<uint64_t>, 5> responses{};  // by the first digit of the status, 1xx first; 5xx and above
  // Moving averages of successes in microseconds, 0: no sample yet (SEMANTICS 2.5).
  std::atomic<uint32_t> header_time{0};
  std::atomic<uint32_t> last_byte_time{0};
};

// One more success for such an average (response_time.cc): 5 % of it counts, the first sample whole, more than 5 s as
// 5 s. Of samples that two workers bring at once one may get lost.
void note_time(std::atomic<uint32_t>& average, uint32_t micros);

// Lines of the error log about one peer that its answers, and so clients, can cause; of all workers.
struct PeerLog {
  LogLimit failed;   // attempts
  LogLimit invalid;  // responses
  LogLimit cut;      // responses
  LogLimit tls;      // handshakes, and what breaks behind them
};

// Shared by all workers and kept over reloads, keyed by upstream name and address. Atomics only. What every request
// writes stands elsewhere: the load in its cell, the statistics behind the line of switches and verdicts that balancers
// read.
struct alignas(64) PeerState {
  explicit PeerState(const PassiveOptions& options) : passive(options) {}
  // By check or hand, or drained and not asked for by a bound request; configuration's words are in PeerOptions.
  bool hard_down(bool bound = false) const {
    return check_down.load(std::memory_order_relaxed) || admin_down.load(std::memory_order_relaxed) ||
           (!bound && drain.load(std::memory_order_relaxed));
  }
  // Takes a place for one request; false when `max_conns` (0: no limit) are taken. Exact over all workers.
  bool acquire(uint32_t max_conns) {
    if (max_conns == 0) {
      inflight.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    uint32_t taken = inflight.load(std::memory_order_relaxed);
    do {
      if (taken >= max_conns) return false;
    } while (!inflight.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
    return true;
  }
  void release() { inflight.fetch_sub(1, std::memory_order_relaxed); }
  // A request on the peer timed out: whether that counts as its failure. While its check passes, the slow path of one
  // application says nothing of the node; so many in a row, with no answer between them, do.
  static constexpr uint32_t kTimeoutsAgainstCheck = 3;
  bool timeout_counts() {
    return timeouts_in_row.fetch_add(1, std::memory_order_relaxed) + 1 >= kTimeoutsAgainstCheck ||
           !check_passes.load(std::memory_order_relaxed);
  }
  void note_answer() {
    if (timeouts_in_row.load(std::memory_order_relaxed) != 0) timeouts_in_row.store(0, std::memory_order_relaxed);
  }

  Switch check_down;  // active health says down (one writer: control)
  Switch drain;       // the operator drains it: bound requests only
  Switch admin_down;  // the operator took it out
  // When it came back (a check's or the operator's word), for slow_start; 0: no ramp. Stored before the switch that
  // brings it back, so that no worker sees it back without.
  Watched<MonoMs> ramp_from;
  PassiveState passive;

  const LoadCell load_cell;
  std::atomic<uint32_t>& inflight = load_cell.count();  // requests of everybody on this peer, its tunnels too

  alignas(64) PeerStats stats;
  std::atomic<uint32_t> timeouts_in_row{0};
  std::atomic<bool> check_passes{false};  // the newest result of an active check (one writer: control)
  // The newest connect of a request to it failed, by its doing: nobody takes connections at this address.
  std::atomic<bool> unreachable{false};
  void note_connect(bool connected) {
    if (unreachable.load(std::memory_order_relaxed) == connected)
      unreachable.store(!connected, std::memory_order_relaxed);
  }
  std::atomic<uint32_t> tunnels{0};  // of inflight: opened WebSockets
  PeerLog log;
  WorkerLanes<AttemptTimes> times;
};

// Immutable part of a Cluster.
struct Peer {
  PeerOptions options;
  std::shared_ptr<PeerState> state;
  size_t index = 0;  // in the configuration's order, ClusterOptions::peers

  bool full() const {
    return options.max_conns != 0 && state->inflight.load(std::memory_order_relaxed) >= options.max_conns;
  }
  // By configuration, check, drain or hand; never tried, whatever passive ejection and panic say.
  bool hard_down(bool bound = false) const {
    return options.down || (options.drain && !bound) || state->hard_down(bound);
  }
};

}  // namespace weir::policy
