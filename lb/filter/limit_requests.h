// limit_req_zone, limit_req: how often clients may ask.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "filter/filter.h"
#include "policy/rate_limit.h"
#include "route/template.h"

namespace weir::filter {

struct LimitZone {
  std::string name;
  route::Template key;  // rendered empty: not counted
  size_t bytes = 0;
  int64_t requests = 1;  // of limit_req_zone: `rate=`
  bool per_minute = false;
  int64_t rate() const { return requests * policy::RateLimit::kRequest / (per_minute ? 60 : 1); }
};

struct LimitRequestsOptions {
  struct Limit {
    std::shared_ptr<const LimitZone> zone;
    policy::RateLimit limit;
  };
  std::vector<Limit> limits;
  int status = 503;
  LogLevel level = LogLevel::kError;  // of rejected requests; of delayed ones the next milder
  bool dry_run = false;
};

// `tables`: of the limits, in their order.
std::shared_ptr<const Filter> make_limit_requests(LimitRequestsOptions options,
                                                  std::vector<std::shared_ptr<policy::RateTable>> tables);

}  // namespace weir::filter
