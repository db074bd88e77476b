// Health checks of an upstream, as the builder and the dump see them.
#pragma once
#include <string>

#include "config/model.h"

namespace weir::config {

// The arguments of the `health_check` that means this.
std::string show_check(const upstream::CheckOptions& check);
// The same check, written twice or in two locations, is one.
void add_check(UpstreamModel& upstream, upstream::CheckOptions check);

}  // namespace weir::config
