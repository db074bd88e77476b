// proxy_redirect: rules for a peer's Location and Refresh.
#pragma once
#include "config/directive.h"

namespace weir::config {

void apply_proxy_redirect(Call& call);
// For a proxy_pass that has variables: warns where what the levels above have written is without effect beside it.
void check_inherited_redirect(const Call& call);
std::vector<std::string> show_proxy_redirect(const Scope& scope);

}  // namespace weir::config
