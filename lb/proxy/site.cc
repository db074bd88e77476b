#include "proxy/site.h"

#include "proxy/pass_url.h"

namespace weir::proxy {

// An upstream{} stands under its name alone, and has no port; an address under its name and port, but for port 80
// (config/proxy_pass.cc makes them).
int Site::find_cluster(const PassUrl& url) const {
  const auto find = [this](const std::string& name) {
    const auto at = cluster_by_name.find(name);
    return at == cluster_by_name.end() ? -1 : at->second;
  };
  if (url.is_socket()) return find(std::string(url.authority));
  const uint16_t port = url.port();
  std::string host(url.authority);
  const std::string written = ":" + std::to_string(port);
  const bool has_port = host.ends_with(written);
  if (has_port) host.resize(host.size() - written.size());
  const int named = find(host);
  if (named >= 0 && (clusters[static_cast<size_t>(named)].implicit ? port == 80 : !has_port)) return named;
  return port == 80 ? -1 : find(host + written);
}

}  // namespace weir::proxy
