// What a crash leaves behind: one page with the signal, the stack, the version and the last lines of the error log, on
// stderr and in a file beside the error log. The process then ends as it would have, with its core.
#pragma once
#include <string>
#include <vector>

#include "base/log.h"

namespace weir::process {

// Where the page goes beside stderr: "FILE.crash" of the first error log that is a file; empty: nowhere.
std::string crash_report_path(const std::vector<LogTarget>& logs);

// Reports crashes from here on (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS). Once; does nothing under a
// sanitizer, which has a report of its own.
void install_crash_report();
// Where the file is from here on: crash_report_path()'s. One thread at a time.
void move_crash_report(const std::string& path);

// A signal stack for the thread that makes it, so that also a stack that has overflown is reported.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_;
};

}  // namespace weir::process
