// Files that configurations include and that come with nginx: weir brings its own where they are not there.
#pragma once
#include <string_view>

namespace weir::config {

// The text for a path's last part ("mime.types"), or empty.
std::string_view builtin_file(std::string_view path);

}  // namespace weir::config
