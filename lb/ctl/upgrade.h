// `weir upgrade`: another binary takes the running weir's place.
#pragma once
#include <string>

#include "process/options.h"

namespace weir::ctl {

// Waits until the new weir serves; the exit code: 0, or 1 when the running one goes on, and why on stderr. Over the
// admin socket, or where there is none by USR2: then the pid file tells.
int upgrade(const process::CommandLine& line);
// The body of its request.
std::string upgrade_body(const process::UpgradeLine& line, const std::string& directory);

}  // namespace weir::ctl
