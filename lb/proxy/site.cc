#include "proxy/site.h"

#include "proxy/pass_url.h"

namespace weir::proxy {

// An upstream{} stands under its name alone, an address under its name and port, but for port 80 (config/proxy_pass.cc
// makes them).
int Site::find_cluster(const PassUrl& url) const {
  const auto find = [this](const std::string& name) {
    const auto at = cluster_by_name.find(name);
    return at == cluster_by_name.end() ? -1 : at->second;
  };
  if (url.is_socket()) return find(std::string(url.authority));
  const uint16_t port = url.port();
  std::string host(url.authority);
  if (const std::string written = ":" + std::to_string(port); host.ends_with(written))
    host.resize(host.size() - written.size());
  if (port == url.default_port()) {
    const int named = find(host);
    if (named >= 0 && (port == 80 || !clusters[static_cast<size_t>(named)].implicit)) return named;
  }
  return find(port == 80 ? host : host + ":" + std::to_string(port));
}

}  // namespace weir::proxy
