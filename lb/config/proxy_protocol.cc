// What `listen ... proxy_protocol` means beyond its own line: whom the listener believes.
#include <algorithm>

#include "config/builder.h"

namespace weir::config {
namespace {

bool listens_on(const ServerModel& server, const SocketAddress& address) {
  return std::any_of(server.listens.begin(), server.listens.end(),
                     [&](const ListenModel& each) { return each.address == address; });
}

}  // namespace

void Builder::settle_proxy_protocol() {
  for (const ProxiedListen& listen : proxied_) {
    if (listen.server >= model_.servers.size()) continue;
    const bool trusted = std::any_of(model_.servers.begin(), model_.servers.end(), [&](const ServerModel& each) {
      return !each.settings.real_ip.trusted.empty() && listens_on(each, listen.address);
    });
    const filter::RealIpOptions& real_ip = model_.servers[listen.server].settings.real_ip;
    if (!trusted)
      diagnostics_.warning(listen.at, "every connection to " + listen.address.to_string() +
                                          " is refused: \"set_real_ip_from ADDRESS;\" names the proxies that may send "
                                          "a PROXY header");
    else if (real_ip.header != filter::RealIpOptions::kProxyProtocol)
      diagnostics_.warning(listen.at, "\"" + real_ip.header +
                                          "\" can be written by any client of a proxy that passes requests on as they "
                                          "are: \"real_ip_header proxy_protocol;\" takes the address of its PROXY "
                                          "header");
  }
}

}  // namespace weir::config
