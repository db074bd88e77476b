// What a location says about passing a request to its upstream.
#include "config/builder.h"
#include "config/fields.h"
#include "config/proxy_pass.h"
#include "config/proxy_redirect.h"

namespace weir::config {
namespace {

using policy::RetryConditions;
using proxy::Location;
constexpr auto kLoc = &Level::location;

std::vector<std::string> show_proxy_pass(const Scope& scope) {
  const auto& pass = scope.level->location.pass;
  if (!pass) return {};
  if (pass->dynamic) return {quote_word(pass->dynamic->text())};
  return {quote_word(pass->url)};
}

void apply_http_version(Call& call) {
  if (call.arg(0) != "1.0" && call.arg(0) != "1.1") return call.invalid(0, "1.0 or 1.1");
  call.scope.level->location.http10 = call.arg(0) == "1.0";
}
std::vector<std::string> show_http_version(const Scope& scope) {
  return {scope.level->location.http10 ? "1.0" : "1.1"};
}

void apply_proxy_protocol(Call& call) {
  using http::ProxyProtocol;
  ProxyProtocol& version = call.scope.level->location.proxy_protocol;
  if (call.arg(0) != "off" && call.arg(0) != "on" && call.arg(0) != "v2") return call.invalid(0, "on, v2 or off");
  version = call.arg(0) == "off" ? ProxyProtocol::kOff : call.arg(0) == "on" ? ProxyProtocol::kV1 : ProxyProtocol::kV2;
  if (version != ProxyProtocol::kOff) call.builder.note_announcement(call.directive.at);
}
std::vector<std::string> show_proxy_protocol(const Scope& scope) {
  static constexpr const char* kWritten[] = {"off", "on", "v2"};
  return {kWritten[static_cast<size_t>(scope.level->location.proxy_protocol)]};
}

// ADDRESS[:PORT] | off
void apply_bind(Call& call) {
  SocketAddress& address = call.scope.level->location.bind_address;
  const std::string& text = call.arg(0);
  if (call.count() == 2)
    return call.error_at(1, "\"" + call.arg(1) + "\" is not supported: peers would answer to clients, and not to weir");
  if (text == "off") {
    address = {};
    return;
  }
  if (text.find('$') != std::string::npos) return call.error_at(0, "\"proxy_bind\" takes an address without variables");
  if (const auto bare = SocketAddress::from_ip(text, 0)) {  // IPv6 without brackets too
    address = *bare;
    return;
  }
  const auto host = parse_host_port(text, 0);
  if (!host) return call.error_at(0, host.error());
  if (host->address.empty() || host->address.is_unix()) return call.invalid(0, "an IP address of this machine, or off");
  address = host->address;
}
std::vector<std::string> show_bind(const Scope& scope) {
  const SocketAddress& address = scope.level->location.bind_address;
  if (address.empty()) return {"off"};
  return {address.port() == 0 ? address.ip() : address.to_string()};
}

// Under nginx's defaults it times tunnels as well, unless proxy_tunnel_timeout is written.
void apply_read_timeout(Call& call) {
  apply_time<kLoc, &Location::read_timeout>(call);
  Level& level = *call.scope.level;
  if (call.scope.main->nginx_defaults && !level.tunnel_timeout_set)
    level.location.tunnel_timeout = level.location.read_timeout;
}

void apply_tunnel_timeout(Call& call) {
  apply_time<kLoc, &Location::tunnel_timeout>(call);
  call.scope.level->tunnel_timeout_set = true;
}

struct Condition {
  std::string_view name;
  bool RetryConditions::*field;
};
constexpr Condition kConditions[] = {
    {"error", &RetryConditions::error},
    {"timeout", &RetryConditions::timeout},
    {"invalid_header", &RetryConditions::invalid_header},
    {"http_500", &RetryConditions::http_500},
    {"http_502", &RetryConditions::http_502},
    {"http_503", &RetryConditions::http_503},
    {"http_504", &RetryConditions::http_504},
    {"http_403", &RetryConditions::http_403},
    {"http_404", &RetryConditions::http_404},
    {"http_429", &RetryConditions::http_429},
    {"non_idempotent", &RetryConditions::non_idempotent},
    {"off", &RetryConditions::off},
};

void apply_next_upstream(Call& call) {
  RetryConditions on;
  on.error = on.timeout = false;
  for (size_t i = 0; i < call.count(); ++i) {
    bool known = false;
    for (const Condition& each : kConditions) {
      if (call.arg(i) != each.name) continue;
      if (on.*each.field) call.error_at(i, "duplicate value \"" + call.arg(i) + "\"");
      on.*each.field = known = true;
    }
    if (!known) call.invalid(i, "a condition like error, timeout or http_503");
  }
  call.scope.level->location.retry.on = on;
}
std::vector<std::string> show_next_upstream(const Scope& scope) {
  std::string out;
  for (const Condition& each : kConditions)
    if (scope.level->location.retry.on.*each.field) out += (out.empty() ? "" : " ") + std::string(each.name);
  return {out};
}

void apply_max_head_size(Call& call) {
  http::HeadLimits& limits = call.scope.level->location.answer_limits;
  apply_size<kLoc, &Location::answer_limits, &http::HeadLimits::head_bytes>(call);
  limits.line_bytes = limits.head_bytes;
}

constexpr size_t kLongestNotReadyText = 1024;  // it is looked for in the first 4 KB

void apply_next_upstream_match(Call& call) {
  auto& list = call.scope.level->location.not_ready;
  if (call.first) list.clear();
  if (call.count() == 1) {
    if (call.arg(0) != "off") call.error("\"proxy_next_upstream_match\" needs a status and a text, or \"off\"");
    return;
  }
  const auto status = parse_decimal(call.arg(0));
  if (!status || *status < 400 || *status > 599) return call.invalid(0, "a status from 400 to 599");
  if (call.arg(1).empty() || call.arg(1).size() > kLongestNotReadyText)
    return call.invalid(1, "a text of 1 to " + std::to_string(kLongestNotReadyText) + " bytes");
  list.push_back({static_cast<int>(*status), call.arg(1)});
}
std::vector<std::string> show_next_upstream_match(const Scope& scope) {
  if (scope.level->location.not_ready.empty()) return {"off"};
  std::vector<std::string> out;
  for (const proxy::NotReady& each : scope.level->location.not_ready)
    out.push_back(std::to_string(each.status) + " " + quote_word(each.text));
  return out;
}

// What asks for a request's body in a file is a warning.
void apply_request_buffering(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  call.scope.level->location.stream_requests = !*on;
  if (*on)
    call.warning("weir streams bodies and does not spool them: \"" + call.directive.name + " on\" has no effect yet");
}
std::vector<std::string> show_request_buffering(const Scope& scope) {
  if (!scope.level->location.stream_requests) return {};  // "on" would be a warning when the dump is read
  return {"off"};
}

constexpr int64_t kFourG = 0xffffffff;

const Row kRows[] = {
    {
        .name = "proxy_pass",
        .contexts = kLocation | kIfLocation | kLimitExcept,
        .kind = {.form = "http[s]://UPSTREAM[URI]", .apply = apply_proxy_pass, .show = show_proxy_pass},
        .help = "The upstream, address or name that requests go to; a URI part replaces the location's prefix.",
    },
    {
        .name = "proxy_http_version",
        .contexts = kAnywhere,
        .kind = {.form = "1.0 | 1.1", .apply = apply_http_version, .show = show_http_version},
        .weir_default = "1.1",
        .nginx_default = "1.1",
        .help = "The protocol towards peers.",
    },
    {
        .name = "proxy_bind",
        .contexts = kAnywhere,
        .kind = {.form = "ADDRESS[:PORT] | off", .most_args = 2, .apply = apply_bind, .show = show_bind},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "The address of this machine that connections to servers come from; each serves one request then. Not "
                "those of health checks.",
    },
    {
        .name = "proxy_protocol",
        .contexts = kAnywhere,
        .kind = {.form = "on | v2 | off", .apply = apply_proxy_protocol, .show = show_proxy_protocol},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "A PROXY header, of version 1 or 2, in front of each connection to a peer names the client; such a "
                "connection is used for one request. Health checks of the peers' own port send LOCAL, or UNKNOWN.",
    },
    {
        .name = "proxy_connect_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::connect_timeout>,
        .weir_default = "2s",
        .nginx_default = "60s",
        .help = "To open a connection.",
        .least = 1,
    },
    {
        .name = "proxy_read_timeout",
        .contexts = kAnywhere,
        .kind = {.form = "TIME", .apply = apply_read_timeout, .show = show_time<kLoc, &Location::read_timeout>},
        .weir_default = "60s",
        .nginx_default = "60s",
        .help = "Between two reads from a peer.",
        .least = 1,
    },
    {
        .name = "proxy_send_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::send_timeout>,
        .weir_default = "60s",
        .nginx_default = "60s",
        .help = "Between two writes to a peer.",
        .least = 1,
    },
    {
        .name = "proxy_tunnel_timeout",
        .contexts = kAnywhere,
        .kind = {.form = "TIME", .apply = apply_tunnel_timeout, .show = show_time<kLoc, &Location::tunnel_timeout>},
        .weir_default = "1h",
        .help = "Silence of a WebSocket or of a text/event-stream response. nginx's default is proxy_read_timeout.",
        .least = 1,
    },
    {
        .name = "proxy_max_head_size",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE",
                 .apply = apply_max_head_size,
                 .show = show_size<kLoc, &Location::answer_limits, &http::HeadLimits::head_bytes>},
        .weir_default = "256k",
        .help = "The largest head of a peer's response, above it 502. In nginx proxy_buffer_size bounds it.",
        .least = 1024,
        .most = 1 << 20,
    },
    {
        .name = "proxy_max_headers",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, &Location::answer_limits, &http::HeadLimits::fields>,
        .weir_default = "1000",
        .help = "The most fields of a peer's response, above it 502.",
        .least = 1,
        .most = http::FieldList::kMostReceived,
    },
    {
        .name = "proxy_next_upstream",
        .contexts = kAnywhere,
        .kind = {.form = "CONDITION ...", .most_args = -1, .apply = apply_next_upstream, .show = show_next_upstream},
        .weir_default = "error timeout",
        .nginx_default = "error timeout",
        .help = "When another peer is asked.",
    },
    {
        .name = "proxy_next_upstream_match",
        .contexts = kAnywhere,
        .kind = {.form = "STATUS TEXT | off",
                 .most_args = 2,
                 .apply = apply_next_upstream_match,
                 .show = show_next_upstream_match},
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "An answer with this status and this text in the first 4 KB of its body comes from a gateway without its "
            "application yet: another peer is asked, whatever the method, while the request's body is "
            "held. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_next_upstream_tries",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, &Location::retry, &policy::RetryOptions::tries>,
        .weir_default = "3",
        .nginx_default = "0",
        .help = "Peers asked for one request, the first included; 0: all. More than 32 are never asked.",
        .most = kFourG,
    },
    {
        .name = "proxy_next_upstream_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::retry, &policy::RetryOptions::timeout>,
        .weir_default = "10s",
        .nginx_default = "0",
        .help = "After this no other peer is asked; 0: no limit.",
    },
    {
        .name = "proxy_redirect",
        .contexts = kAnywhere,
        .kind = {.form = "default | off | FROM TO",
                 .most_args = 2,
                 .apply = apply_proxy_redirect,
                 .show = show_proxy_redirect},
        .weir_default = "default",
        .nginx_default = "default",
        .help =
            "How a peer's Location and Refresh are rewritten: FROM is a prefix, or a regular expression behind ~ or "
            "~*; default makes the address in proxy_pass the location's prefix, and nothing of one that has variables. "
            "Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_ignore_client_abort",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::ignore_client_abort>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a request continues when its client has closed the connection.",
    },
    {
        .name = "proxy_request_buffering",
        .contexts = kAnywhere,
        .kind = {.form = "on | off", .apply = apply_request_buffering, .show = show_request_buffering},
        .help = "off: the first bytes of a request's body go to a peer at once. on: a body up to "
                "client_body_buffer_size is "
                "held whole first; above it bodies are always streamed.",
    },
};

}  // namespace

std::span<const Row> proxy_rows() {
  return kRows;
}

}  // namespace weir::config
