#include "route/geo.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace weir::route {
namespace {

Geo::Number number_of(const SocketAddress& address) {
  Geo::Number out{};
  const std::string_view bytes = address.address_bytes();
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(out.data()) + (out.size() - bytes.size()));
  return out;
}

// False behind the last of all.
bool increment(Geo::Number& number, size_t bytes) {
  for (size_t i = number.size(); i-- > number.size() - bytes;)
    if (++number[i] != 0) return true;
  return false;
}

}  // namespace

int Geo::add_value(std::string value) {
  const auto [known, fresh] = value_index_.emplace(value, static_cast<int>(values_.size()));
  if (fresh) values_.push_back(std::move(value));
  return known->second;
}

Result<Geo::Network> Geo::parse_network(std::string_view text, bool& is_ipv6) {
  const auto wrong = [&] { return Unexpected{"invalid network \"" + std::string(text) + "\""}; };
  const size_t slash = text.find('/');
  const auto address = SocketAddress::from_ip(text.substr(0, slash), 0);
  if (!address || text.starts_with('[')) return wrong();
  is_ipv6 = address->is_ipv6();
  const int most = is_ipv6 ? 128 : 32;
  int bits = most;
  if (slash != std::string_view::npos) {
    const auto mask = parse_decimal(text.substr(slash + 1));
    if (!mask || *mask > most) return wrong();
    bits = static_cast<int>(*mask);
  }
  Network out{number_of(*address), {}, bits};
  out.last = out.first;
  const int skipped = 128 - most;  // of the number, in front of an IPv4 address
  for (int bit = skipped + bits; bit < 128; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80 >> (bit % 8));
    auto& low = out.first[static_cast<size_t>(bit / 8)];
    auto& high = out.last[static_cast<size_t>(bit / 8)];
    low = static_cast<uint8_t>(low & ~mask);
    high = static_cast<uint8_t>(high | mask);
  }
  return out;
}

Result<bool> Geo::add_network(std::string_view network, std::string value) {
  bool is_ipv6 = false;
  auto parsed = parse_network(network, is_ipv6);
  if (!parsed) return Unexpected{std::move(parsed.error())};
  const int index = add_value(std::move(value));
  return !(is_ipv6 ? networks6_ : networks4_).insert_or_assign(*parsed, index).second;
}

Result<bool> Geo::remove_network(std::string_view network) {
  bool is_ipv6 = false;
  auto parsed = parse_network(network, is_ipv6);
  if (!parsed) return Unexpected{std::move(parsed.error())};
  return (is_ipv6 ? networks6_ : networks4_).erase(*parsed) != 0;
}

Result<Geo::Network> Geo::parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = SocketAddress::from_ip(text.substr(0, dash), 0);
  const auto last = dash == std::string_view::npos ? std::nullopt : SocketAddress::from_ip(text.substr(dash + 1), 0);
  if (!first || !last || !first->is_ipv4() || !last->is_ipv4() || number_of(*last) < number_of(*first))
    return Unexpected{"invalid range \"" + std::string(text) + "\""};
  return Network{number_of(*first), number_of(*last), 0};
}

// What lies within has the value from here on.
void Geo::paint(Steps& steps, const Number& first, const Number& last, int value) {
  const auto value_at = [&steps](const Number& at) {
    const auto next = steps.upper_bound(at);
    return next == steps.begin() ? kDefault : std::prev(next)->second;
  };
  Number behind = last;
  const bool has_behind = increment(behind, behind.size());
  const int rest = has_behind ? value_at(behind) : kDefault;
  steps.erase(steps.lower_bound(first), has_behind ? steps.lower_bound(behind) : steps.end());
  steps[first] = value;
  if (has_behind) steps[behind] = rest;
}

Status<> Geo::add_range(std::string_view range, std::string value) {
  auto parsed = parse_range(range);
  if (!parsed) return Unexpected{std::move(parsed.error())};
  const auto [first, last, bits] = *parsed;
  // A border strictly inside it belongs to another range.
  const auto border = ranges_.upper_bound(first);
  if (border != ranges_.end() && border->first <= last)
    return Unexpected{"range \"" + std::string(range) + "\" overlaps another"};
  paint(ranges_, first, last, add_value(std::move(value)));
  return Void{};
}

Status<> Geo::remove_range(std::string_view range) {
  auto parsed = parse_range(range);
  if (!parsed) return Unexpected{std::move(parsed.error())};
  paint(ranges_, parsed->first, parsed->last, kDefault);
  return Void{};
}

Status<> Geo::add_proxy(std::string_view network) {
  const auto block = Cidr::parse(network);
  if (!block) return Unexpected{"invalid network \"" + std::string(network) + "\""};
  proxies_.push_back(*block);
  return Void{};
}

void Geo::freeze() {
  const auto flatten = [](const std::map<Network, int, Less>& networks, Steps steps) {
    for (const auto& [network, value] : networks) paint(steps, network.first, network.last, value);
    std::vector<Step> out;
    out.reserve(steps.size());
    for (const auto& [from, value] : steps) out.push_back({from, value});
    return out;
  };
  steps4_ = flatten(networks4_, std::move(ranges_));
  steps6_ = flatten(networks6_, {});
  networks4_.clear();
  networks6_.clear();
  value_index_.clear();
}

std::string_view Geo::value_of(const SocketAddress& address) const {
  const std::vector<Step>& steps = address.is_ipv6() ? steps6_ : steps4_;
  const Number number = number_of(address);
  const auto next = std::upper_bound(steps.begin(), steps.end(), number,
                                     [](const Number& at, const Step& step) { return at < step.from; });
  const int value = next == steps.begin() ? kDefault : std::prev(next)->value;
  const int shown = value == kDefault ? default_ : value;
  return shown == kDefault ? std::string_view() : std::string_view(values_[static_cast<size_t>(shown)]);
}

// As nginx's ngx_http_get_forwarded_addr: the last address, and where it is a proxy's too and proxy_recursive is on,
// the one before.
SocketAddress Geo::client(const SocketAddress& address, const VariableSource& source, Arena& arena) const {
  const auto is_proxy = [this](const SocketAddress& of) {
    return std::any_of(proxies_.begin(), proxies_.end(), [&](const Cidr& block) { return block.contains(of); });
  };
  SocketAddress client = address;
  std::string_view list = forwarded_.render(source, arena);
  while (is_proxy(client)) {
    const size_t end = list.find_last_not_of(", \t");
    if (end == std::string_view::npos) break;
    const size_t before = list.find_last_of(", \t", end);
    const auto forwarded = SocketAddress::from_ip(list.substr(before + 1, end - before), 0);
    if (!forwarded) break;
    client = forwarded->unmapped();
    if (!recursive_ || before == std::string_view::npos) break;
    list = list.substr(0, before);
  }
  return client;
}

std::string_view Geo::find(std::string_view text, const VariableSource& source, Arena& arena) const {
  auto address = SocketAddress::from_ip(text, 0);
  // A client of a unix socket, or no address at all: as nginx's INADDR_NONE.
  if (!address) address = SocketAddress::from_ip("255.255.255.255", 0);
  const SocketAddress plain = address->unmapped();
  return value_of(has_proxies() ? client(plain, source, arena) : plain);
}

}  // namespace weir::route
