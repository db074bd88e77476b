// The pid file: it appears whole, once every socket listens, and its lock tells a running weir from a stale file.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/owned_fd.h"
#include "base/result.h"

namespace weir::process {

// What a pid file says about who runs.
struct RunningInstance {
  pid_t pid = 0;
  bool alive = false;  // somebody holds the lock
  pid_t holder = 0;    // who, if the kernel tells
};
// The error is text for the operator: no file, or not a process id and nothing else in it.
Result<RunningInstance> read_pid_file(const std::string& path);
// Whether the process of a pid file that is locked may be signalled: it is the one that holds the lock, and runs the
// same program as the caller. What the kernel does not show (no /proc) is taken on trust.
Status<> check_is_weir(const RunningInstance& instance);

// How the last reload that a signal asked for ended, as the pid file tells it: `-s reload` waits for that where there
// is no admin socket to ask.
struct SignalledReload {
  std::string marks;  // others after each such reload
  bool failed = false;
  bool operator==(const SignalledReload&) const = default;
};
// Nullopt: there is no such file.
std::optional<SignalledReload> read_signalled_reload(const std::string& path);

class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  // Takes the file away again: unlinked, or emptied where this process may not write to its directory.
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Instead of prepare(), before publish(): the file of the weir whose place this one takes, with its lock. Where it is
  // not the file at the path any more, prepare() is still due: false.
  bool inherit(OwnedFd file);
  // Another descriptor of the published file, for who is to inherit it; -1: there is none.
  OwnedFd duplicate() const;
  // The successor has published the file: it is no more this process's.
  void hand_over();
  // This start has come to nothing: a file that it inherited stays.
  void leave_inherited();
  // The successor has come to nothing: the file is this process's again, whatever is in it.
  void reclaim();
  // Refuses when another instance holds the lock. Prepares the file under another name, so that what can go wrong goes
  // wrong before anything is bound. Call in the process that will run (after daemonizing).
  Status<> prepare();
  // Puts it in place. Needs the rights that prepare() had.
  Status<> publish();
  // After publish(): puts it in place again where somebody has removed it. The error says why it is not there.
  Status<> restore();
  // Tells how a reload that a signal asked for ended. Needs no rights, the file is open.
  void note_reload(bool ok);
  const std::string& path() const { return path_; }

 private:
  Status<> write_temporary();
  void write_pid();
  Status<> failed(const char* call, const std::string& name) const;
  std::string path_;
  std::string temporary_;
  int old_fd_ = -1;  // a stale file at `path`, locked until we have replaced it
  int fd_ = -1;
  bool published_ = false;
  bool inherited_ = false;
  bool noted_even_ = false;
};

}  // namespace weir::process
