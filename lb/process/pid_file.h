// The pid file: it appears whole, once every socket listens, and its lock tells a running weir from a stale file.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace weir::process {

// What a pid file says about who runs.
struct RunningInstance {
  pid_t pid = 0;
  bool alive = false;  // somebody holds the lock
};
// The error is text for the operator: no file, no number in it.
Result<RunningInstance> read_pid_file(const std::string& path);

class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  // Takes the file away again: unlinked, or emptied where this process may not write to its directory.
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Refuses when another instance holds the lock. Prepares the file under another name, so that what can go wrong goes
  // wrong before anything is bound. Call in the process that will run (after daemonizing).
  Status<> prepare();
  // Puts it in place. Needs the rights that prepare() had.
  Status<> publish();
  const std::string& path() const { return path_; }

 private:
  Status<> failed(const char* call, const std::string& name) const;
  std::string path_;
  std::string temporary_;
  int old_fd_ = -1;  // a stale file at `path`, locked until we have replaced it
  int fd_ = -1;
  bool published_ = false;
};

}  // namespace weir::process
