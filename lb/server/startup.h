// From a command line to a serving process.
#pragma once
#include "process/options.h"

namespace weir::server {

// Runs weir until it is told to stop; the exit code.
int serve(const process::CommandLine& line);

}  // namespace weir::server
