// The process: into the background, and its limits.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir::process {

// The link from a daemon to the process that the operator started, which waits for the outcome.
class Daemon {
 public:
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Forks. Returns in the child; the parent exits with 0 once the child calls ready(), else with 1 when the child ends.
  // No thread may have been started.
  static Result<std::unique_ptr<Daemon>> start();
  // The parent may go; stdin and stdout are let go, stderr too unless it is a log.
  void ready(bool keep_stderr);

 private:
  explicit Daemon(int fd) : fd_(fd) {}
  int fd_;
};

// Raises the soft limit of descriptors to the hard one, or to `wanted` where that is given (then the hard one too, if
// allowed). Returns the limit that holds.
Result<uint64_t> raise_descriptor_limit(uint64_t wanted);
// What a start would get of that, as far as this process can tell. Changes nothing.
uint64_t expected_descriptor_limit(uint64_t wanted);

}  // namespace weir::process
