// The main file and everything it includes, as one tree.
#pragma once
#include <string>

#include "config/diagnostics.h"
#include "config/files.h"
#include "config/tree.h"

namespace weir::config {

// `include` takes a path or a glob pattern, relative to the directory of the main file; the included file is of either
// syntax, by its extension, and its directives take the include's place.
Tree load_tree(const std::string& path, FileSource& files, Diagnostics& diagnostics);

// One file of either syntax, includes not followed.
std::vector<Directive> read_directives(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics);

}  // namespace weir::config
