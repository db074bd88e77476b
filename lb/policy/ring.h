// The points of `hash KEY consistent`: ketama as Cache::Memcached::Fast and nginx have it (SEMANTICS 2.4). Immutable;
// one a cluster.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "policy/peer.h"

namespace weir::policy {

class Ring {
 public:
  static constexpr uint32_t kPointsPerWeight = 160;
  // Four million points, which are 32 MB. Greater weights are all divided by one number; 1 is the least.
  static constexpr uint64_t kMostWeight = 25'000;

  struct Point {
    uint32_t hash;
    uint32_t server;  // a name as written in the configuration; its addresses share its points
  };

  // `most_weight`: of all servers together.
  explicit Ring(const std::vector<Peer>& peers, uint64_t most_weight = kMostWeight);
  const std::vector<Point>& points() const { return points_; }
  // The first point at or after `hash`, round the end to the first of all.
  size_t find(uint32_t hash) const;
  // The peers of a point's server, as indexes into the list the ring was made of.
  std::span<const uint32_t> peers_of(const Point& point) const { return servers_[point.server]; }

 private:
  std::vector<Point> points_;  // by hash, each hash once
  std::vector<std::vector<uint32_t>> servers_;
};

}  // namespace weir::policy
