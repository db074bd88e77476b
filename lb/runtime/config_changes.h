// What a reload changes, for who asked for it.
#pragma once
#include <string>
#include <vector>

#include "config/model.h"

namespace weir::runtime {

// config::differences(), and certificates whose files hold others than those in force:
//   ~ certificate app.pem: serial 0a1b (was 0a1a)
std::vector<std::string> config_changes(const config::Model& before, const config::Model& after);

}  // namespace weir::runtime
