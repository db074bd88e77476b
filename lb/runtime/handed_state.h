// What weir has learnt while it ran and its successor is to know: health and ejections, what the operator said, who is
// bound to whom, how full the buckets of limits are, the keys of session tickets. A plain value between two processes
// of one machine, whose monotonic clocks are one.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls_tickets.h"
#include "policy/passive.h"
#include "policy/rate_limit.h"
#include "runtime/overrides.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {

struct Runtime;

struct HandedPeer {
  std::string upstream, address;
  MonoMs ejected_until = 0;  // 0: it is in
  bool check_passes = false;
  bool unreachable = false;
  MonoMs ramp_from = 0;
  uint32_t header_time = 0, last_byte_time = 0;  // PeerStats
};
struct HandedSession {
  std::string session;
  uint64_t peer = 0;
  MonoMs seen = 0;
};
struct HandedBucket {
  std::string key;
  policy::Bucket bucket;
};
struct HandedTlsSession {
  std::string id, session;
  MonoMs expires = 0;
};

struct HandedState {
  Overrides overrides;
  std::vector<HandedPeer> peers;
  std::vector<upstream::ProbeStanding> checks;
  io::TicketKeys::Ring tickets;
  std::map<std::string, std::vector<HandedSession>> sessions;         // by zone, the last seen first
  std::map<std::string, std::vector<HandedBucket>> rates;             // by zone and key, the last used first
  std::map<std::string, std::vector<HandedTlsSession>> tls_sessions;  // by zone, the oldest first
};

// Of a whole state; a successor takes no more.
inline constexpr size_t kMostHandedBytes = 512 * 1024 * 1024;

// Sections, each with its number and length: a reader skips those that it does not know, and does without those that
// are not there. `now`: no time of the state may be implausibly far from it. The error says what makes no sense.
std::string pack_state(const HandedState& state);
Result<HandedState> unpack_state(std::string_view bytes, MonoMs now);

// As many failures as it takes, at the time that ends the ejection when it did. How often it came in a row is not
// known.
void eject(policy::PassiveState& passive, const policy::PassiveOptions& options, MonoMs until);

// Control thread. Of zones that are too large together the least used entries stay behind.
HandedState gather_state(const Runtime& runtime);
// All but the overrides, which the snapshot is built with: into what its snapshot uses, before a worker does. What
// this configuration has no more is dropped.
void restore_state(HandedState state, Runtime& runtime);

}  // namespace weir::runtime
