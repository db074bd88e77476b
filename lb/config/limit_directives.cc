// limit_req, limit_conn and limit_rate: how often, how many at once, how fast.
#include <algorithm>

#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

using filter::LimitConnectionsOptions;
using filter::LimitRequestsOptions;
using filter::LimitZone;
using policy::RateLimit;
using proxy::Location;
constexpr auto kLoc = &Level::location;
constexpr int64_t kLeastZone = 32 * 1024;
constexpr int64_t kMostRequests = INT32_MAX;

// NAME:SIZE, reported.
bool read_zone(const Parameters& parameters, LimitZone& zone) {
  const size_t colon = parameters.value().find(':');
  const auto size = colon == std::string_view::npos ? std::nullopt : parse_size(parameters.value().substr(colon + 1));
  if (!size || colon == 0) {
    parameters.invalid("zone=NAME:SIZE");
    return false;
  }
  zone.name = parameters.value().substr(0, colon);
  zone.bytes = static_cast<size_t>(*size);
  if (*size >= kLeastZone) return true;
  parameters.error("zone \"" + zone.name + "\" is too small, the least is " + format_size(kLeastZone));
  return false;
}

// "10r/s" or "30r/m", reported.
bool read_rate(const Parameters& parameters, LimitZone& zone) {
  const std::string_view text = parameters.value();
  zone.per_minute = text.ends_with("r/m");
  const auto number =
      zone.per_minute || text.ends_with("r/s") ? parse_decimal(text.substr(0, text.size() - 3)) : std::nullopt;
  if (!number || *number < 1 || *number > kMostRequests) {
    parameters.invalid("rate=NUMBERr/s or rate=NUMBERr/m");
    return false;
  }
  zone.requests = *number;
  return true;
}

using ZoneList = std::vector<std::shared_ptr<const LimitZone>>;

void add_zone(Call& call, Parameters parameters, Builder::LimitZones& zones, ZoneList& list) {
  auto zone = std::make_shared<LimitZone>();
  auto key = call.compile(0);
  if (!key) return;
  zone->key = std::move(*key);
  while (parameters.next()) {
    if (parameters.name() == "zone" && !read_zone(parameters, *zone)) return;
    if (parameters.name() == "rate" && !read_rate(parameters, *zone)) return;
  }
  if (zone->name.empty()) return call.error("\"" + call.directive.name + "\" must have \"zone\" parameter");
  if (!call.builder.take_zone(zone->name)) return call.error("duplicate zone \"" + zone->name + "\"");
  zones.emplace(zone->name, zone);
  list.push_back(std::move(zone));
}

void apply_request_zone(Call& call) {
  static constexpr std::string_view kLimitReqZoneParameters[] = {"zone=", "rate="};
  add_zone(call, Parameters(call, 1, kLimitReqZoneParameters), call.builder.request_zones(),
           call.builder.model().request_zones);
}

void apply_connection_zone(Call& call) {
  static constexpr std::string_view kLimitConnZoneParameters[] = {"zone="};
  add_zone(call, Parameters(call, 1, kLimitConnZoneParameters), call.builder.connection_zones(),
           call.builder.model().connection_zones);
}

std::string zone_line(const char* name, const LimitZone& zone) {
  return name + quote_word(zone.key.text()) + " " +
         quote_word("zone=" + zone.name + ":" + format_size(static_cast<int64_t>(zone.bytes)));
}
void show_request_zones(Dump& dump, const Scope& scope) {
  for (const auto& zone : scope.model->request_zones)
    dump.line(zone_line("limit_req_zone ", *zone) + " rate=" + std::to_string(zone->requests) +
              (zone->per_minute ? "r/m;" : "r/s;"));
}
void show_connection_zones(Dump& dump, const Scope& scope) {
  for (const auto& zone : scope.model->connection_zones) dump.line(zone_line("limit_conn_zone ", *zone) + ";");
}

// Null, reported.
std::shared_ptr<const LimitZone> find_zone(const Call& call, size_t i, const std::string& name,
                                           const Builder::LimitZones& zones) {
  const auto found = zones.find(name);
  if (found != zones.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [each, zone] : zones) names.push_back(each);
  call.error_at(i, "unknown zone \"" + name + "\"" + did_you_mean(name, names));
  return nullptr;
}

template <class Limits>
bool is_duplicate(const Call& call, const Limits& limits, const LimitZone& zone) {
  const bool is = std::any_of(limits.begin(), limits.end(), [&](const auto& each) { return each.zone.get() == &zone; });
  if (is) call.error("duplicate \"" + call.directive.name + "\" of zone \"" + zone.name + "\"");
  return is;
}

void warn_beside_return(const Call& call) {
  if (call.first && call.scope.level->location.returns)
    call.warning("\"" + call.directive.name + "\" is without effect beside \"return\", which answers before it");
}

void apply_limit_requests(Call& call) {
  static constexpr std::string_view kLimitReqParameters[] = {"zone=", "burst=", "delay=", "nodelay"};
  auto& limits = call.scope.level->location.limit_requests.limits;
  if (call.first) limits.clear();
  LimitRequestsOptions::Limit made;
  Parameters parameters(call, 0, kLimitReqParameters);
  while (parameters.next()) {
    if (parameters.name() == "zone") {
      made.zone = find_zone(call, parameters.index(), std::string(parameters.value()), call.builder.request_zones());
      if (made.zone == nullptr) return;
    } else if (parameters.name() == "nodelay") {
      made.limit.delay = INT64_MAX;
    } else {
      const auto number = parameters.number(1);
      if (!number) return;
      (parameters.name() == "burst" ? made.limit.burst : made.limit.delay) = *number * RateLimit::kRequest;
    }
  }
  if (made.zone == nullptr) return call.error("\"limit_req\" must have \"zone\" parameter");
  if (is_duplicate(call, limits, *made.zone)) return;
  made.limit.rate = made.zone->rate();
  warn_beside_return(call);
  limits.push_back(std::move(made));
}
std::vector<std::string> show_limit_requests(const Scope& scope) {
  std::vector<std::string> out;
  for (const auto& each : scope.level->location.limit_requests.limits) {
    std::string text = "zone=" + each.zone->name;
    if (each.limit.burst > 0) text += " burst=" + std::to_string(each.limit.burst / RateLimit::kRequest);
    if (each.limit.delay == INT64_MAX)
      text += " nodelay";
    else if (each.limit.delay > 0)
      text += " delay=" + std::to_string(each.limit.delay / RateLimit::kRequest);
    out.push_back(text);
  }
  return out;
}

void apply_limit_connections(Call& call) {
  auto& limits = call.scope.level->location.limit_connections.limits;
  if (call.first) limits.clear();
  const auto zone = find_zone(call, 0, call.arg(0), call.builder.connection_zones());
  if (zone == nullptr) return;
  const auto most = parse_decimal(call.arg(1));
  if (!most || *most < 1 || *most > 65'535) return call.invalid(1, "a number from 1 to 65535");
  if (is_duplicate(call, limits, *zone)) return;
  warn_beside_return(call);
  limits.push_back({zone, static_cast<uint32_t>(*most)});
}
std::vector<std::string> show_limit_connections(const Scope& scope) {
  std::vector<std::string> out;
  for (const auto& each : scope.level->location.limit_connections.limits)
    out.push_back(quote_word(each.zone->name) + " " + std::to_string(each.most));
  return out;
}

struct LevelName {
  std::string_view name;
  LogLevel level;
};
constexpr LevelName kLevels[] = {
    {"info", LogLevel::kInfo}, {"notice", LogLevel::kNotice}, {"warn", LogLevel::kWarn}, {"error", LogLevel::kError}};

template <auto... Path>
void apply_level(Call& call) {
  for (const LevelName& each : kLevels) {
    if (call.arg(0) != each.name) continue;
    field<Path...>(call.scope) = each.level;
    return;
  }
  call.invalid(0, "info, notice, warn or error");
}
template <auto... Path>
std::vector<std::string> show_level(const Scope& scope) {
  for (const LevelName& each : kLevels)
    if (each.level == field<Path...>(scope)) return {std::string(each.name)};
  return {};
}

template <auto Rate>
void apply_rate(Call& call) {
  proxy::RateSetting& rate = call.scope.level->location.*Rate;
  auto text = call.compile(0);
  if (!text) return;
  if (!text->is_literal()) {
    rate = {0, std::move(*text)};
    return;
  }
  const auto bytes = parse_size(call.arg(0));
  if (!bytes) return call.invalid(0, "a size like 512, 8k or 1m");
  rate = {static_cast<uint64_t>(*bytes), std::nullopt};
}
template <auto Rate>
std::vector<std::string> show_rate(const Scope& scope) {
  const proxy::RateSetting& rate = scope.level->location.*Rate;
  return {rate.text ? quote_word(rate.text->text()) : format_size(static_cast<int64_t>(rate.bytes))};
}

constexpr auto kRequests = &Location::limit_requests;
constexpr auto kConnections = &Location::limit_connections;

const Row kRows[] = {
    {
        .name = "limit_req_zone",
        .contexts = kHttp,
        .kind =
            {.form = "KEY zone=NAME:SIZE rate=NUMBERr/s", .least_args = 3, .most_args = 3, .apply = apply_request_zone},
        .help =
            "Where requests are counted by a key, all workers together, and how many a second (r/s) or minute (r/m) "
            "may come. It is kept over reloads; full, it forgets the key that was not used for the longest time.",
        .times = Times::kMany,
        .turn = Turn::kNames,
        .show = show_request_zones,
    },
    {
        .name = "limit_req",
        .contexts = kAnywhere,
        .kind = {.form = "zone=NAME [burst=NUMBER] [nodelay | delay=NUMBER]",
                 .most_args = 3,
                 .apply = apply_limit_requests,
                 .show = show_limit_requests},
        .help =
            "Requests beyond the zone's rate wait, and beyond the burst are answered limit_req_status: nginx's leaky "
            "bucket. Several limits hold together. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "limit_req_status",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, kRequests, &LimitRequestsOptions::status>,
        .weir_default = "503",
        .nginx_default = "503",
        .help = "What a rejected request is answered.",
        .least = 400,
        .most = 599,
    },
    {
        .name = "limit_req_log_level",
        .contexts = kAnywhere,
        .kind = {.form = "info | notice | warn | error",
                 .apply = apply_level<kLoc, kRequests, &LimitRequestsOptions::level>,
                 .show = show_level<kLoc, kRequests, &LimitRequestsOptions::level>},
        .weir_default = "error",
        .nginx_default = "error",
        .help = "Of rejected requests in the error log; delayed ones are logged one level milder.",
    },
    {
        .name = "limit_req_dry_run",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kRequests, &LimitRequestsOptions::dry_run>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether requests are only counted and logged.",
    },
    {
        .name = "limit_conn_zone",
        .contexts = kHttp,
        .kind = {.form = "KEY zone=NAME:SIZE", .least_args = 2, .most_args = 2, .apply = apply_connection_zone},
        .help = "Where requests under way are counted by a key, all workers together.",
        .times = Times::kMany,
        .turn = Turn::kNames,
        .show = show_connection_zones,
    },
    {
        .name = "limit_conn",
        .contexts = kAnywhere,
        .kind = {.form = "ZONE NUMBER",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_limit_connections,
                 .show = show_limit_connections},
        .help = "So many requests of one key may be under way, a WebSocket as long as it is open; others are answered "
                "limit_conn_status. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "limit_conn_status",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, kConnections, &LimitConnectionsOptions::status>,
        .weir_default = "503",
        .nginx_default = "503",
        .help = "What a rejected request is answered.",
        .least = 400,
        .most = 599,
    },
    {
        .name = "limit_conn_log_level",
        .contexts = kAnywhere,
        .kind = {.form = "info | notice | warn | error",
                 .apply = apply_level<kLoc, kConnections, &LimitConnectionsOptions::level>,
                 .show = show_level<kLoc, kConnections, &LimitConnectionsOptions::level>},
        .weir_default = "error",
        .nginx_default = "error",
        .help = "Of rejected requests in the error log.",
    },
    {
        .name = "limit_conn_dry_run",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kConnections, &LimitConnectionsOptions::dry_run>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether requests are only counted and logged.",
    },
    {
        .name = "limit_rate",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "SIZE", .apply = apply_rate<&Location::limit_rate>, .show = show_rate<&Location::limit_rate>},
        .weir_default = "0",
        .nginx_default = "0",
        .help =
            "Bytes of an answer that go to its client a second; 0: as fast as it takes them. X-Accel-Limit-Rate of a "
            "peer's answer goes before it.",
    },
    {
        .name = "limit_rate_after",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "SIZE",
                 .apply = apply_rate<&Location::limit_rate_after>,
                 .show = show_rate<&Location::limit_rate_after>},
        .weir_default = "0",
        .nginx_default = "0",
        .help = "Bytes of an answer that limit_rate does not hold for.",
    },
};

}  // namespace

std::span<const Row> limit_rows() {
  return kRows;
}

}  // namespace weir::config
