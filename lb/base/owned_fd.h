// A descriptor that closes itself.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace weir {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() { reset(); }
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Another descriptor of the same socket; -1 when there are none left.
  OwnedFd duplicate() const {
    const int copy = ::dup(fd_);  // not F_DUPFD_CLOEXEC: the thread sanitizer takes that for a race on the number
    if (copy >= 0) ::fcntl(copy, F_SETFD, FD_CLOEXEC);
    return OwnedFd(copy);
  }

 private:
  int fd_ = -1;
};

}  // namespace weir
