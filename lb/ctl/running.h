// The running weir that a configuration file speaks of.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "process/places.h"

namespace weir::ctl {

struct Running {
  process::Places places;
  pid_t pid = 0;
};
// Nullopt: there is none that could be signalled, and why has been said on stderr.
std::optional<Running> find_running(process::Places places);

// "weir: [error] TEXT" on stderr; the exit code.
int refuse(const std::string& why);
int failed_kill(pid_t pid, const std::string& signal);

}  // namespace weir::ctl
