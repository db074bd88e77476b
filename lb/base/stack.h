// Call stacks: of another thread while the process goes on, and of the one that crashes. A frame is shown as a place in
// a file, "weir+0x3f2a1", which addr2line turns into a function and a line.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::stack {

inline constexpr int kMostFrames = 64;

// Notes where the program and its libraries lie, and loads what unwinding needs, so that the rest of this may be called
// in a signal handler. Once, before the first use.
void prepare();

// The caller's stack, innermost first; how many frames. May be called in a signal handler.
int of_caller(std::span<void*> frames);
// "weir+0x3f2a1", cut where `out` ends; how long. May be called in a signal handler.
size_t describe(const void* frame, std::span<char> out);
// The build id of the program as hex; empty where it was linked without.
std::string_view build_id();

// That thread of this process is interrupted for a moment and tells its stack. The error says why it told nothing: a
// thread that waits inside the kernel for a disk takes no signals. Any thread, one at a time waits for another.
Result<std::vector<std::string>> of_thread(pid_t thread, Millis patience);

}  // namespace weir::stack
