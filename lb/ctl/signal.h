// weir -s: a word to the weir that runs by a configuration.
#pragma once
#include "process/options.h"

namespace weir::ctl {

// Sends the signal of `line.signal`; a reload is asked for over the admin socket where there is one, so that its
// outcome is the exit code. Only a process that holds the pid file's lock, is named in it and runs this program is
// signalled. Returns the exit code.
int send_signal(const process::CommandLine& line);

}  // namespace weir::ctl
