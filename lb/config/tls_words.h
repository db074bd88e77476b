// What ssl_* and proxy_ssl_* have in common.
#pragma once
#include <optional>
#include <string>

#include "config/directive.h"

namespace weir::config {

// "data:PEM", or a file's path, made absolute; reports and answers nullopt when it is neither.
std::optional<std::string> tls_source(const Call& call, size_t argument);
// Of all arguments.
void apply_tls_protocols(Call& call, bool& tls12, bool& tls13);
std::string show_tls_protocols(bool tls12, bool tls13);

}  // namespace weir::config
