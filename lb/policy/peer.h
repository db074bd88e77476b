// A peer: one address of an upstream. Options are the operator's words; load and passive state are what workers learn
// and share.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/sockaddr.h"
#include "policy/change_stamp.h"
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
};

// Shared by all workers and kept over reloads, keyed by upstream name and address. Atomics only. One cache line: a
// balancer's loop reads each peer's once a pick.
struct alignas(64) PeerState {
  explicit PeerState(const PassiveOptions& options) : passive(options) {}
  // By check, drain or hand; configuration's `down` is in PeerOptions.
  bool hard_down() const {
    return check_down.load(std::memory_order_relaxed) || admin_down.load(std::memory_order_relaxed) ||
           drain.load(std::memory_order_relaxed);
  }
  std::atomic<uint32_t> inflight{0};  // requests of everybody on this peer
  Switch check_down;                  // active health says down (one writer: control)
  Switch drain;                       // the operator drains it
  Switch admin_down;                  // the operator took it out
  PassiveState passive;
};

static_assert(sizeof(PeerState) == 64);

// Immutable part of a Cluster.
struct Peer {
  PeerOptions options;
  std::shared_ptr<PeerState> state;

  bool full() const {
    return options.max_conns != 0 && state->inflight.load(std::memory_order_relaxed) >= options.max_conns;
  }
  // By configuration, check, drain or hand; never tried, whatever passive ejection and panic say.
  bool hard_down() const { return options.down || state->hard_down(); }
};

}  // namespace weir::policy
