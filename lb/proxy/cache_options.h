// proxy_cache and what tunes it, of one location.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cache/freshness.h"
#include "route/template.h"

namespace weir::cache {
class Zone;
struct ZoneOptions;
}  // namespace weir::cache

namespace weir::proxy {

// proxy_cache_use_stale: when an answer that is not fresh any more is better than none.
struct UseStale {
  bool error = false;  // nobody takes the request, or connections break
  bool timeout = false;
  bool invalid_header = false;
  bool updating = false;      // another request asks for a newer one
  std::vector<int> statuses;  // of the peer's answer
};

struct CacheOptions {
  std::shared_ptr<const cache::ZoneOptions> zone;  // null: off, or `name` decides
  std::shared_ptr<cache::Zone> running;            // made of it with the snapshot
  // With variables: each request names one of these zones, or "off".
  std::optional<route::Template> name;
  std::vector<std::shared_ptr<const cache::ZoneOptions>> named;
  std::vector<std::shared_ptr<cache::Zone>> all_running;  // of them, in their order
  bool is_on() const { return running != nullptr || name.has_value(); }
  route::Template key;
  std::vector<cache::ValidRule> valid;
  std::vector<route::Template> bypass, no_store;  // one that is neither empty nor "0": it is not asked, nothing is kept
  cache::IgnoredFields ignored;                   // of proxy_ignore_headers
  UseStale use_stale;
  bool caches_post = false;    // GET and HEAD are always
  bool converts_head = true;   // a peer is asked GET for HEAD, so that the answer can be kept
  bool revalidates = false;    // by If-None-Match and If-Modified-Since
  bool updates_aside = false;  // proxy_cache_background_update
  bool locks = false;
  Millis lock_timeout{5'000};
  Millis lock_age{5'000};
  uint32_t min_uses = 1;
  // A key that names the client's credentials keeps answers apart that are for their owners alone.
  cache::FreshnessRules rules() const {
    return {valid, ignored, key.text().find("http_authorization") != std::string::npos};
  }
};

}  // namespace weir::proxy
