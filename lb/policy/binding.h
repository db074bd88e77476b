// Persistence: which peer a client's token stands for. Pure; the tokens come from cookies, routes and learned sessions
// (proxy/sticky.h), and a balancer gets the peer as PickContext::bound.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "policy/cluster.h"

namespace weir::policy {

// Tokens of one cluster's peers, made once a snapshot.
class Bindings {
 public:
  // Lower-case hex of the first 16 bytes of HMAC-SHA-256 over the peer's name: it tells no address and cannot be made
  // up without the key. One value for a server, whichever upstream it is in: upstreams that share servers (one for
  // pages, one for WebSockets) share their clients' cookie.
  static std::string cookie_value(std::string_view key, const Peer& peer);
  // What a session table remembers of a peer: the same for the same name in every snapshot and process.
  static uint64_t id(const Peer& peer);

  // `cluster` outlives the bindings.
  Bindings(const Cluster& cluster, std::string_view key);
  // None when the value is nobody's. Compared in constant time. What these three give lives as long as this.
  BoundPeers by_cookie(std::string_view value) const;
  std::string_view cookie_of(const Peer& peer) const;  // lives as long as this
  // All with that `server ... route=`, primaries first, else as in the configuration.
  BoundPeers by_route(std::string_view route) const;
  BoundPeers by_id(uint64_t id) const;

 private:
  struct Bound {
    const Peer* peer;
    std::string cookie;
  };
  std::span<const Peer> primaries_, backups_;
  std::vector<Bound> bound_;  // of the primaries, then of the backups
  std::unordered_map<uint64_t, size_t> by_cookie_prefix_;
  std::unordered_map<std::string, std::vector<const Peer*>, StringHash, std::equal_to<>> by_route_;
  std::unordered_map<uint64_t, const Peer*> by_id_;
};

// What `sticky learn` has seen: session to peer, shared by all workers and kept over reloads. A zone; server/ has the
// implementation: sharded, bounded, the least recently used goes first.
class SessionTable {
 public:
  virtual ~SessionTable() = default;
  // Bindings::id of its peer, 0 when unknown or older than the timeout; a hit renews it.
  virtual uint64_t find(std::string_view session, MonoMs now) = 0;
  virtual void bind(std::string_view session, uint64_t peer, MonoMs now) = 0;
  virtual size_t size() const = 0;
};

}  // namespace weir::policy
