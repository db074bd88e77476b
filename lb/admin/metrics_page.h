// GET /metrics: what Prometheus scrapes.
#pragma once
#include <cstdint>
#include <string>

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

// `started_us`: when this process began to serve, wall time.
std::string metrics_page(runtime::Runtime& runtime, int64_t started_us);

}  // namespace weir::admin
