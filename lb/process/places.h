// Where a running weir is to be found, by its configuration: also by one that is broken right now, because an operator
// whose edit went wrong must still be able to look, drain and stop.
#pragma once
#include <string>
#include <vector>

#include "process/options.h"

namespace weir::process {

struct Places {
  std::string pid;    // the pid file
  std::string admin;  // the admin socket's path; empty: off
  // Why the configuration cannot be used, "FILE:LINE:COL: error: TEXT"; then the places are what its text says of `pid`
  // and `admin`, or else the defaults.
  std::vector<std::string> errors;
  bool readable = true;  // false: the file cannot be read, so that nothing is known of that weir
};

Places find_places(const CommandLine& line);

}  // namespace weir::process
