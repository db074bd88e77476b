// The walk that ip_hash and hash share: a number falls on a peer; when that one cannot be had the next number is drawn.
#pragma once
#include "policy/list_balancer.h"

namespace weir::policy {

class RehashBalancer : public ListBalancer {
 protected:
  using ListBalancer::ListBalancer;

  // `next_hash()` gives the numbers, in order. Round robin when there are fewer than two peers or more than 20 numbers
  // missed.
  template <class NextHash>
  Pick walk(Turn& turn, NextHash next_hash) {
    if (primaries().size() < 2) return round_robin(turn);
    // nginx goes on from the number that hit when the attempt there has failed. Here every pick begins anew, so what
    // hit a peer that is tried by now was no miss the first time.
    uint32_t hits_seen = 0;
    for (int misses = 0; misses <= kMostMisses;) {
      const size_t i = primaries().peer_at(next_hash() % primaries().total_weight());
      if (usable(i, turn)) {
        if (const Pick pick = claim(i, turn); pick.peer != nullptr) return pick;
      }
      const int place = turn.ctx.tried != nullptr ? turn.ctx.tried->index_of(&primaries().peer(i)) : -1;
      const uint32_t bit = place >= 0 ? 1u << place : 0;
      if (bit != 0 && (hits_seen & bit) == 0) {
        hits_seen |= bit;
      } else {
        ++misses;
      }
    }
    return round_robin(turn);
  }

 private:
  static constexpr int kMostMisses = 20;
};

}  // namespace weir::policy
