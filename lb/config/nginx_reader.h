// nginx's syntax: text to directives, one file, includes not followed.
#pragma once
#include <memory>
#include <vector>

#include "config/diagnostics.h"
#include "config/tree.h"

namespace weir::config {

// Goes on after an error where a person would, so that one run reports them all; what could be read is returned.
std::vector<Directive> read_nginx(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics);

}  // namespace weir::config
