// upstream{}: its servers, how to choose among them, and the pool of connections.
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

constexpr auto kSettings = &UpstreamModel::settings;
constexpr auto kPool = &proxy::ClusterSettings::pool;

constexpr std::string_view kServerParameters[] = {"weight", "max_conns",  "max_fails", "fail_timeout", "backup", "down",
                                                  "drain",  "slow_start", "route",     "resolve",      "service"};
// nginx's limit is 32; it goes into a cookie.
constexpr size_t kLongestRoute = 64;

void apply_idle_timeout(Call& call) {
  apply_time<kSettings, kPool, &upstream::PoolOptions::idle_timeout>(call);
  field<kSettings, kPool, &upstream::PoolOptions::idle_timeout_set>(call.scope) = true;
}
constexpr Kind kIdleTimeout{"TIME", 1, 1, apply_idle_timeout,
                            show_time<kSettings, kPool, &upstream::PoolOptions::idle_timeout>};

bool is_service(std::string_view text) {
  return !text.empty() && text.size() < 256 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

// One parameter of `server`; false when it is none.
bool apply_parameter(Call& call, size_t i, UpstreamServer& server) {
  const std::string& text = call.arg(i);
  const size_t equals = text.find('=');
  const std::string_view name = std::string_view(text).substr(0, equals);
  const std::string_view value =
      equals == std::string::npos ? std::string_view() : std::string_view(text).substr(equals + 1);
  policy::PeerOptions& options = server.options;
  const auto number = [&](uint32_t& into, int64_t least) {
    const auto n = parse_decimal(value);
    if (!n || *n < least || *n > INT32_MAX) return false;
    into = static_cast<uint32_t>(*n);
    return true;
  };
  if (equals == std::string::npos) {
    if (name == "backup") return options.backup = true;
    if (name == "down") return options.down = true;
    if (name == "drain") return options.drain = true;
    if (name == "resolve") return server.resolve = true;
    return false;
  }
  if (name == "weight") return number(options.weight, 1);
  if (name == "max_fails") return number(options.passive.max_fails, 0);
  if (name == "max_conns") return number(options.max_conns, 0);
  if (name == "fail_timeout" || name == "slow_start") {
    const auto time = parse_time(value);
    if (time) (name == "slow_start" ? options.slow_start : options.passive.fail_timeout) = *time;
    return time.has_value();
  }
  if (name == "route") {
    options.route = value;
    return !value.empty() && value.size() <= kLongestRoute && is_visible_text(value, ";,\"\\");
  }
  if (name == "service") {
    server.service = value;
    return is_service(value);
  }
  return false;
}

// Names that are asked for again, and what they cannot be; the words are nginx's.
void check_resolve(const Call& call, const UpstreamServer& server, const HostPort& host) {
  if (server.resolve && server.host.empty())
    call.error("\"resolve\" needs a host name, and \"" + server.written + "\" is an address");
  if (server.service.empty()) return;
  const std::string service = "service upstream \"" + server.written + "\" ";
  if (!server.resolve) {
    call.error(service + "requires \"resolve\" parameter");
  } else if (host.has_port) {
    call.error(service + "may not have port");
  }
}

// As nginx: what a key or chance decides knows neither tiers nor ramps.
void check_method(const Call& call) {
  using policy::Method;
  const Method method = call.scope.upstream->method;
  if (method == Method::kRoundRobin || method == Method::kLeastConn || method == Method::kLeastTimeHeader ||
      method == Method::kLeastTimeLastByte)
    return;
  for (const std::string_view parameter : {"backup", "slow_start="})
    for (size_t i = 1; i < call.count(); ++i)
      if (call.arg(i).starts_with(parameter))
        call.error("balancing method does not support parameter \"" +
                   std::string(parameter.substr(0, parameter.find('='))) + "\"");
}

void apply_server(Call& call) {
  UpstreamServer server;
  server.written = call.arg(0);
  server.position = call.directive.at.to_string();
  auto host = parse_host_port(server.written, 80);
  if (!host) return call.error_at(0, host.error() + " of the upstream \"" + call.scope.upstream->name + "\"");
  server.port = host->port;
  server.options.server = server.written;
  if (host->address.empty()) {
    server.host = host->host;
  } else {
    server.options.address = host->address;
    server.options.name = host->address.to_string();
  }
  for (size_t i = 1; i < call.count(); ++i) {
    if (apply_parameter(call, i, server)) continue;
    const std::string_view name = std::string_view(call.arg(i)).substr(0, call.arg(i).find('='));
    const bool known =
        std::find(std::begin(kServerParameters), std::end(kServerParameters), name) != std::end(kServerParameters);
    call.error_at(i,
                  "invalid parameter \"" + call.arg(i) + "\"" + (known ? "" : did_you_mean(name, kServerParameters)));
  }
  check_resolve(call, server, *host);
  check_method(call);
  call.scope.upstream->servers.push_back(std::move(server));
}

std::vector<std::string> show_server(const Scope& scope) {
  const policy::PeerOptions fresh;
  std::vector<std::string> out;
  for (const UpstreamServer& server : scope.upstream->servers) {
    const policy::PeerOptions& options = server.options;
    std::string line = quote_word(server.written);
    if (options.weight != fresh.weight) line += " weight=" + std::to_string(options.weight);
    if (options.max_conns != fresh.max_conns) line += " max_conns=" + std::to_string(options.max_conns);
    if (options.passive.max_fails != fresh.passive.max_fails)
      line += " max_fails=" + std::to_string(options.passive.max_fails);
    if (options.passive.fail_timeout != fresh.passive.fail_timeout)
      line += " fail_timeout=" + format_time(options.passive.fail_timeout);
    if (options.slow_start != fresh.slow_start) line += " slow_start=" + format_time(options.slow_start);
    if (!options.route.empty()) line += " " + quote_word("route=" + options.route);
    if (!server.service.empty()) line += " service=" + server.service;
    if (server.resolve) line += " resolve";
    if (options.backup) line += " backup";
    if (options.down) line += " down";
    if (options.drain) line += " drain";
    out.push_back(line);
  }
  return out;
}

void choose(Call& call, policy::Method method) {
  if (call.scope.upstream->method != policy::Method::kRoundRobin) call.warning("load balancing method redefined");
  call.scope.upstream->method = method;
}

template <policy::Method M>
void apply_method(Call& call) {
  choose(call, M);
}
template <policy::Method M>
std::vector<std::string> show_method(const Scope& scope) {
  if (scope.upstream->method != M) return {};
  return {""};
}

void apply_hash(Call& call) {
  if (call.count() == 2 && call.arg(1) != "consistent") return call.invalid(1, "\"consistent\"");
  if (call.arg(0).empty()) return call.invalid(0, "a key");
  auto key = call.compile(0);
  if (!key) return;
  choose(call, call.count() == 2 ? policy::Method::kHashConsistent : policy::Method::kHash);
  call.scope.upstream->settings.hash_key = std::move(*key);
}
std::vector<std::string> show_hash(const Scope& scope) {
  const UpstreamModel& upstream = *scope.upstream;
  if (upstream.method != policy::Method::kHash && upstream.method != policy::Method::kHashConsistent) return {};
  return {quote_word(upstream.settings.hash_key.text()) +
          (upstream.method == policy::Method::kHashConsistent ? " consistent" : "")};
}

void apply_random(Call& call) {
  if (call.count() >= 1 && call.arg(0) != "two") return call.invalid(0, "\"two\"");
  if (call.count() == 0) return choose(call, policy::Method::kRandom);
  if (call.count() == 1 || call.arg(1) == "least_conn") return choose(call, policy::Method::kRandomTwo);
  if (call.arg(1) == "least_time=header") return choose(call, policy::Method::kRandomTwoHeader);
  if (call.arg(1) == "least_time=last_byte") return choose(call, policy::Method::kRandomTwoLastByte);
  call.invalid(1, "least_conn, least_time=header or least_time=last_byte");
}
std::vector<std::string> show_random(const Scope& scope) {
  if (scope.upstream->method == policy::Method::kRandom) return {""};
  if (scope.upstream->method == policy::Method::kRandomTwo) return {"two"};
  if (scope.upstream->method == policy::Method::kRandomTwoHeader) return {"two least_time=header"};
  if (scope.upstream->method == policy::Method::kRandomTwoLastByte) return {"two least_time=last_byte"};
  return {};
}

void apply_least_time(Call& call) {
  if (call.arg(0) != "header" && call.arg(0) != "last_byte") return call.invalid(0, "header or last_byte");
  if (call.count() == 2) {
    if (call.arg(1) != "inflight") return call.error_at(1, "invalid parameter \"" + call.arg(1) + "\"");
    return call.error_at(1, "\"inflight\" is known to nginx, but not supported by weir yet");
  }
  choose(call, call.arg(0) == "header" ? policy::Method::kLeastTimeHeader : policy::Method::kLeastTimeLastByte);
}
std::vector<std::string> show_least_time(const Scope& scope) {
  if (scope.upstream->method == policy::Method::kLeastTimeHeader) return {"header"};
  if (scope.upstream->method == policy::Method::kLeastTimeLastByte) return {"last_byte"};
  return {};
}

void apply_queue(Call& call) {
  static constexpr std::string_view kQueueParameters[] = {"timeout="};
  policy::QueueOptions queue;
  const auto most = parse_decimal(call.arg(0));
  if (!most || *most < 1 || *most > INT32_MAX) return call.invalid(0, "a number from 1 to 2147483647");
  queue.most = static_cast<uint32_t>(*most);
  Parameters parameters(call, 1, kQueueParameters);
  while (parameters.next())
    if (const auto time = parameters.time(1)) queue.timeout = *time;
  call.scope.upstream->settings.queue = queue;
  const auto& servers = call.scope.upstream->servers;
  if (std::all_of(servers.begin(), servers.end(),
                  [](const UpstreamServer& each) { return each.options.max_conns == 0; }))
    call.warning("\"queue\" is for places that \"max_conns\" limits, and no server has it");
}
std::vector<std::string> show_queue(const Scope& scope) {
  const policy::QueueOptions& queue = scope.upstream->settings.queue;
  if (queue.most == 0) return {};
  return {std::to_string(queue.most) + " timeout=" + format_time(queue.timeout)};
}

void apply_keepalive(Call& call) {
  if (call.count() == 2 && call.arg(1) != "local") return call.invalid(1, "\"local\"");
  const bool is_off = call.arg(0) == "off" || parse_decimal(call.arg(0)) == 0;  // nginx's word for it is 0
  if (is_off && call.count() == 1) {
    call.scope.upstream->settings.pool.max_idle = 0;
    return;
  }
  if (parse_decimal(call.arg(0)) == 0) return call.invalid(0, "a number of connections, or \"off\"");
  apply_number<kSettings, kPool, &upstream::PoolOptions::max_idle>(call);
}
std::vector<std::string> show_keepalive(const Scope& scope) {
  const uint64_t most = scope.upstream->settings.pool.max_idle;
  return {most == 0 ? "off" : std::to_string(most)};
}

void apply_zone(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a name");
  if (call.count() == 1) return call.builder.note_zone(call.arg(0), std::nullopt, call.directive.at);
  const auto size = parse_size(call.arg(1));
  if (!size) return call.invalid(1, "a size like 64k");
  call.builder.note_zone(call.arg(0), size, call.directive.at);
}

using policy::Method;
constexpr int64_t kFourG = 0xffffffff;

const Row kRows[] = {
    {
        .name = "server",
        .contexts = kUpstream,
        .kind = {.form = "ADDRESS [PARAMETER ...]", .most_args = -1, .apply = apply_server, .show = show_server},
        .help = "One server: weight=, max_conns=, max_fails=, fail_timeout=, slow_start=, route=, backup, down, drain "
                "(only requests that are bound to it); resolve: the name is asked for again when its answer has run "
                "out, service=: by SRV.",
        .times = Times::kMany,
        .turn = Turn::kServers,
    },
    {
        .name = "ip_hash",
        .contexts = kUpstream,
        .kind = {.least_args = 0,
                 .most_args = 0,
                 .apply = apply_method<Method::kIpHash>,
                 .show = show_method<Method::kIpHash>},
        .help = "By the client's address.",
    },
    {
        .name = "least_conn",
        .contexts = kUpstream,
        .kind = {.least_args = 0,
                 .most_args = 0,
                 .apply = apply_method<Method::kLeastConn>,
                 .show = show_method<Method::kLeastConn>},
        .help = "The server with the fewest requests in flight for its weight.",
    },
    {
        .name = "hash",
        .contexts = kUpstream,
        .kind = {.form = "KEY [consistent]", .most_args = 2, .apply = apply_hash, .show = show_hash},
        .help = "By a key; consistent: a ketama ring. Weights above 25000 together are divided for it.",
    },
    {
        .name = "random",
        .contexts = kUpstream,
        .kind = {.form = "[two [least_conn | least_time=header | least_time=last_byte]]",
                 .least_args = 0,
                 .most_args = 2,
                 .apply = apply_random,
                 .show = show_random},
        .help = "By chance; two: the less busy, or the faster one of two.",
    },
    {
        .name = "least_time",
        .contexts = kUpstream,
        .kind = {.form = "header | last_byte", .most_args = 2, .apply = apply_least_time, .show = show_least_time},
        .help = "The fastest server for its weight and its requests in flight, by the time to the head or to the end "
                "of answers.",
    },
    {
        .name = "queue",
        .contexts = kUpstream,
        .kind = {.form = "NUMBER [timeout=TIME]", .most_args = 2, .apply = apply_queue, .show = show_queue},
        .help = "How many requests may wait, and how long (60s), while every server is at max_conns.",
        .turn = Turn::kWhole,
    },
    {
        .name = "keepalive",
        .contexts = kUpstream,
        .kind = {.form = "CONNECTIONS [local] | off", .most_args = 2, .apply = apply_keepalive, .show = show_keepalive},
        .weir_default = "64",
        .nginx_default = "32",
        .help =
            "Idle connections kept open, for each worker; off: none. An address in a proxy_pass keeps as many, under "
            "nginx's defaults none.",
        .most = kFourG,
    },
    {
        .name = "keepalive_timeout",
        .contexts = kUpstream,
        .kind = kIdleTimeout,
        .weir_default = "4s",
        .nginx_default = "60s",
        .help = "How long an idle connection is kept; less where the peer announces so (`Keep-Alive: timeout=N`, less "
                "a second). "
                "Without this directive the announced time holds, a longer one too.",
    },
    {
        .name = "keepalive_requests",
        .contexts = kUpstream,
        .kind = kNumber<kSettings, kPool, &upstream::PoolOptions::max_requests>,
        .weir_default = "1000",
        .nginx_default = "1000",
        .help = "Requests on one connection.",
        .least = 1,
        .most = kFourG,
    },
    {
        .name = "keepalive_time",
        .contexts = kUpstream,
        .kind = kTime<kSettings, kPool, &upstream::PoolOptions::max_age>,
        .weir_default = "1h",
        .nginx_default = "1h",
        .help = "The greatest age of a connection that is used again.",
    },
    {
        .name = "zone",
        .contexts = kUpstream,
        .kind = {.form = "NAME [SIZE]", .most_args = 2, .apply = apply_zone},
        .help = "Accepted: weir's workers always share the state of peers.",
    },
};

}  // namespace

std::span<const Row> upstream_rows() {
  return kRows;
}

}  // namespace weir::config
