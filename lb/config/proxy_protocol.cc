// What `proxy_protocol` means beyond its own line: whom a listener believes, and which health checks announce
// themselves.
#include <algorithm>
#include <map>

#include "config/builder.h"

namespace weir::config {
namespace {

bool listens_on(const ServerModel& server, const SocketAddress& address) {
  return std::any_of(server.listens.begin(), server.listens.end(),
                     [&](const ListenModel& each) { return each.address == address; });
}

using Announced = std::map<int, http::ProxyProtocol>;  // by upstream

// The upstreams whose peers are sent headers by some locations and none, or others, by the rest go into `mixed`.
void collect(const std::vector<LocationModel>& locations, Announced& into, std::vector<int>& mixed) {
  for (const LocationModel& each : locations) {
    if (each.settings.pass && each.settings.pass->cluster >= 0) {
      const int upstream = each.settings.pass->cluster;
      const auto [at, fresh] = into.try_emplace(upstream, each.settings.proxy_protocol);
      if (!fresh && at->second != each.settings.proxy_protocol) {
        mixed.push_back(upstream);
        at->second = std::max(at->second, each.settings.proxy_protocol);
      }
    }
    collect(each.nested, into, mixed);
  }
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
  Announced announced;
  std::vector<int> mixed;
  for (const ServerModel& server : model_.servers) collect(server.locations, announced, mixed);
  for (const auto& [index, version] : announced) {
    if (version == http::ProxyProtocol::kOff) continue;
    UpstreamModel& upstream = model_.upstreams[static_cast<size_t>(index)];
    // A port of its own is not where requests go.
    for (upstream::CheckOptions& check : upstream.checks)
      if (check.port == 0) check.announce = version;
    if (std::find(mixed.begin(), mixed.end(), index) != mixed.end())
      diagnostics_.warning(announcements_.front(),
                           "upstream \"" + upstream.name +
                               "\" is sent PROXY headers by some locations and none, or others, by the rest");
  }
}

}  // namespace weir::config
