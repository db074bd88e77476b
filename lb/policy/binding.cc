// Tables from token to peer.
#include "policy/binding.h"

#include <functional>

#include "base/digest.h"

namespace weir::policy {
namespace {

constexpr size_t kCookieBytes = 16;

// The first 16 digits; the table is keyed by them, so that the compare in constant time meets one peer only.
uint64_t prefix_of(std::string_view cookie) {
  uint64_t prefix = 0;
  for (const char digit : cookie.substr(0, 16)) {
    const int value = digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : 0;
    prefix = prefix << 4 | static_cast<uint64_t>(value);
  }
  return prefix;
}

}  // namespace

std::string Bindings::cookie_value(std::string_view key, const Peer& peer) {
  const std::array<uint8_t, 32> mac = hmac_sha256(key, peer.options.name);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string value;
  for (size_t i = 0; i < kCookieBytes; ++i) {
    value += kDigits[mac[i] >> 4];
    value += kDigits[mac[i] & 15];
  }
  return value;
}

uint64_t Bindings::id(const Peer& peer) {
  // Fixed keys: the names are the operator's, and tables of several processes must agree. 0 means nobody.
  const uint64_t hash = siphash(peer.options.name, 0x77656972, 0x70656572);
  return hash == 0 ? 1 : hash;
}

Bindings::Bindings(const Cluster& cluster, std::string_view key)
    : primaries_(cluster.primaries()), backups_(cluster.backups()) {
  for (const auto list : {primaries_, backups_}) {
    for (const Peer& peer : list) {
      bound_.push_back({&peer, cookie_value(key, peer)});
      // Of two peers with one name the first has it.
      by_cookie_prefix_.try_emplace(prefix_of(bound_.back().cookie), bound_.size() - 1);
      by_id_.try_emplace(id(peer), &peer);
      if (!peer.options.route.empty()) by_route_[peer.options.route].push_back(&peer);
    }
  }
}

BoundPeers Bindings::by_cookie(std::string_view value) const {
  if (value.size() != 2 * kCookieBytes) return {};
  const auto found = by_cookie_prefix_.find(prefix_of(value));
  if (found == by_cookie_prefix_.end()) return {};
  const Bound& bound = bound_[found->second];
  return equal_in_constant_time(value, bound.cookie) ? BoundPeers(&bound.peer, 1) : BoundPeers();
}

std::string_view Bindings::cookie_of(const Peer& peer) const {
  const std::less<const Peer*> before;
  size_t first = 0;
  for (const auto list : {primaries_, backups_}) {
    if (!before(&peer, list.data()) && before(&peer, list.data() + list.size()))
      return bound_[first + static_cast<size_t>(&peer - list.data())].cookie;
    first += list.size();
  }
  return {};
}

BoundPeers Bindings::by_route(std::string_view route) const {
  const auto found = by_route_.find(route);
  return found == by_route_.end() ? BoundPeers() : BoundPeers(found->second);
}

BoundPeers Bindings::by_id(uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? BoundPeers() : BoundPeers(&found->second, 1);
}

}  // namespace weir::policy
