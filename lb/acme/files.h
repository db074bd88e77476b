// Small files that are read and replaced whole. Errors are text for the operator.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::acme {

// At most 1 MB.
Result<std::string> read_file(const std::string& path);
// Written beside it and renamed: 0600, and there is never half of it.
Status<> replace_file(const std::string& path, const std::string& text);
// And those above it, 0700. One that is there is left as it is.
Status<> make_directories(const std::string& path);
// Names in a directory but those that begin with a dot, sorted; none where it cannot be read.
std::vector<std::string> list_directory(const std::string& path);

}  // namespace weir::acme
