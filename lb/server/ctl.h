// weir ctl: the client of the admin socket.
#pragma once
#include "server/options.h"

namespace weir::server {

inline constexpr int kCtlRefused = 1;      // weir said no, or a drain was not finished in time
inline constexpr int kCtlUnreachable = 2;  // weir could not be asked

int ctl(const CommandLine& line);

}  // namespace weir::server
