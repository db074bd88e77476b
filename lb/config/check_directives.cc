// health_check of upstream{} and location{}.
#include "config/checks.h"

#include "base/bytes.h"
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"
#include "proxy/pass_url.h"

namespace weir::config {
namespace {

using upstream::CheckOptions;
using upstream::CheckType;

constexpr size_t kLongestUri = 2048;
constexpr std::string_view kHealthCheckParameters[] = {
    "interval=", "jitter=", "fails=", "passes=", "timeout=",  "fastinter=", "downinter=",      "uri=",     "method=",
    "host=",     "port=",   "match=", "type=",   "mandatory", "persistent", "keepalive_time=", "fail_open"};

// nginx's column; what nginx has no word for does as little as it can.
void set_nginx_defaults(policy::HealthOptions& health) {
  health.interval = health.timeout = Millis(5000);
  health.jitter = 0;
  health.fails = health.passes = 1;
}

// nginx's jitter is a time, weir's a share of the delay: a time becomes the share that is as long.
struct Jitter {
  uint32_t percent = 0;
  Millis time{-1};
  uint32_t of(Millis interval) const {
    if (time.count() < 0) return percent;
    return static_cast<uint32_t>(
        std::min<int64_t>(100, (time.count() * 100 + interval.count() - 1) / interval.count()));
  }
};

std::optional<Jitter> parse_jitter(const Parameters& parameters) {
  Jitter jitter;
  std::string_view text = parameters.value();
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    const auto percent = parse_decimal(text);
    if (percent && *percent <= 100) {
      jitter.percent = static_cast<uint32_t>(*percent);
      return jitter;
    }
  } else if (const auto time = parse_time(text)) {
    jitter.time = *time;
    return jitter;
  }
  parameters.invalid("a time like 500ms or a percentage from 0% to 100%");
  return std::nullopt;
}

// What goes into the request's text as it is.
bool apply_request_part(const Parameters& parameters, CheckOptions& check) {
  const std::string value(parameters.value());
  if (parameters.name() == "uri") {
    if (!value.starts_with('/') || !is_visible_text(value, "#") || value.size() > kLongestUri)
      return parameters.invalid(
                 "a path that begins with \"/\", in printable ASCII without blanks and \"#\", at most 2048 bytes"),
             true;
    check.uri = value;
  } else if (parameters.name() == "method") {
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_tchar) || value == "CONNECT")
      return parameters.invalid("a method like GET or HEAD"), true;
    check.method = value;
  } else if (parameters.name() == "host") {
    if (value.empty() || !is_visible_text(value, "/?#@\\\"'<>,;{}|^`")) return parameters.invalid("a host name"), true;
    check.host = value;
  } else {
    return false;
  }
  return true;
}

void apply_type(const Parameters& parameters, CheckOptions& check) {
  if (parameters.value() == "grpc")
    return parameters.error("\"health_check type=grpc\" needs HTTP/2, which weir has not yet");
  if (parameters.value() != "http" && parameters.value() != "tcp") return parameters.invalid("http or tcp");
  check.type = parameters.value() == "tcp" ? CheckType::kTcp : CheckType::kHttp;
}

// The times, counts and what else is a plain field.
void apply_plain(const Parameters& parameters, CheckOptions& check) {
  policy::HealthOptions& health = check.health;
  struct TimeField {
    std::string_view name;
    Millis& field;
    int64_t least;
  };
  for (const TimeField& each :
       {TimeField{"interval", health.interval, 1}, TimeField{"timeout", health.timeout, 1},
        TimeField{"fastinter", health.fastinter, 1}, TimeField{"downinter", health.downinter, 0},
        TimeField{"keepalive_time", check.keepalive_time, 0}}) {
    if (parameters.name() != each.name) continue;
    if (const auto time = parameters.time(each.least)) each.field = *time;
    return;
  }
  if (parameters.name() == "fails" || parameters.name() == "passes") {
    if (const auto number = parameters.number(1))
      (parameters.name() == "fails" ? health.fails : health.passes) = *number;
  } else if (parameters.name() == "port") {
    if (const auto port = parameters.number(1, 65'535)) check.port = static_cast<uint16_t>(*port);
  } else if (parameters.name() == "mandatory") {
    health.mandatory = true;
  } else if (parameters.name() == "persistent") {
    health.persistent = true;
  } else if (parameters.name() == "fail_open") {
    check.fail_open = true;
  }
}

// What one parameter means for another.
void check_together(const Call& call, const Parameters& seen, const CheckOptions& check) {
  if (check.health.persistent && !check.health.mandatory)
    call.error("\"persistent\" is a word behind \"mandatory\" in \"health_check\"");
  if (check.method == "HEAD" && check.match && check.match->needs_body())
    call.error("the answer to method=HEAD has no body, which match \"" + check.match->name + "\" asks for");
  if (check.type != CheckType::kTcp) return;
  for (const std::string_view each : {"uri", "method", "host", "match", "keepalive_time"})
    if (seen.seen(each))
      call.error("\"" + std::string(each) + "\" of \"health_check\" is for HTTP and does not apply to type=tcp");
}

// A location's check is for the servers that it passes to.
void attach(const Call& call, CheckOptions check) {
  const auto& pass = call.scope.level->location.pass;
  const bool passes = std::any_of(call.block->begin(), call.block->end(),
                                  [](const Directive& each) { return each.name == "proxy_pass"; });
  if (!pass && passes) return;  // a wrong one is reported already
  if (!pass) return call.error("\"health_check\" needs a \"proxy_pass\" in its location");
  if (pass->cluster < 0)
    return call.error("\"health_check\" does not go with a \"proxy_pass\" that has variables, write it in upstream{}");
  if (pass->tls && check.type == CheckType::kHttp) {
    call.builder.finish_tls_to_peers(*call.scope.level);
    const proxy::PassTls& tls = call.scope.level->location.tls;
    const bool has_variables = !tls.name.empty() && !tls.name.is_literal();
    check.tls = tls.context;
    check.tls_name = proxy::tls_name_of(tls.name.empty() || has_variables ? pass->host : tls.name.text());
    if (has_variables)
      call.warning("a check has no values for the variables of \"proxy_ssl_name\": it asks for \"" + check.tls_name +
                   "\"");
  }
  add_check(call.builder.model().upstreams[static_cast<size_t>(pass->cluster)], std::move(check));
}

void apply_health_check(Call& call) {
  CheckOptions check;
  check.position = call.directive.at.to_string();
  if (call.scope.main->nginx_defaults) set_nginx_defaults(check.health);
  Jitter jitter{check.health.jitter};
  Parameters parameters(call, 0, kHealthCheckParameters);
  while (parameters.next()) {
    if (apply_request_part(parameters, check)) continue;
    if (parameters.name() == "type") {
      apply_type(parameters, check);
    } else if (parameters.name() == "match") {
      check.match = call.builder.find_match(std::string(parameters.value()));
      if (!check.match)
        parameters.error("unknown match \"" + std::string(parameters.value()) + "\"" +
                         did_you_mean(parameters.value(), call.builder.match_names()));
    } else if (parameters.name() == "jitter") {
      if (const auto parsed = parse_jitter(parameters)) jitter = *parsed;
    } else {
      apply_plain(parameters, check);
    }
  }
  check.health.jitter = jitter.of(check.health.interval);
  // Faster than usual is what it is for, and nginx has no such thing.
  if (!parameters.seen("fastinter"))
    check.health.fastinter = call.scope.main->nginx_defaults ? check.health.interval
                                                             : std::min(check.health.fastinter, check.health.interval);
  check_together(call, parameters, check);
  if (call.scope.upstream != nullptr) return add_check(*call.scope.upstream, std::move(check));
  attach(call, std::move(check));
}

std::vector<std::string> show_health_check(const Scope& scope) {
  std::vector<std::string> out;
  const UpstreamModel* upstream = scope.upstream;
  if (upstream == nullptr) {
    // An upstream made of an address has no block of its own to show its checks in.
    const auto& pass = scope.level->location.pass;
    if (!pass || pass->cluster < 0 || scope.model == nullptr) return out;
    upstream = &scope.model->upstreams[static_cast<size_t>(pass->cluster)];
    if (!upstream->implicit) return out;
  }
  for (const CheckOptions& check : upstream->checks) out.push_back(show_check(check));
  return out;
}

const Row kRows[] = {
    {
        .name = "health_check",
        .contexts = kUpstream | kLocation,
        .kind = {.form = "[PARAMETER ...]",
                 .least_args = 0,
                 .most_args = -1,
                 .apply = apply_health_check,
                 .show = show_health_check},
        .help =
            "Asks the servers of the group, in location{} those of its proxy_pass, how they are: interval=2s "
            "(nginx 5s), jitter=10% (a share or a time; nginx none), fails=3 and passes=2 (nginx 1), timeout=1s "
            "(nginx 5s), fastinter=500ms while a standing is about to change, downinter= while it is down, uri=/, "
            "method=GET, host= (the upstream's name), port=, match=NAME (else 200-399), type=http|tcp, mandatory "
            "[persistent]: down until the first pass, keepalive_time=, fail_open: void while it fails on all peers.",
        .times = Times::kMany,
        .turn = Turn::kWhole,
    },
};

}  // namespace

std::string show_check(const CheckOptions& check) {
  const policy::HealthOptions& health = check.health;
  const CheckOptions fresh;
  std::string out = "interval=" + format_time(health.interval) + " jitter=" + std::to_string(health.jitter) +
                    "% fails=" + std::to_string(health.fails) + " passes=" + std::to_string(health.passes) +
                    " timeout=" + format_time(health.timeout) + " fastinter=" + format_time(health.fastinter);
  if (health.downinter != fresh.health.downinter) out += " downinter=" + format_time(health.downinter);
  if (check.type == CheckType::kTcp) {
    out += " type=tcp";
  } else {
    out += " " + quote_word("uri=" + check.uri);
    if (check.method != fresh.method) out += " " + quote_word("method=" + check.method);
    if (!check.host.empty()) out += " " + quote_word("host=" + check.host);
    if (check.match) out += " " + quote_word("match=" + check.match->name);
    if (check.keepalive_time != fresh.keepalive_time) out += " keepalive_time=" + format_time(check.keepalive_time);
  }
  if (check.port != 0) out += " port=" + std::to_string(check.port);
  if (health.mandatory) out += health.persistent ? " mandatory persistent" : " mandatory";
  if (check.fail_open) out += " fail_open";
  return out;
}

void add_check(UpstreamModel& upstream, CheckOptions check) {
  const std::string text = show_check(check);
  for (const CheckOptions& known : upstream.checks)
    if (show_check(known) == text && known.tls == check.tls && known.tls_name == check.tls_name) return;
  upstream.checks.push_back(std::move(check));
}

std::span<const Row> check_rows() {
  return kRows;
}

}  // namespace weir::config
