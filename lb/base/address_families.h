// Which of the two IP families this machine has an address of. A name may have addresses of both: one of a family that
// is not there can neither be listened on nor reached (getaddrinfo's AI_ADDRCONFIG, by which nginx asks).
#pragma once
#include <span>
#include <vector>

#include "base/sockaddr.h"

namespace weir {

struct AddressFamilies {
  bool ipv4 = true, ipv6 = true;
  bool has(const SocketAddress& address) const { return address.is_ipv6() ? ipv6 : ipv4; }
  bool operator==(const AddressFamilies&) const = default;
};

// Of a machine whose interfaces have these addresses. Loopback does not count, it is everywhere; where nothing else is,
// both families are taken to be there.
AddressFamilies families_of(std::span<const SocketAddress> interfaces);

// Of this machine, now. Both where the kernel does not tell.
AddressFamilies own_families();

// Takes out what `families` have not, unless nothing would be left. `address_of` gives an element's SocketAddress.
template <class Element, class AddressOf>
void keep_families(std::vector<Element>& all, AddressFamilies families, AddressOf address_of) {
  std::vector<Element> kept;
  for (const Element& each : all)
    if (families.has(address_of(each))) kept.push_back(each);
  if (!kept.empty()) all = std::move(kept);
}

}  // namespace weir
