// Host validation: stricter than RFC 3986's reg-name, which allows what no DNS name has (THREATS row 26).
#include "http/host.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "base/bytes.h"

namespace weir::http {
namespace {

constexpr size_t kLongestHost = 255;

bool is_port(std::string_view text) {
  if (text.size() > 5) return false;
  int port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    port = port * 10 + (c - '0');
  }
  return port <= 65535;
}

// Of a character in a name; none of them: it ends the name.
constexpr uint8_t kPlain = 1, kUpper = 2, kDot = 4;
constexpr auto kNameChar = [] {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    const char c = static_cast<char>(i);
    if (is_alpha(c)) table[i] = to_lower(c) == c ? kPlain : kUpper;
    if (is_digit(c) || c == '-' || c == '_' || c == '~') table[i] = kPlain;
    if (c == '.') table[i] = kDot;
  }
  return table;
}();

std::string_view lower(std::string_view text, Arena& arena) {
  char* out = arena.allocate(text.size());
  for (size_t i = 0; i < text.size(); ++i) out[i] = to_lower(text[i]);
  return {out, text.size()};
}

// The length of "[...]" at the start of `authority`, 0 when it is no IPv6 address.
size_t ipv6_literal(std::string_view authority) {
  const size_t end = authority.find(']');
  char text[INET6_ADDRSTRLEN];
  if (end == std::string_view::npos || end < 2 || end - 1 >= sizeof text) return 0;
  std::memcpy(text, authority.data() + 1, end - 1);
  text[end - 1] = '\0';
  in6_addr address;
  return inet_pton(AF_INET6, text, &address) == 1 ? end + 1 : 0;
}

}  // namespace

std::optional<std::string_view> routing_host(std::string_view authority, Arena& arena) {
  size_t end = 0;
  uint8_t seen = 0;
  if (!authority.empty() && authority.front() == '[') {
    end = ipv6_literal(authority);
    seen = kUpper;
  } else {
    for (uint8_t before = kDot; end < authority.size(); ++end) {
      const uint8_t kind = kNameChar[static_cast<unsigned char>(authority[end])];
      if (kind == 0) break;
      if ((kind & before & kDot) != 0) return std::nullopt;  // no empty label
      seen |= kind;
      before = kind;
    }
  }
  if (end == 0 || end > kLongestHost) return std::nullopt;
  if (end < authority.size() && (authority[end] != ':' || !is_port(authority.substr(end + 1)))) return std::nullopt;
  std::string_view host = authority.substr(0, end);
  if (host.back() == '.') host.remove_suffix(1);
  return (seen & kUpper) != 0 ? lower(host, arena) : host;
}

}  // namespace weir::http
