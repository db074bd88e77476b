// weir diff: a configuration file beside the running weir, or beside another file.
#pragma once
#include "process/options.h"

namespace weir::ctl {

inline constexpr int kDiffers = 1, kNotCompared = 2;

// 0: no difference.
int diff(const process::CommandLine& line);

}  // namespace weir::ctl
