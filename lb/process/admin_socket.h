// The admin socket as a file: where it is, how it is made so that it never is open to others, how it goes away.
#pragma once
#include <sys/types.h>

#include <string>

#include "base/owned_fd.h"
#include "base/result.h"
#include "config/model.h"

namespace weir::process {

// By `admin`, else beside the pid file ("/run/weir.pid": "/run/weir.sock"). Empty: off.
std::string admin_socket_path(const config::MainConfig& main);
// Whether a file could be made there as far as its directory goes; else why not.
Status<> check_directory_of(const std::string& file);

// The file of a listening socket; gone with this object if it is still the same one.
class AdminSocket {
 public:
  AdminSocket() = default;
  ~AdminSocket();
  AdminSocket(AdminSocket&& other) noexcept;
  AdminSocket& operator=(AdminSocket&& other) noexcept;

  // Bound with mode 0600 from its first moment, and listening; `fd` gets the descriptor. A socket file that nobody
  // listens behind is replaced.
  static Result<AdminSocket> open(const std::string& path, OwnedFd& fd);
  // The file of a socket that another weir has made and hands over.
  static AdminSocket inherit(const std::string& path);
  // Another weir goes on with the file: it stays.
  void hand_over() { path_.clear(); }
  const std::string& path() const { return path_; }
  // The file is there, and is the one that was made.
  bool is_in_place() const;

 private:
  void remove();
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace weir::process
