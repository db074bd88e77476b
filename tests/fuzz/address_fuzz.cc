// Addresses and CIDR blocks: whatever parses must print, and what is printed must parse to the same.
// uses: base
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/sockaddr.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weir::Cidr;
  using weir::SocketAddress;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = SocketAddress::from_ip(text, 80)) {
    const auto again = SocketAddress::from_ip(address->ip(), 80);
    if (!again || !(*again == *address)) std::abort();
    sockaddr_storage storage{};
    const socklen_t length = address->to_sockaddr(storage);
    if (!(SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length) == *address)) std::abort();
    const auto block = Cidr::parse(address->ip());
    if (!block || (address->unmapped() == *address && !block->contains(*address))) std::abort();
  }
  if (const auto block = Cidr::parse(text)) {
    const auto address = SocketAddress::from_ip(text.substr(0, text.find('/')), 0);
    const bool mapped = address && !(address->unmapped() == *address);
    if (address && !mapped && !block->contains(*address)) std::abort();
  }
  const auto unix_address = SocketAddress::from_unix(text);
  sockaddr_storage storage{};
  const socklen_t length = unix_address.to_sockaddr(storage);
  if ((length == 0) != (size > SocketAddress::kLongestUnixPath)) std::abort();
  // sockaddr bytes as a kernel would never give them.
  if (size >= sizeof(sockaddr) && size <= sizeof storage) {
    alignas(sockaddr_storage) uint8_t raw[sizeof storage];
    std::copy_n(data, size, raw);
    (void)SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(raw), static_cast<socklen_t>(size))
        .to_string();
  }
  return 0;
}
