// What a location says about passing a request to its upstream.
#include "config/builder.h"
#include "config/fields.h"
#include "config/proxy_pass.h"

namespace weir::config {
namespace {

using policy::RetryConditions;
using proxy::Location;
constexpr auto kLoc = &Level::location;

std::vector<std::string> show_proxy_pass(const Scope& scope) {
  const auto& pass = scope.level->location.pass;
  if (!pass) return {};
  if (pass->dynamic) return {quote_word(pass->dynamic->text())};
  return {quote_word(pass->scheme + "://" + pass->host + (pass->has_uri ? pass->uri : ""))};
}

void apply_http_version(Call& call) {
  if (call.arg(0) != "1.0" && call.arg(0) != "1.1") return call.invalid(0, "1.0 or 1.1");
  call.scope.level->location.http10 = call.arg(0) == "1.0";
}
std::vector<std::string> show_http_version(const Scope& scope) {
  return {scope.level->location.http10 ? "1.0" : "1.1"};
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

// weir streams in both directions; what asks for that is taken, what asks for more is a warning.
void apply_buffering(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  if (*on)
    call.warning("weir streams bodies and does not spool them: \"" + call.directive.name + " on\" has no effect yet");
}

constexpr int64_t kFourG = 0xffffffff;

const Row kRows[] = {
    {"proxy_pass",
     kLocation,
     {"http://UPSTREAM[URI]", 1, 1, apply_proxy_pass, show_proxy_pass},
     "",
     "",
     "The upstream, address or name that requests go to; a URI part replaces the location's prefix."},
    {"proxy_http_version",
     kAnywhere,
     {"1.0 | 1.1", 1, 1, apply_http_version, show_http_version},
     "1.1",
     "1.0",
     "The protocol towards peers."},
    {"proxy_connect_timeout", kAnywhere, kTime<kLoc, &Location::connect_timeout>, "2s", "60s", "To open a connection.",
     Times::kOnce, 1},
    {"proxy_read_timeout", kAnywhere, kTime<kLoc, &Location::read_timeout>, "60s", "60s",
     "Between two reads from a peer.", Times::kOnce, 1},
    {"proxy_send_timeout", kAnywhere, kTime<kLoc, &Location::send_timeout>, "60s", "60s",
     "Between two writes to a peer.", Times::kOnce, 1},
    {"proxy_tunnel_timeout",
     kAnywhere,
     {"TIME", 1, 1, apply_tunnel_timeout, show_time<kLoc, &Location::tunnel_timeout>},
     "1h",
     "",
     "Silence of a WebSocket or of a text/event-stream response. nginx's default is proxy_read_timeout.",
     Times::kOnce,
     1},
    {"proxy_next_upstream",
     kAnywhere,
     {"CONDITION ...", 1, -1, apply_next_upstream, show_next_upstream},
     "error timeout",
     "error timeout",
     "When another peer is asked."},
    {"proxy_next_upstream_match",
     kAnywhere,
     {"STATUS TEXT | off", 1, 2, apply_next_upstream_match, show_next_upstream_match},
     "off",
     "off",
     "An answer with this status and this text in the first 4 KB of its body comes from a gateway whose application is "
     "not there yet: another peer is asked, whatever the method, while the request's body is held. Levels inherit all "
     "or nothing.",
     Times::kMany},
    {"proxy_next_upstream_tries", kAnywhere, kNumber<kLoc, &Location::retry, &policy::RetryOptions::tries>, "3", "0",
     "Peers asked for one request, the first included; 0: all.", Times::kOnce, 0, kFourG},
    {"proxy_next_upstream_timeout", kAnywhere, kTime<kLoc, &Location::retry, &policy::RetryOptions::timeout>, "10s",
     "0", "After this no other peer is asked; 0: no limit."},
    {"proxy_ignore_client_abort", kAnywhere, kFlag<kLoc, &Location::ignore_client_abort>, "off", "off",
     "Whether a request goes on when its client has closed the connection."},
    {"proxy_buffering",
     kAnywhere,
     {"on | off", 1, 1, apply_buffering, nullptr},
     "off",
     "",
     "Responses are always streamed."},
    {"proxy_request_buffering",
     kAnywhere,
     {"on | off", 1, 1, apply_buffering, nullptr},
     "off",
     "",
     "Bodies above client_body_buffer_size are always streamed."},
};

}  // namespace

std::span<const Row> proxy_rows() {
  return kRows;
}

}  // namespace weir::config
