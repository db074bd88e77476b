// A worker's connections to peers, grouped by upstream (limits are an upstream's) and by the peer's identity. A lease
// gets the connection used last: it is the least likely to have been closed by the peer. Survives reloads; an
// upstream's options are set anew by each snapshot. What no snapshot names any more is closed when its leases have
// ended, and forgotten.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/log.h"
#include "http/h1_codec.h"
#include "io/tls_peer_sessions.h"
#include "observe/metrics.h"
#include "upstream/connection.h"
#include "upstream/lease.h"
#include "upstream/peer_identity.h"

namespace weir::upstream {

class Group;
class Pool;

// The connections to one peer.
struct Slot {
  explicit Slot(Group& of) : group(of) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  Group& group;
  const PeerIdentity* identity = nullptr;         // the key under which it stands
  std::vector<Connection*> available;             // those with capacity, the one used last at the end
  std::shared_ptr<io::TlsPeerSessions> sessions;  // null: clear text
  uint32_t names = 0;                             // snapshots that name the peer
  uint32_t connections = 0;
  LogLimit unsolicited;
};

// An upstream's peers as one snapshot names them: the group and the slots live at least as long as this. Move-only.
class NamedPeers {
 public:
  NamedPeers() = default;
  NamedPeers(NamedPeers&& other) noexcept
      : group_(std::exchange(other.group_, nullptr)), slots_(std::move(other.slots_)) {}
  NamedPeers& operator=(NamedPeers&& other) noexcept {
    NamedPeers taken(std::move(other));
    std::swap(group_, taken.group_);
    slots_.swap(taken.slots_);
    return *this;
  }
  ~NamedPeers();
  Group& group() const { return *group_; }
  // By the place in the list of identities.
  Slot& slot(size_t index) const { return *slots_[index]; }

 private:
  friend class Pool;
  Group* group_ = nullptr;
  std::vector<Slot*> slots_;
};

class Group {
 public:
  Group(Pool& pool, std::string name) : pool_(pool), name_(std::move(name)) {}
  ~Group();
  // A place on a connection to that peer which has one, or an empty lease. `sure`: for a request that cannot be sent
  // again, a connection that the peer has not closed as of now, at the price of a system call.
  Lease take(Slot& slot, bool sure);
  // The first lease on a new connection.
  template <class Codec = http::H1ClientCodec>
  Lease open(Slot& slot, std::unique_ptr<io::Transport> transport) {
    return adopt(std::make_unique<ConnectionOf<Codec>>(slot, std::move(transport)));
  }
  void close_idle();
  void close_idle(Slot& slot);
  size_t idle() const { return idle_; }
  size_t slots() const { return slots_.size(); }
  const PoolOptions& options() const { return options_; }
  const std::string& name() const { return name_; }
  Pool& pool() { return pool_; }

 private:
  friend class Connection;
  friend class NamedPeers;
  friend class Pool;
  Lease adopt(std::unique_ptr<Connection> connection);
  Lease lend(Connection& connection);
  // Keeps the connection if it has other leases, or is reusable() and there is room (the one idle longest leaves); else
  // closes it. Safe on the connection's own stack; this may be gone afterwards.
  void lease_ended(Connection& connection);
  void drop(Connection& connection);      // an idle one that closed, spoke or grew too old
  void offer(Connection& connection);     // if it takes a further lease
  void withdraw(Connection& connection);  // it takes none
  void close(Connection& connection);     // it has no lease
  void release(Connection& connection);   // buries it; it has no transport or one that is closed
  void forget(Slot& slot);                // if nothing names or uses it

  Pool& pool_;
  std::string name_;
  PoolOptions options_;
  size_t most_idle_ = 0;
  size_t idle_ = 0;
  uint32_t names_ = 0;  // snapshots that name it
  std::unordered_map<PeerIdentity, Slot> slots_;
  // Every connection is in one of them, which own them.
  IntrusiveList<Connection> by_age_;  // idle ones, the longest idle first
  IntrusiveList<Connection> leased_;
};

class Pool {
 public:
  // `on_count` is told of every upstream connection opened (+1) and closed (-1).
  Pool(io::Loop& loop, observe::MetricSlab& metrics, std::function<void(int)> on_count);
  ~Pool();
  // A snapshot names an upstream's peers, and its options are the upstream's from now on.
  NamedPeers name(const std::string& upstream, const PoolOptions& options, const std::vector<PeerIdentity>& peers);
  void close_idle();
  // False: none is idle.
  bool close_longest_idle();
  size_t idle() const { return idle_; }
  void begin_drain();  // nothing is kept any more
  size_t groups() const { return groups_.size(); }

  io::Loop& loop() { return loop_; }
  bool draining() const { return draining_; }
  void count(int delta) { on_count_(delta); }
  void unsolicited(Slot& slot);

 private:
  friend class Group;
  friend class NamedPeers;
  void forget(Group& group);  // if nothing names or uses it

  io::Loop& loop_;
  observe::MetricSlab& metrics_;
  std::function<void(int)> on_count_;
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
  size_t idle_ = 0;  // of all groups
  bool draining_ = false;
};

}  // namespace weir::upstream
