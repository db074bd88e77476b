// A tree as text, in both syntaxes: what `weir convert` prints. Comments are not part of the tree and are lost.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "config/tree.h"

namespace weir::config {

std::string write_nginx(const std::vector<Directive>& directives);

// A body becomes a map where that keeps the order of everything whose order decides, and a list of one-key maps
// elsewhere. The error names the directive that YAML has no form for.
Result<std::string> write_yaml(const std::vector<Directive>& directives);

// One directive's head as nginx writes it: `server 10.0.0.1:80 weight=2`.
std::string head_text(const Directive& directive);

}  // namespace weir::config
