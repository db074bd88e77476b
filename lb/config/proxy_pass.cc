// Finding the upstream of a proxy_pass, or making one of the address it names.
#include "config/proxy_pass.h"

#include "base/bytes.h"
#include "config/builder.h"
#include "config/values.h"

namespace weir::config {
namespace {

constexpr uint16_t kHttpPort = 80;

// "unix:/run/app.sock:/uri" or "host:port/uri": where the URI begins.
size_t uri_start(std::string_view rest) {
  if (!rest.starts_with("unix:")) {
    const size_t at = rest.find_first_of("/?#");
    return at == std::string_view::npos ? rest.size() : at;
  }
  const size_t colon = rest.find(':', 5);
  return colon == std::string_view::npos ? rest.size() : colon;
}

bool may_have_uri(const LocationModel& location) {
  return location.kind == route::LocationKind::kPrefix || location.kind == route::LocationKind::kPrefixFinal ||
         location.kind == route::LocationKind::kExact;
}

void pass_to_variable(Call& call) {
  auto compiled = call.compile(0);
  if (!compiled) return;
  proxy::ProxyPass pass;
  pass.dynamic = std::move(*compiled);
  call.scope.level->location.upstream_keepalive = true;
  call.scope.level->location.pass = std::move(pass);
}

// A cluster of one server, under the name it was written by.
int implicit_upstream(Call& call, const HostPort& host, const std::string& name) {
  UpstreamModel made;
  made.name = name;
  made.implicit = true;
  made.position = call.directive.at.to_string();
  call.builder.prepare_upstream(made, call.scope.level->resolver);
  UpstreamServer server;
  server.written = name;
  server.port = host.port;
  server.position = made.position;
  server.options.server = name;
  if (host.address.empty()) {
    server.host = host.host;
  } else {
    server.options.address = host.address;
    server.options.name = host.address.to_string();
  }
  made.servers.push_back(std::move(server));
  return call.builder.add_upstream(std::move(made));
}

}  // namespace

void apply_proxy_pass(Call& call) {
  const std::string& url = call.arg(0);
  if (url.find('$') != std::string::npos) return pass_to_variable(call);
  if (iequals(std::string_view(url).substr(0, 8), "https://"))
    return call.error_at(0, "https:// towards an upstream is known to nginx, but not supported by weir yet");
  if (!iequals(std::string_view(url).substr(0, 7), "http://"))
    return call.error_at(0, "invalid URL prefix in \"" + url + "\", it must be http://");
  const std::string_view rest = std::string_view(url).substr(7);
  const size_t cut = uri_start(rest);
  const std::string_view authority = rest.substr(0, cut);
  std::string_view uri = rest.substr(cut);
  if (uri.starts_with(':')) uri.remove_prefix(1);

  proxy::ProxyPass pass;
  pass.has_uri = !uri.empty();
  pass.uri = uri.starts_with('/') || uri.empty() ? std::string(uri) : "/" + std::string(uri);
  if (pass.has_uri && call.scope.location != nullptr && !may_have_uri(*call.scope.location))
    return call.error_at(
        0, "\"proxy_pass\" cannot have a URI part in a location given by a regular expression or by name");

  auto host = parse_host_port(authority, kHttpPort);
  if (!host) return call.error_at(0, std::move(host.error()));
  pass.port = host->port;
  const bool is_socket = host->address.is_unix();
  const std::string bare = is_socket ? std::string(authority) : host->host;
  if (const int known = is_socket ? -1 : call.builder.find_upstream(bare, false); known >= 0) {
    if (host->has_port)
      return call.error_at(0, "upstream \"" + bare + "\" may not have port " + std::to_string(host->port));
    pass.cluster = known;
    pass.host = bare;
  } else {
    if (is_socket) pass.port = kHttpPort;
    const std::string name = is_socket || host->port == kHttpPort ? bare : bare + ":" + std::to_string(host->port);
    pass.host = is_socket ? "localhost" : name;
    pass.host_is_name = host->address.empty();
    pass.cluster = call.builder.find_upstream(name, true);
    if (pass.cluster < 0) {
      pass.cluster = implicit_upstream(call, *host, name);
    } else if (const UpstreamModel& first = call.builder.model().upstreams[static_cast<size_t>(pass.cluster)];
               pass.host_is_name && first.resolver != call.scope.level->resolver) {
      call.warning("\"" + name + "\" is asked for with the \"resolver\" of its first \"proxy_pass\", at " +
                   first.position);
    }
  }
  const UpstreamModel& upstream = call.builder.model().upstreams[static_cast<size_t>(pass.cluster)];
  call.scope.level->location.upstream_keepalive = upstream.settings.pool.max_idle != 0;
  call.scope.level->location.pass = std::move(pass);
}

}  // namespace weir::config
