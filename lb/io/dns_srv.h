// SRV records (RFC 2782) and aliases of a DNS message. Private to io/.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::io {

struct SrvTarget {
  std::string host;
  uint16_t port = 0;
  uint16_t priority = 0;
  uint16_t weight = 0;
};

struct SrvAnswer {
  std::vector<SrvTarget> targets;  // lowest priority first; at most 256
  int ttl_seconds = 0;
  std::string alias;  // what the name is an alias of at last, by the message's CNAME records; empty: it is none
};

// Records of the name that the message asks for, or of what that is an alias of; others are passed over, and so is a
// target that is no host name ("." says that there is no such service). Nullopt when the message is malformed.
std::optional<SrvAnswer> parse_srv(std::string_view message);

// Only the alias and its TTL, of a message about records of any type.
std::optional<SrvAnswer> parse_alias(std::string_view message);

}  // namespace weir::io
