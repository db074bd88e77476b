// set_real_ip_from, real_ip_header, real_ip_recursive (nginx's realip module): who the client is when a trusted proxy
// stands before weir.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/sockaddr.h"
#include "http/head.h"

namespace weir::filter {

struct RealIpOptions {
  static constexpr std::string_view kProxyProtocol = "proxy_protocol";

  std::vector<Cidr> trusted;
  std::string header = "X-Real-IP";  // "X-Forwarded-For" and any other name, or kProxyProtocol
  bool recursive = false;
  bool trusts(const SocketAddress& peer) const { return !trusted.empty() && is_trusted(peer); }

 private:
  bool is_trusted(const SocketAddress& peer) const;
};

// The client's address: of the header when `peer` is trusted and the header holds an address, else `peer`. A list is
// read from the right; recursive skips trusted addresses in it. `announced`: by a PROXY header; null: nobody.
SocketAddress real_ip(const RealIpOptions& options, const SocketAddress& peer, const http::RequestHead& request,
                      const SocketAddress* announced = nullptr);

}  // namespace weir::filter
