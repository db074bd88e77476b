// weir explain --running: the way of a request through the weir that serves.
#pragma once
#include "process/options.h"

namespace weir::ctl {

// 0; 1 when there is nothing to explain, or weir could not be asked.
int explain(const process::CommandLine& line);

}  // namespace weir::ctl
