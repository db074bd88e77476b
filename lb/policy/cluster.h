// A cluster is one upstream{}: peers in configuration order, primaries before backups, and how to choose among them.
// Immutable, part of the snapshot; what changes per request is in PeerState (shared) and in the Balancer (one a
// worker).
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "policy/peer.h"

namespace weir::policy {

class Ring;

enum class Method : uint8_t {
  kRoundRobin,
  kIpHash,
  kLeastConn,
  kHash,
  kHashConsistent,
  kRandom,
  kRandomTwo,
  kLeastTimeHeader,    // least_time header
  kLeastTimeLastByte,  // least_time last_byte
  kRandomTwoHeader,    // random two least_time=header
  kRandomTwoLastByte,  // random two least_time=last_byte
};

struct ClusterOptions {
  std::string name;
  Method method = Method::kRoundRobin;
  std::vector<PeerOptions> peers;  // configuration order
  // At most this share of the peers left by checks and operator may be passively out; more: panic, passive ejection is
  // ignored (SEMANTICS section 1). false under `defaults nginx`.
  bool panic = true;
  uint32_t retry_budget_percent = 20;
  uint32_t retry_budget_min = 3;
  // Where round robin begins that has nothing to go on from, as a share of its whole sequence (in 2^-32): 0 is the
  // first pick of nginx's sequence.
  uint32_t start = 0;
};

class Cluster {
 public:
  // `states[i]` belongs to options.peers[i].
  Cluster(ClusterOptions options, std::vector<std::shared_ptr<PeerState>> states);
  ~Cluster();
  Cluster(Cluster&&) noexcept;
  const std::string& name() const { return name_; }
  Method method() const { return method_; }
  const std::vector<Peer>& primaries() const { return primaries_; }
  const std::vector<Peer>& backups() const { return backups_; }
  bool single() const { return primaries_.size() + backups_.size() == 1; }  // never marked failed
  bool panic_enabled() const { return panic_; }
  const ClusterOptions& options() const { return options_; }
  // The points of `hash consistent`, built once for all workers; null with any other method.
  const Ring* ring() const { return ring_.get(); }

 private:
  ClusterOptions options_;
  std::string name_;
  Method method_;
  std::vector<Peer> primaries_;
  std::vector<Peer> backups_;
  bool panic_;
  std::unique_ptr<const Ring> ring_;
};

// The peers a request has been sent to already. Small: inline for the first few, never allocates.
class TriedSet {
 public:
  static constexpr int kMost = 32;

  bool contains(const Peer* peer) const { return index_of(peer) >= 0; }
  // Its place in the order of trying, -1 when it is not there.
  int index_of(const Peer* peer) const {
    for (int i = 0; i < count_; ++i)
      if (tried_[i] == peer) return i;
    return -1;
  }
  const Peer* const* begin() const { return tried_; }
  const Peer* const* end() const { return tried_ + count_; }
  void add(const Peer* peer) {
    if (count_ < kMost) tried_[count_++] = peer;
  }
  int count() const { return count_; }
  bool full() const { return count_ == kMost; }  // 32 tries: the request has had enough
  void clear() { count_ = 0; }

 private:
  int count_ = 0;
  const Peer* tried_[kMost];
};

using BoundPeers = std::span<const Peer* const>;

// What a balancer may look at.
struct PickContext {
  MonoMs now = 0;
  Rng* rng = nullptr;
  const SocketAddress* client = nullptr;  // after real_ip
  std::string_view key;                   // rendered `hash` key
  TriedSet* tried = nullptr;
  // The peers that persistence binds this request to: the first of them that can be had is picked, draining or not;
  // else the method chooses.
  BoundPeers bound;
  // A bound backup is picked only while no primary can be had.
  bool bound_goes_home = false;
};

struct Pick {
  const Peer* peer = nullptr;  // null: nobody is eligible
  bool probe = false;          // this request is the one probe after an ejection (take_probe() was won)
  bool any_full = false;       // when null: somebody was eligible but at max_conns (a queue may wait for it)
};

// One a worker and cluster; made anew with a snapshot, from the former one's state. Deterministic but for ctx.rng.
// Never returns a tried, hard-down or full peer; looks at each peer a bounded number of times. The picked peer is NOT
// added to tried and inflight is NOT raised: the caller does both.
class Balancer {
 public:
  virtual ~Balancer() = default;
  virtual Pick pick(PickContext& ctx) = 0;
  // The attempt on the peer failed in a way that blames it (smooth round robin lowers its effective weight), or went
  // well.
  virtual void failed(const Peer&) {}
  virtual void succeeded(const Peer&) {}
};

// Where a balancer begins. Worker `worker` of `workers` begins round robin so far behind ClusterOptions::start that the
// workers are spread over the sequence; with one worker and start 0 the sequence is nginx's to the letter.
struct Beginning {
  int worker = 0;
  int workers = 1;
  // The balancer that this worker had for the upstream of that name, alive during the call; null: it had none. Peers
  // that both have (by PeerState, which is one for an upstream's name and an address) keep position, lowered weights
  // and what else is remembered of them, whatever both methods are.
  const Balancer* former = nullptr;
};

// `cluster` outlives the balancer.
std::unique_ptr<Balancer> make_balancer(const Cluster& cluster, const Beginning& beginning = {});

}  // namespace weir::policy
