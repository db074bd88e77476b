// Which servers and locations a maintenance change means.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "runtime/overrides.h"

namespace weir::admin {

// `server`: any of a server's names, or empty: every server. `location`: as it is written in the configuration, its
// slash in front may be missing; empty: all of the server. The error names what there is.
Result<std::vector<runtime::Overrides::MaintenanceKey>> find_maintenance(const config::Model& model,
                                                                         const std::string& server,
                                                                         const std::string& location);

}  // namespace weir::admin
