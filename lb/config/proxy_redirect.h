// proxy_redirect: rules for a peer's Location and Refresh.
#pragma once
#include "config/directive.h"

namespace weir::config {

void apply_proxy_redirect(Call& call);
std::vector<std::string> show_proxy_redirect(const Scope& scope);

}  // namespace weir::config
