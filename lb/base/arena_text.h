// Numbers and addresses as text in an arena.
#pragma once
#include <charconv>
#include <string_view>

#include "base/arena.h"
#include "base/sockaddr.h"

namespace weir {

template <class Int>
std::string_view number_text(Int value, Arena& arena) {
  constexpr size_t kDigits = 24;
  char* const text = arena.allocate(kDigits);
  const auto size = static_cast<size_t>(std::to_chars(text, text + kDigits, value).ptr - text);
  arena.shrink_last(text, size);
  return {text, size};
}

// As SocketAddress::ip().
inline std::string_view ip_text(const SocketAddress& address, Arena& arena) {
  char* const text = arena.allocate(SocketAddress::kLongestIp);
  const size_t size = address.write_ip(text);
  arena.shrink_last(text, size);
  return {text, size};
}

}  // namespace weir
