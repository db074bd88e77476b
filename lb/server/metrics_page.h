// GET /metrics: what Prometheus scrapes.
#pragma once
#include <cstdint>
#include <string>

namespace weir::server {

struct Runtime;

// `started_us`: when this process began to serve, wall time.
std::string metrics_page(Runtime& runtime, int64_t started_us);

}  // namespace weir::server
