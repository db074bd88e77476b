// preset nocobase: ordinary directives that are put into the tree before anything is built, so that nothing else knows
// of presets. What the operator wrote in the same block is never overridden.
#pragma once
#include <string>

#include "config/tree.h"

namespace weir::config {

constexpr size_t kMostNocobaseNodes = 32;  // worker ids 0-31

// Notes in the tree what it has added. A preset that is wrong is left as it is: its row reports it.
void expand_presets(Tree& tree);
// Null is none.
bool is_nocobase(const Directive* preset);
// For -T: comments, so that the dump is still a configuration.
std::string describe(const Expansion& expansion);

}  // namespace weir::config
