// Parsing and printing of values.
#include "config/values.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace weir::config {
namespace {

constexpr int64_t kLongestTime = 100LL * 365 * 86'400 * 1000;

struct Unit {
  std::string_view name;
  int64_t ms;
};
// In the order that they may follow each other in.
constexpr Unit kUnits[] = {{"y", 365LL * 86'400'000},
                           {"M", 30LL * 86'400'000},
                           {"w", 7LL * 86'400'000},
                           {"d", 86'400'000},
                           {"h", 3'600'000},
                           {"m", 60'000},
                           {"s", 1000},
                           {"ms", 1}};

// The unit at the start of `text`, longest first: "ms" is not "m".
int unit_at(std::string_view text) {
  if (text.starts_with("ms")) return 7;
  for (int i = 0; i < 7; ++i)
    if (text.starts_with(kUnits[i].name)) return i;
  return -1;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto port = parse_decimal(text);
  if (!port || *port < 1 || *port > 65'535) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

}  // namespace

std::optional<int64_t> parse_size(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    switch (to_lower(text.back())) {
      case 'k': shift = 10; break;
      case 'm': shift = 20; break;
      case 'g': shift = 30; break;
      default: break;
    }
    if (shift != 0) text.remove_suffix(1);
  }
  const auto number = parse_decimal(text);
  if (!number || *number > (INT64_MAX >> shift)) return std::nullopt;
  return *number << shift;
}

std::optional<Millis> parse_time(std::string_view text) {
  int64_t total = 0;
  int last = -1;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    const auto number = parse_decimal(text.substr(0, digits));
    if (!number) return std::nullopt;
    text.remove_prefix(digits);
    const int unit = text.empty() || text[0] == ' ' ? 6 : unit_at(text);
    if (unit <= last) return std::nullopt;  // -1, unknown, is among them
    last = unit;
    if (!text.empty() && text[0] != ' ') text.remove_prefix(kUnits[unit].name.size());
    if (*number > kLongestTime / kUnits[unit].ms) return std::nullopt;
    total += *number * kUnits[unit].ms;
    if (total > kLongestTime) return std::nullopt;
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  }
  return Millis(total);
}

std::optional<bool> parse_flag(std::string_view text) {
  if (iequals(text, "on")) return true;
  if (iequals(text, "off")) return false;
  return std::nullopt;
}

std::string format_size(int64_t bytes) {
  if (bytes != 0) {
    if (bytes % (1 << 30) == 0) return std::to_string(bytes >> 30) + "g";
    if (bytes % (1 << 20) == 0) return std::to_string(bytes >> 20) + "m";
    if (bytes % (1 << 10) == 0) return std::to_string(bytes >> 10) + "k";
  }
  return std::to_string(bytes);
}

std::string format_time(Millis time) {
  if (time.count() == 0) return "0";
  // Years, months and weeks are left out: "30d" says more than "1M".
  for (const int unit : {3, 4, 5, 6})
    if (time.count() % kUnits[unit].ms == 0)
      return std::to_string(time.count() / kUnits[unit].ms) + std::string(kUnits[unit].name);
  return std::to_string(time.count()) + "ms";
}

Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port) {
  HostPort out;
  const std::string quoted = "\"" + std::string(text) + "\"";
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    if (path.empty()) return Unexpected{"no path in the unix domain socket " + quoted};
    if (path.size() >= 108) return Unexpected{"too long path in the unix domain socket " + quoted};
    out.address = SocketAddress::from_unix(path);
    return out;
  }
  std::string_view host = text;
  std::string_view port;
  bool colon = false;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return Unexpected{"invalid host in " + quoted};
    host = text.substr(0, close + 1);
    const std::string_view rest = text.substr(close + 1);
    colon = !rest.empty();
    if (colon && rest[0] != ':') return Unexpected{"invalid host in " + quoted};
    if (colon) port = rest.substr(1);
  } else if (const size_t at = text.rfind(':'); at != std::string_view::npos) {
    if (text.find(':') != at)
      return Unexpected{"invalid host in " + quoted + ", an IPv6 address is written in brackets"};
    host = text.substr(0, at);
    port = text.substr(at + 1);
    colon = true;
  }
  if (host.empty()) return Unexpected{"no host in " + quoted};
  if (host.find('/') != std::string_view::npos) return Unexpected{"invalid host in " + quoted};
  out.port = default_port;
  if (colon) {
    const auto number = parse_port(port);
    if (!number) return Unexpected{"invalid port in " + quoted};
    out.port = *number;
    out.has_port = true;
  }
  out.host = host;
  if (const auto address = SocketAddress::from_ip(host, out.port)) {
    out.address = *address;
  } else if (host[0] == '[') {
    return Unexpected{"invalid IPv6 address in " + quoted};
  }
  return out;
}

int edit_distance(std::string_view a, std::string_view b, int most) {
  const int difference = static_cast<int>(a.size()) - static_cast<int>(b.size());
  if (difference > most || -difference > most) return most + 1;
  constexpr size_t kLongest = 64;
  if (b.size() > kLongest) return most + 1;
  // Three rows of the usual table: the swap of neighbours looks two rows back.
  std::array<int, kLongest + 1> before{}, last{}, row{};
  for (size_t k = 0; k <= b.size(); ++k) last[k] = static_cast<int>(k);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t k = 1; k <= b.size(); ++k) {
      const int replace = last[k - 1] + (a[i - 1] == b[k - 1] ? 0 : 1);
      row[k] = std::min({replace, last[k] + 1, row[k - 1] + 1});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) row[k] = std::min(row[k], before[k - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], most + 1);
}

}  // namespace weir::config
