// Beginning a thread, where the system may give none: usual in a container with a limit of processes or of memory.
#pragma once
#include <functional>
#include <thread>

#include "base/result.h"

namespace weir {

// The error, "no thread: ...", is the system's; `run` is not called then.
Result<std::thread> start_thread(std::function<void()> run);
// The same for a thread that is sent no signal, SIGPIPE of a vanished reader included.
Result<std::thread> start_thread_without_signals(std::function<void()> run);

}  // namespace weir
