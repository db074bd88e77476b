// As long as it lives, this process gets no further descriptors than `left`.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace weir {

class FewDescriptors {
 public:
  explicit FewDescriptors(int left = 0) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = 0;
    // Those that are free, the lowest first: a new one is always that.
    int taken[64];
    int count = 0;
    while (count <= left) {
      taken[count] = ::dup(STDERR_FILENO);
      few.rlim_cur = static_cast<rlim_t>(taken[count++]);
    }
    while (count > 0) ::close(taken[--count]);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace weir
