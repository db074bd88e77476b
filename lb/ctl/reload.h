// weir reload, and the reload of weir -s: both wait for the outcome and have it as their exit code.
#pragma once
#include <string>

#include "process/options.h"

namespace weir::ctl {

// Of Command::kReload what has changed is printed; `-s reload` says nothing where all is well, as nginx's.
int reload(const process::CommandLine& line);

// What the admin socket is to be sent; empty: nothing but the request.
std::string reload_body(const process::CtlLine& line);

}  // namespace weir::ctl
