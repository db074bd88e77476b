// YAML: the same directives as keys. A scalar is the arguments (words as in nginx's syntax), a list is the directive
// repeated, a map is a block. Blocks with arguments are named one level down: `location: {"/": {...}}`. `true` is a
// directive without arguments, or "on" where the directive takes on|off. Where order decides, a block's body is a list
// of maps of one key each.
#pragma once
#include <memory>
#include <vector>

#include "config/diagnostics.h"
#include "config/tree.h"

namespace weir::config {

std::vector<Directive> read_yaml(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics);

}  // namespace weir::config
