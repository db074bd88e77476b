// What the YAML reader and the writers must know of a directive to see its shape: everything else about it is in the
// tables.
#pragma once
#include <string_view>

namespace weir::config {

// `location / { ... }`: in YAML the arguments are a key one level down.
bool is_named_block(std::string_view name);
// A block without arguments: `http { ... }`.
bool is_plain_block(std::string_view name);
// `map $a $b { ... }`: the block holds data, not directives; nothing in it is a block.
bool is_data_block(std::string_view name);
// A directive that may stand without arguments, so that YAML's `true` means just that and not "on". `parent` is the
// data block it stands in, or empty.
bool is_flag(std::string_view parent, std::string_view name);

}  // namespace weir::config
