#include "process/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>

namespace weir::process {

void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDWR);  // the lowest that is free
}

bool is_all_printed() {
  const bool is_flushed = std::fflush(stdout) == 0;
  if (is_flushed && std::ferror(stdout) == 0) return true;
  std::fprintf(stderr, "weir: standard output: not all is written (%s)\n",
               is_flushed ? "an earlier write failed" : std::strerror(errno));
  return false;
}

}  // namespace weir::process
