// Starting the weir that is to go on in this one's place: the same command line, perhaps another binary.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/owned_fd.h"
#include "base/result.h"

namespace weir::process {

// How a process was started, so that it can be started again.
struct Invocation {
  std::string program;                 // as the next start is to find it: a symbolic link stays one
  std::vector<std::string> arguments;  // argv
  std::string directory;               // where it was started
};
// Of this process, before it changes its directory.
Invocation take_invocation(int argc, const char* const* argv);

// Starts it with `channel` as the descriptor that take_handover() finds there. It gets this process's right to bind
// ports below 1024 and nothing else that this one holds open beside stdin, stdout and stderr. The error is text for the
// operator: "/usr/sbin/weir: Permission denied".
Result<pid_t> start_successor(const Invocation& invocation, const std::string& binary, int channel);
// How the process has ended: "exit status 78", "signal 11"; waits for it. It is a child of this one.
std::string wait_for_end(pid_t pid);
// The same of one that should be about to end: after half a second it is killed.
std::string end_child(pid_t pid);

// The channel to the weir that has started this one; takes it out of the environment, so that no child finds it.
std::optional<OwnedFd> take_handover();

}  // namespace weir::process
