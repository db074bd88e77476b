// nginx's values: sizes, times, switches, numbers, addresses with ports. Parsers answer nullopt or a reason; the
// directive adds its name.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/sockaddr.h"

namespace weir::config {

// "512", "8k", "1m", "2g" (either case), in bytes.
std::optional<int64_t> parse_size(std::string_view text);
// "60", "60s", "1500ms", "1h30m", "1d 12h": units y M w d h m s ms, largest first; a bare number is seconds.
std::optional<Millis> parse_time(std::string_view text);
std::optional<bool> parse_flag(std::string_view text);

// The shortest form that reads back as the same.
std::string format_size(int64_t bytes);
std::string format_time(Millis time);
inline std::string format_flag(bool on) {
  return on ? "on" : "off";
}

// HOST[:PORT], [V6][:PORT] or unix:PATH, as in `server` and `proxy_pass`.
struct HostPort {
  SocketAddress address;  // empty when the host is a name
  std::string host;       // as written, with the brackets of IPv6; empty for unix
  uint16_t port = 0;
  bool has_port = false;
};
// The error is nginx's: `invalid port in "a:x"`, `no host in "..."`. The address gets `default_port` where none is
// written.
Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port);

// At most `most` edits (insert, delete, replace, swap of neighbours) turn one into the other: their number, else most
// + 1.
int edit_distance(std::string_view a, std::string_view b, int most);

}  // namespace weir::config
