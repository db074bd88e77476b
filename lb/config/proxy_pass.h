// proxy_pass: from its address to a cluster.
#pragma once
#include "config/directive.h"

namespace weir::config {

void apply_proxy_pass(Call& call);

}  // namespace weir::config
