// What -T prints: the files as they are, and the configuration as weir understood it.
#pragma once
#include <string>

#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

// "# configuration file NAME:" and the text, for each file that was read.
std::string dump_files(const Tree& tree);

// The settings of every block as nginx text: all of them with `with_defaults`, else those that differ from what the
// block inherits. Maps, log formats and trusted addresses are compiled by then and are not shown.
std::string dump_effective(const Model& model, bool with_defaults);

}  // namespace weir::config
