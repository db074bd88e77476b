// Finding the upstream of a proxy_pass, or making one of the address it names.
#include "config/proxy_pass.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/localhost.h"
#include "config/builder.h"
#include "config/proxy_redirect.h"
#include "config/values.h"
#include "proxy/pass_resolver.h"
#include "proxy/pass_url.h"
#include "route/map.h"

namespace weir::config {
namespace {

constexpr uint16_t kHttpPort = 80;  // what the name of an upstream is without a port

bool may_have_uri(const LocationModel& location) {
  return location.kind == route::LocationKind::kPrefix || location.kind == route::LocationKind::kPrefixFinal ||
         location.kind == route::LocationKind::kExact;
}

// A cluster of one server, under the name it was written by.
int implicit_upstream(Call& call, const HostPort& host, const std::string& name, bool resolve) {
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
    server.resolve = resolve;
  } else {
    server.options.address = host.address;
    server.options.name = host.address.to_string();
  }
  made.servers.push_back(std::move(server));
  return call.builder.add_upstream(std::move(made));
}

// The cluster of HOST[:PORT] or unix:PATH: that of the upstream{} of this name, else one made of it. `resolve`: a name
// is asked for again when its answer has run out.
struct Target {
  int cluster = -1;
  std::string host;
  uint16_t port = 0;
  bool host_is_name = false;
};

Result<Target> find_target(Call& call, const proxy::PassUrl& url, bool resolve) {
  const std::string_view authority = url.authority;
  auto host = parse_host_port(authority, url.default_port());
  if (!host) return Unexpected{std::move(host.error())};
  Target target;
  const bool is_socket = host->address.is_unix();
  target.port = is_socket ? url.default_port() : host->port;
  const std::string bare = is_socket ? std::string(authority) : host->host;
  if (const int known = is_socket ? -1 : call.builder.find_upstream(bare, false); known >= 0) {
    if (host->has_port) return Unexpected{"upstream \"" + bare + "\" may not have port " + std::to_string(host->port)};
    target.cluster = known;
    target.host = bare;
    return target;
  }
  const std::string name = is_socket || host->port == kHttpPort ? bare : bare + ":" + std::to_string(host->port);
  target.host = is_socket                          ? "localhost"
                : host->port == url.default_port() ? bare
                                                   : bare + ":" + std::to_string(host->port);
  target.host_is_name = host->address.empty() && !is_localhost(host->host);
  target.cluster = call.builder.find_upstream(name, true);
  if (target.cluster < 0) {
    target.cluster = implicit_upstream(call, *host, name, resolve);
  } else if (const UpstreamModel& first = call.builder.model().upstreams[static_cast<size_t>(target.cluster)];
             target.host_is_name && first.resolver != call.scope.level->resolver) {
    call.warning("\"" + name + "\" is asked for with the \"resolver\" of its first \"proxy_pass\", at " +
                 first.position);
  }
  UpstreamServer& server = call.builder.model().upstreams[static_cast<size_t>(target.cluster)].servers.front();
  server.resolve = server.resolve || (resolve && !server.host.empty());
  return target;
}

// The texts that the beginning of a proxy_pass with variables can become, up to its URI.
struct Beginnings {
  static constexpr size_t kMost = 256;
  std::vector<std::string> texts{""};
  bool complete = true;      // false: a variable in it takes its value from the request
  bool from_values = false;  // values of maps or of `set` are among them

  void append(const std::vector<std::string>& values) {
    std::vector<std::string> longer;
    for (const std::string& text : texts)
      for (const std::string& value : values)
        if (longer.size() < kMost) longer.push_back(text + value);
    texts = std::move(longer);
  }
};

bool begins_with_slash(route::Var id) {
  return id == route::Var::kRequestUri || id == route::Var::kUri || id == route::Var::kDocumentUri;
}

bool has_uri(std::string_view text) {
  return !proxy::split_pass_url(text).uri.empty();
}

// What a map can give without asking the request any further.
std::vector<std::string> literals_of(const route::Map& map, bool& complete) {
  std::vector<std::string> out;
  const route::Template* const source = &map.source();
  map.for_each_template([&](const route::Template& value) {
    if (&value == source) return;
    if (value.is_literal()) {
      out.push_back(value.text());
    } else {
      complete = false;
    }
  });
  std::sort(out.begin(), out.end());  // a map keeps no order
  return out;
}

// What the `set` directives of that variable give it without asking the request.
std::vector<std::string> literals_of(const std::vector<std::string>& values, bool& complete) {
  std::vector<std::string> out;
  for (const std::string& value : values) {
    if (value.find('$') == std::string::npos) {
      out.push_back(value);
    } else {
      complete = false;
    }
  }
  return out;
}

Beginnings beginnings_of(const Builder& builder, const route::Template& text) {
  Beginnings out;
  for (const route::Template::Part& part : text.parts()) {
    if (std::all_of(out.texts.begin(), out.texts.end(), [](const std::string& each) { return has_uri(each); })) break;
    if (!part.is_variable) {
      out.append({part.literal});
    } else if (begins_with_slash(part.variable.id)) {
      break;
    } else if (part.variable.id == route::Var::kMap) {
      out.append(literals_of(*part.variable.map, out.complete));
      out.from_values = true;
    } else if (part.variable.id == route::Var::kSet) {
      const std::vector<std::string> values = literals_of(builder.set_values(part.variable.arg), out.complete);
      if (values.empty()) break;
      out.append(values);
      out.from_values = true;
    } else {
      out.complete = false;
      break;
    }
  }
  return out;
}

std::shared_ptr<const proxy::PassResolver> make_pass_resolver(Call& call, const ResolverOptions& resolver) {
  UpstreamModel model;
  call.builder.prepare_upstream(model, resolver);
  proxy::PassResolver made;
  made.question.servers = resolver.servers;
  made.question.ipv4 = resolver.ipv4;
  made.question.ipv6 = resolver.ipv6;
  made.question.timeout = resolver.timeout;
  made.valid = resolver.valid;
  made.cluster.panic = model.panic;
  if (call.builder.model().main.nginx_defaults) {
    made.cluster.retry_budget_percent = 100;
    made.cluster.retry_budget_min = UINT32_MAX;
  }
  made.pool = model.settings.pool;
  for (const std::string& server : resolver.servers) made.key += server + ' ';
  for (const int64_t each :
       {int64_t{resolver.ipv4}, int64_t{resolver.ipv6}, resolver.timeout.count(), resolver.valid.count(),
        int64_t{made.cluster.panic}, int64_t{made.cluster.retry_budget_percent}, int64_t{made.pool.max_idle},
        int64_t{made.pool.max_requests}, made.pool.max_age.count(), made.pool.idle_timeout.count(),
        int64_t{made.pool.idle_timeout_set}})
    made.key += std::to_string(each) + ' ';
  return std::make_shared<const proxy::PassResolver>(std::move(made));
}

constexpr std::string_view kOnlyConfigured =
    "\"proxy_pass\" reaches upstreams and addresses that the configuration names, also in its maps and variables; "
    "where "
    "a request's own words name another, weir answers 502";
constexpr std::string_view kWherever =
    "\"proxy_pass\" reaches whatever host a request names, as a \"resolver\" is there (server side request forgery): "
    "a \"map\" without variables in its values bounds the hosts";

// With variables: what the configuration itself says of the address is resolved and checked now. An address that only a
// request knows is dialled where a `resolver` says that it may be, and warned about: clients choose where weir connects
// to (server side request forgery).
void pass_to_variable(Call& call) {
  auto compiled = call.compile(0);
  if (!compiled) return;
  const Beginnings beginnings = beginnings_of(call.builder, *compiled);
  using Scheme = proxy::PassUrl::Scheme;
  proxy::ProxyPass pass;
  const ResolverOptions resolver = call.scope.level->resolver;
  if (resolver.is_set()) pass.resolver = make_pass_resolver(call, resolver);
  TlsToPeers& places = call.scope.level->tls_to_peers;
  for (const std::string& text : beginnings.texts) {
    const proxy::PassUrl url = proxy::split_pass_url(text);
    const bool tls = url.scheme == Scheme::kHttps;
    pass.tls = pass.tls || tls;
    if (url.authority.empty() || (!beginnings.complete && !has_uri(text))) continue;  // a part of it is not known
    // A name among the values may be none that this line ever meets: it is asked for until it is there.
    const auto target = find_target(call, url, resolver.is_set() || beginnings.from_values);
    if (target) {
      places.targets.push_back({target->cluster, tls, target->host});
      continue;
    }
    if (!beginnings.from_values) return call.error_at(0, target.error());
    call.warning(target.error() + " of \"" + text + "\", a value of a variable: where it is used, weir answers 502");
  }
  check_inherited_redirect(call);
  if (!beginnings.complete) call.warning(std::string(resolver.is_set() ? kWherever : kOnlyConfigured));
  places.pass_at = call.directive.at;
  const auto& parts = compiled->parts();
  const bool is_clear =
      !parts.front().is_variable && proxy::split_pass_url(parts.front().literal).scheme == Scheme::kHttp;
  pass.tls = !is_clear && (pass.tls || !beginnings.complete);
  pass.dynamic = std::move(*compiled);
  call.scope.level->location.upstream_keepalive = true;
  call.scope.level->location.pass = std::move(pass);
}

}  // namespace

void apply_proxy_pass(Call& call) {
  const std::string& url = call.arg(0);
  if (url.find('$') != std::string::npos) return pass_to_variable(call);
  const proxy::PassUrl parts = proxy::split_pass_url(url);
  if (parts.scheme == proxy::PassUrl::Scheme::kNone)
    return call.error_at(0, "invalid URL prefix in \"" + url + "\", it must be http:// or https://");
  if (parts.uri.starts_with('#'))
    return call.error_at(0, "\"#\" behind the host of \"" + url + "\": no fragment is sent to peers");

  proxy::ProxyPass pass;
  pass.tls = parts.scheme == proxy::PassUrl::Scheme::kHttps;
  pass.has_uri = !parts.uri.empty();
  pass.url = url;
  pass.uri = parts.uri.starts_with('/') || parts.uri.empty() ? std::string(parts.uri) : "/" + std::string(parts.uri);
  const char* const place = call.scope.context == kIfLocation    ? "an \"if\""
                            : call.scope.context == kLimitExcept ? "a \"limit_except\""
                            : call.scope.location != nullptr && !may_have_uri(*call.scope.location)
                                ? "a location given by a regular expression or by name"
                                : nullptr;
  if (pass.has_uri && place != nullptr)
    return call.error_at(0, std::string("\"proxy_pass\" cannot have a URI part in ") + place);

  auto target = find_target(call, parts, false);
  if (!target) return call.error_at(0, std::move(target.error()));
  pass.cluster = target->cluster;
  call.scope.level->tls_to_peers.targets = {{target->cluster, pass.tls, target->host}};
  call.scope.level->tls_to_peers.pass_at = call.directive.at;
  pass.host = std::move(target->host);
  pass.port = target->port;
  pass.host_is_name = target->host_is_name;
  const UpstreamModel& upstream = call.builder.model().upstreams[static_cast<size_t>(pass.cluster)];
  call.scope.level->location.upstream_keepalive = upstream.settings.pool.max_idle != 0;
  call.scope.level->location.pass = std::move(pass);
}

}  // namespace weir::config
