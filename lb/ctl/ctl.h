// weir ctl: the client of the admin socket.
#pragma once
#include "process/options.h"

namespace weir::ctl {

inline constexpr int kCtlRefused = 1;      // weir said no, or a drain was not finished in time
inline constexpr int kCtlUnreachable = 2;  // weir could not be asked

int ctl(const process::CommandLine& line);

}  // namespace weir::ctl
