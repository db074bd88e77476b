// RFC 6761 6.3: localhost and the names below it are loopback, whatever a hosts file or a server says of them; a
// container from scratch has neither. Whoever resolves a name answers these without asking.
#pragma once
#include <string_view>

#include "base/bytes.h"

namespace weir {

inline bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < kName.size() || !iequals(host.substr(host.size() - kName.size()), kName)) return false;
  return host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.';
}

}  // namespace weir
