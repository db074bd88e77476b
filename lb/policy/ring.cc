// Making the ring and looking a hash up in it.
#include "policy/ring.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"

namespace weir::policy {
namespace {

// HOST and PORT as the configuration wrote them; a unix path has no port.
struct HostPort {
  std::string_view host, port;
};

HostPort split(std::string_view server) {
  const std::string_view scheme = server.substr(0, 5);
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  if (std::equal(scheme.begin(), scheme.end(), std::begin("unix:"), std::end("unix:") - 1,
                 [&](char a, char b) { return b == ':' ? a == b : same(a, b); })) {
    return {server.substr(5), {}};
  }
  const size_t colon = server.find_last_not_of("0123456789");
  if (colon == std::string_view::npos || server[colon] != ':') return {server, {}};
  return {server.substr(0, colon), server.substr(colon + 1)};
}

}  // namespace

Ring::Ring(const std::vector<Peer>& peers, uint64_t most_weight) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<uint32_t> weights;
  std::vector<std::string_view> names;
  for (uint32_t i = 0; i < peers.size(); ++i) {
    const PeerOptions& options = peers[i].options;
    const std::string_view name = options.server.empty() ? options.name : options.server;
    const auto [at, is_new] = numbers.try_emplace(name, static_cast<uint32_t>(names.size()));
    if (is_new) {
      names.push_back(name);
      weights.push_back(0);
      servers_.emplace_back();
    }
    servers_[at->second].push_back(i);
    // Points of one name are a chain: those of the lesser weight are among those of the greater.
    weights[at->second] = std::max({weights[at->second], options.weight, 1u});
  }

  // Absurd weights lose their last digits, as those of round robin do.
  const uint64_t whole = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  const uint64_t divisor = whole / (most_weight + 1) + 1;
  size_t total = 0;
  for (uint32_t& weight : weights) {
    weight = std::max(static_cast<uint32_t>(weight / divisor), 1u);
    total += size_t{weight} * kPointsPerWeight;
  }
  points_.reserve(total);
  for (uint32_t server = 0; server < names.size(); ++server) {
    const HostPort parts = split(names[server]);
    Crc32 base;
    base.update(parts.host).update(std::string_view("\0", 1)).update(parts.port);
    uint32_t previous = 0;
    for (uint64_t i = 0; i < uint64_t{weights[server]} * kPointsPerWeight; ++i) {
      const char bytes[4] = {static_cast<char>(previous), static_cast<char>(previous >> 8),
                             static_cast<char>(previous >> 16), static_cast<char>(previous >> 24)};
      previous = Crc32(base).update(std::string_view(bytes, 4)).value();
      points_.push_back({previous, server});
    }
  }
  const auto order = [](const Point& a, const Point& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.server < b.server;
  };
  std::sort(points_.begin(), points_.end(), order);
  const auto same_hash = [](const Point& a, const Point& b) { return a.hash == b.hash; };
  points_.erase(std::unique(points_.begin(), points_.end(), same_hash), points_.end());
}

size_t Ring::find(uint32_t hash) const {
  const auto before = [](const Point& point, uint32_t h) { return point.hash < h; };
  const auto at = std::lower_bound(points_.begin(), points_.end(), hash, before);
  return at == points_.end() ? 0 : static_cast<size_t>(at - points_.begin());
}

}  // namespace weir::policy
