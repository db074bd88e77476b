// proxy_cache_path and what says which answers go there and come from there.
#include <algorithm>

#include "cache/zone.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

using cache::ValidRule;
using cache::ZoneOptions;
using proxy::CacheOptions;
using proxy::Location;
constexpr auto kLoc = &Level::location;
constexpr auto kCache = &Location::cache;
constexpr std::string_view kUsualKey = "$scheme$proxy_host$request_uri";  // where nothing is written
constexpr int64_t kLeastZone = 32 * 1024;

CacheOptions& cache_of(const Scope& scope) {
  return scope.level->location.cache;
}

// --- proxy_cache_path
// -----------------------------------------------------------------------------------------------------

// "1:2", reported.
bool read_levels(const Parameters& parameters, std::vector<int>& levels) {
  std::string_view text = parameters.value();
  while (true) {
    const size_t colon = text.find(':');
    const auto level = parse_decimal(text.substr(0, colon));
    if (!level || *level < 1 || *level > 2 || levels.size() == 3) {
      parameters.invalid("levels=1:2, at most three numbers of 1 or 2");
      return false;
    }
    levels.push_back(static_cast<int>(*level));
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

bool read_keys_zone(const Parameters& parameters, ZoneOptions& zone) {
  const size_t colon = parameters.value().find(':');
  const auto size = colon == std::string_view::npos ? std::nullopt : parse_size(parameters.value().substr(colon + 1));
  if (!size || colon == 0) {
    parameters.invalid("keys_zone=NAME:SIZE");
    return false;
  }
  zone.name = parameters.value().substr(0, colon);
  zone.keys_bytes = static_cast<size_t>(*size);
  if (*size >= kLeastZone) return true;
  parameters.error("zone \"" + zone.name + "\" is too small, the least is " + format_size(kLeastZone));
  return false;
}

// What weir's own upkeep makes of nginx's tuning of its manager and loader: nothing, but it is checked.
bool read_tuning(Call& call, const Parameters& parameters) {
  if (parameters.name() == "use_temp_path") {
    const auto on = parameters.flag();
    if (on && *on)
      parameters.error("\"use_temp_path=on\" is not supported, files are written beside their places: write it off");
    return on && !*on;
  }
  if (parameters.name() == "min_free") {
    if (!parse_size(parameters.value())) {
      parameters.invalid("a size like 1g");
      return false;
    }
    call.warning("\"min_free\" has no effect: weir keeps within max_size, and keeps nothing that the disk refuses");
    return true;
  }
  if (parameters.name().ends_with("files")) return parameters.number(1).has_value();
  return parameters.time().has_value();
}

void apply_path(Call& call) {
  static constexpr std::string_view kProxyCachePathParameters[] = {
      "levels=",        "keys_zone=",     "max_size=",          "inactive=",     "use_temp_path=", "min_free=",
      "manager_files=", "manager_sleep=", "manager_threshold=", "loader_files=", "loader_sleep=",  "loader_threshold="};
  auto zone = std::make_shared<ZoneOptions>();
  zone->path = call.builder.absolute(call.arg(0));
  while (zone->path.size() > 1 && zone->path.ends_with('/')) zone->path.pop_back();
  Parameters parameters(call, 1, kProxyCachePathParameters);
  while (parameters.next()) {
    const std::string_view name = parameters.name();
    bool good = true;
    if (name == "levels") {
      good = read_levels(parameters, zone->levels);
    } else if (name == "keys_zone") {
      good = read_keys_zone(parameters, *zone);
    } else if (name == "max_size") {
      const auto size = parse_size(parameters.value());
      good = size.has_value();
      if (good)
        zone->max_size = *size;
      else
        parameters.invalid("a size like 512m or 10g");
    } else if (name == "inactive") {
      const auto time = parameters.time();
      good = time.has_value();
      if (good) zone->inactive = *time;
    } else {
      good = read_tuning(call, parameters);
    }
    if (!good) return;
  }
  if (zone->name.empty()) return call.error("\"proxy_cache_path\" must have \"keys_zone\" parameter");
  if (!call.builder.take_zone(zone->name)) return call.error("duplicate zone \"" + zone->name + "\"");
  auto& all = call.builder.model().cache_zones;
  if (std::any_of(all.begin(), all.end(), [&](const auto& each) { return each->path == zone->path; }))
    return call.error_at(0, "\"" + zone->path + "\" is another cache's already");
  all.push_back(std::move(zone));
}

void show_paths(Dump& dump, const Scope& scope) {
  for (const auto& zone : scope.model->cache_zones) {
    std::string text = "proxy_cache_path " + quote_word(zone->path);
    std::string levels;
    for (const int level : zone->levels) levels += (levels.empty() ? "" : ":") + std::to_string(level);
    if (!levels.empty()) text += " levels=" + levels;
    text += " " + quote_word("keys_zone=" + zone->name + ":" + format_size(static_cast<int64_t>(zone->keys_bytes)));
    if (zone->max_size != INT64_MAX) text += " max_size=" + format_size(zone->max_size);
    dump.line(text + " inactive=" + format_time(zone->inactive) + ";");
  }
}

// --- which, and by which key
// ------------------------------------------------------------------------------------------------

void apply_cache(Call& call) {
  CacheOptions& cache = cache_of(call.scope);
  cache.zone = nullptr;
  cache.name.reset();
  if (call.arg(0) == "off") return;
  if (call.arg(0).find('$') != std::string::npos) {
    cache.name = call.compile(0);
    cache.named.assign(call.builder.model().cache_zones.begin(), call.builder.model().cache_zones.end());
    return;
  }
  std::vector<std::string_view> names;
  for (const auto& zone : call.builder.model().cache_zones) {
    if (zone->name == call.arg(0)) {
      cache.zone = zone;
      return;
    }
    names.push_back(zone->name);
  }
  call.error_at(0, "unknown zone \"" + call.arg(0) + "\"" + did_you_mean(call.arg(0), names));
}
std::vector<std::string> show_cache(const Scope& scope) {
  const CacheOptions& cache = cache_of(scope);
  if (cache.name) return {quote_word(cache.name->text())};
  return {cache.zone == nullptr ? "off" : quote_word(cache.zone->name)};
}

void apply_key(Call& call) {
  auto key = call.compile(0);
  if (key) cache_of(call.scope).key = std::move(*key);
}
std::vector<std::string> show_key(const Scope& scope) {
  const CacheOptions& cache = cache_of(scope);
  return {quote_word(cache.key.empty() ? kUsualKey : std::string_view(cache.key.text()))};
}

template <auto Conditions>
void apply_conditions(Call& call) {
  auto& list = cache_of(call.scope).*Conditions;
  if (call.first) list.clear();
  for (size_t i = 0; i < call.count(); ++i)
    if (auto text = call.compile(i)) list.push_back(std::move(*text));
}
template <auto Conditions>
std::vector<std::string> show_conditions(const Scope& scope) {
  std::string out;
  for (const route::Template& each : cache_of(scope).*Conditions)
    out += (out.empty() ? "" : " ") + quote_word(each.text());
  if (out.empty()) return {};
  return {out};
}
template <auto Conditions>
constexpr Kind kConditions{"TEXT ...", 1, -1, apply_conditions<Conditions>, show_conditions<Conditions>};

// --- how long
// -------------------------------------------------------------------------------------------------------------

void apply_valid(Call& call) {
  auto& rules = cache_of(call.scope).valid;
  if (call.first) rules.clear();
  const size_t last = call.count() - 1;
  const auto time = parse_time(call.arg(last));
  if (!time) return call.invalid(last, "a time like 10m");
  ValidRule rule{{}, time->count() / 1000};
  if (last == 0) rule.statuses = {200, 301, 302};
  for (size_t i = 0; i < last; ++i) {
    if (call.arg(i) == "any") {
      rule.statuses.clear();
      break;
    }
    const auto status = parse_decimal(call.arg(i));
    if (!status || *status < 100 || *status > 599) return call.invalid(i, "a status or \"any\"");
    rule.statuses.push_back(static_cast<int>(*status));
  }
  rules.push_back(std::move(rule));
}
std::vector<std::string> show_valid(const Scope& scope) {
  std::vector<std::string> out;
  for (const ValidRule& rule : cache_of(scope).valid) {
    std::string text = rule.statuses.empty() ? "any " : "";
    for (const int status : rule.statuses) text += std::to_string(status) + " ";
    out.push_back(text + format_time(Millis(rule.seconds * 1000)));
  }
  return out;
}

void apply_methods(Call& call) {
  CacheOptions& cache = cache_of(call.scope);
  cache.caches_post = false;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& word = call.arg(i);
    if (word != "GET" && word != "HEAD" && word != "POST") return call.invalid(i, "GET, HEAD or POST");
    cache.caches_post = cache.caches_post || word == "POST";
  }
}
std::vector<std::string> show_methods(const Scope& scope) {
  return {cache_of(scope).caches_post ? "GET HEAD POST" : "GET HEAD"};
}

// --- when it is old
// -------------------------------------------------------------------------------------------------------

struct StaleWord {
  std::string_view word;
  bool proxy::UseStale::*flag;
  int status;
};
constexpr StaleWord kStaleWords[] = {
    {"error", &proxy::UseStale::error, 0},
    {"timeout", &proxy::UseStale::timeout, 0},
    {"invalid_header", &proxy::UseStale::invalid_header, 0},
    {"updating", &proxy::UseStale::updating, 0},
    {"http_500", nullptr, 500},
    {"http_502", nullptr, 502},
    {"http_503", nullptr, 503},
    {"http_504", nullptr, 504},
    {"http_403", nullptr, 403},
    {"http_404", nullptr, 404},
    {"http_429", nullptr, 429},
};

void apply_use_stale(Call& call) {
  proxy::UseStale& use = cache_of(call.scope).use_stale;
  use = {};
  for (size_t i = 0; i < call.count(); ++i) {
    if (call.arg(i) == "off" && call.count() == 1) return;
    const auto known = std::find_if(std::begin(kStaleWords), std::end(kStaleWords),
                                    [&](const StaleWord& each) { return each.word == call.arg(i); });
    if (known == std::end(kStaleWords))
      return call.invalid(i,
                          "error, timeout, invalid_header, updating, http_500, http_502, http_503, http_504, "
                          "http_403, http_404, http_429 or \"off\"");
    if (known->flag != nullptr)
      use.*(known->flag) = true;
    else
      use.statuses.push_back(known->status);
  }
}
std::vector<std::string> show_use_stale(const Scope& scope) {
  const proxy::UseStale& use = cache_of(scope).use_stale;
  std::string out;
  for (const StaleWord& each : kStaleWords) {
    const bool is_on = each.flag != nullptr
                           ? use.*(each.flag)
                           : std::find(use.statuses.begin(), use.statuses.end(), each.status) != use.statuses.end();
    if (is_on) out += (out.empty() ? "" : " ") + std::string(each.word);
  }
  return {out.empty() ? "off" : out};
}

const Row kRows[] = {
    {
        .name = "proxy_cache_path",
        .contexts = kHttp,
        .kind = {.form = "PATH [levels=1:2] keys_zone=NAME:SIZE [max_size=SIZE] [inactive=TIME] [use_temp_path=off]",
                 .least_args = 2,
                 .most_args = -1,
                 .apply = apply_path},
        .help = "A cache: a directory for answers, and an index of that SIZE in memory, shared by all workers. Answers "
                "that "
                "were unused for inactive (10m) go, and beyond max_size the longest unused ones. It is kept over "
                "restarts; files are written beside their places and renamed. Parameters of nginx's manager and loader "
                "are checked and have no effect.",
        .times = Times::kMany,
        .turn = Turn::kNames,
        .show = show_paths,
    },
    {
        .name = "proxy_cache",
        .contexts = kAnywhere,
        .kind = {.form = "ZONE | off", .apply = apply_cache, .show = show_cache},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "The cache that answers of proxy_pass go to and come from; with variables each request names one, an "
                "unknown one is 500. Beyond nginx, RFC 9111 holds: Age is sent and "
                "counted, an answer to a request with Authorization is kept only where it allows that, must-revalidate "
                "forbids stale answers, and POST, PUT, PATCH and DELETE take the answer of their key away.",
    },
    {
        .name = "proxy_cache_key",
        .contexts = kAnywhere,
        .kind = {.form = "TEXT", .apply = apply_key, .show = show_key},
        .weir_default = "$scheme$proxy_host$request_uri",
        .nginx_default = "$scheme$proxy_host$request_uri",
        .help = "What an answer is found by.",
    },
    {
        .name = "proxy_cache_valid",
        .contexts = kAnywhere,
        .kind = {.form = "[STATUS ... | any] TIME", .most_args = -1, .apply = apply_valid, .show = show_valid},
        .help =
            "How long an answer without X-Accel-Expires, Cache-Control and Expires is fresh; without "
            "a status 200, 301 and 302. Several times, the first that fits counts. Without effect for statuses that "
            "proxy_intercept_errors has an error_page answer.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_cache_methods",
        .contexts = kAnywhere,
        .kind = {.form = "GET | HEAD | POST ...", .most_args = 3, .apply = apply_methods, .show = show_methods},
        .weir_default = "GET HEAD",
        .nginx_default = "GET HEAD",
        .help = "Methods with answers that are kept; GET and HEAD always. A POST needs a body that has come whole "
                "(client_body_buffer_size).",
    },
    {
        .name = "proxy_cache_min_uses",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, kCache, &CacheOptions::min_uses>,
        .weir_default = "1",
        .nginx_default = "1",
        .help = "The how-manieth request for a key has its answer kept.",
        .least = 1,
        .most = 1'000'000,
    },
    {
        .name = "proxy_cache_bypass",
        .contexts = kAnywhere,
        .kind = kConditions<&CacheOptions::bypass>,
        .help = "Where one of the texts is neither empty nor 0, a peer is asked whatever the cache has; its answer is "
                "kept. Without a cache there is nothing to pass by.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_no_cache",
        .contexts = kAnywhere,
        .kind = kConditions<&CacheOptions::no_store>,
        .help = "Where one of the texts is neither empty nor 0, the answer is not kept.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_cache_convert_head",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kCache, &CacheOptions::converts_head>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether a peer is asked GET for a HEAD, so that the answer can be kept; off: answers to HEAD are not "
                "kept.",
    },
    {
        .name = "proxy_cache_lock",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kCache, &CacheOptions::locks>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether one request at a time asks for a missing answer; the others wait for it.",
    },
    {
        .name = "proxy_cache_lock_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, kCache, &CacheOptions::lock_timeout>,
        .weir_default = "5s",
        .nginx_default = "5s",
        .help = "How long they wait; then they ask too, and their answers are not kept.",
    },
    {
        .name = "proxy_cache_lock_age",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, kCache, &CacheOptions::lock_age>,
        .weir_default = "5s",
        .nginx_default = "5s",
        .help = "How long one may take before another may ask as well.",
    },
    {
        .name = "proxy_cache_use_stale",
        .contexts = kAnywhere,
        .kind = {.form = "error | timeout | invalid_header | updating | http_500 | http_502 | http_503 | http_504 | "
                         "http_403 | http_404 | http_429 | off ...",
                 .most_args = -1,
                 .apply = apply_use_stale,
                 .show = show_use_stale},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "When a stored answer that is not fresh any more is sent all the same. Never one with must-revalidate, "
                "proxy-revalidate or s-maxage.",
    },
    {
        .name = "proxy_cache_background_update",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kCache, &CacheOptions::updates_aside>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a subrequest asks for the newer answer while the client gets the older one; needs "
                "proxy_cache_use_stale updating, or stale-while-revalidate of the answer.",
    },
    {
        .name = "proxy_cache_revalidate",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kCache, &CacheOptions::revalidates>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a peer is asked with If-None-Match and If-Modified-Since for a stored answer that is old; its "
                "304 makes the stored answer fresh, with the fields that it has.",
    },
};

}  // namespace

std::span<const Row> cache_rows() {
  return kRows;
}

}  // namespace weir::config
