// limit_conn_zone, limit_conn: how many requests of a key may be under way at once; a WebSocket is one as long as it is
// open.
#pragma once
#include <memory>
#include <vector>

#include "filter/limit_requests.h"

namespace weir::filter {

struct LimitConnectionsOptions {
  struct Limit {
    std::shared_ptr<const LimitZone> zone;
    uint32_t most = 0;
  };
  std::vector<Limit> limits;
  int status = 503;
  LogLevel level = LogLevel::kError;
  bool dry_run = false;
};

// `tables`: of the limits, in their order.
std::shared_ptr<const Filter> make_limit_connections(LimitConnectionsOptions options,
                                                     std::vector<std::shared_ptr<policy::ConnectionTable>> tables);

}  // namespace weir::filter
