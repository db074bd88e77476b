// The filters of a location that say who may ask, how often, and how many at once.
#pragma once
#include <string>

#include "proxy/location.h"
#include "runtime/registry.h"

namespace weir::runtime {

// By what the location says; the zones of its limits are the registry's. `place` is named in logs: "location /admin".
void add_access_filters(proxy::Location& location, const std::string& place, Registry& registry);

}  // namespace weir::runtime
