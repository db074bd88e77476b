#include "base/address_families.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <memory>

namespace weir {
namespace {

bool is_loopback(const SocketAddress& address) {
  const std::string_view bytes = address.address_bytes();
  if (address.is_ipv4()) return bytes[0] == 127;
  return bytes == std::string_view(reinterpret_cast<const char*>(&in6addr_loopback), sizeof in6addr_loopback);
}

}  // namespace

AddressFamilies families_of(std::span<const SocketAddress> interfaces) {
  AddressFamilies seen{false, false};
  for (const SocketAddress& each : interfaces) {
    if (is_loopback(each)) continue;
    seen.ipv4 = seen.ipv4 || each.is_ipv4();
    seen.ipv6 = seen.ipv6 || each.is_ipv6();
  }
  return seen.ipv4 || seen.ipv6 ? seen : AddressFamilies{};
}

AddressFamilies own_families() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(found, &::freeifaddrs);
  std::vector<SocketAddress> interfaces;
  for (const ifaddrs* each = found; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    if (each->ifa_addr->sa_family == AF_INET)
      interfaces.push_back(SocketAddress::from_sockaddr(each->ifa_addr, sizeof(sockaddr_in)));
    if (each->ifa_addr->sa_family == AF_INET6)
      interfaces.push_back(SocketAddress::from_sockaddr(each->ifa_addr, sizeof(sockaddr_in6)));
  }
  return families_of(interfaces);
}

}  // namespace weir
