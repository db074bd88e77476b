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

constexpr auto kHostChar = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    const char c = static_cast<char>(i);
    table[i] = is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
  }
  return table;
}();

std::string_view lower(std::string_view text, Arena& arena) {
  size_t i = 0;
  while (i < text.size() && to_lower(text[i]) == text[i]) ++i;
  if (i == text.size()) return text;
  char* out = arena.allocate(text.size());
  for (i = 0; i < text.size(); ++i) out[i] = to_lower(text[i]);
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
  if (!authority.empty() && authority.front() == '[') {
    end = ipv6_literal(authority);
  } else {
    while (end < authority.size() && kHostChar[static_cast<unsigned char>(authority[end])]) {
      if (authority[end] == '.' && (end == 0 || authority[end - 1] == '.')) return std::nullopt;
      ++end;
    }
  }
  if (end == 0 || end > kLongestHost) return std::nullopt;
  if (end < authority.size() && (authority[end] != ':' || !is_port(authority.substr(end + 1)))) return std::nullopt;
  std::string_view host = authority.substr(0, end);
  if (host.back() == '.') host.remove_suffix(1);
  return lower(host, arena);
}

}  // namespace weir::http
