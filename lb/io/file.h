// Files as they are served: what the file system says of a path, and reads of a descriptor. All of these may block:
// they run off the loop (file_reader.h), or ask only for what the kernel has in its caches.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "base/owned_fd.h"

namespace weir::io {

struct FileFacts {
  enum class Kind : uint8_t { kNothing, kRegular, kDirectory, kOther };
  Kind kind = Kind::kNothing;
  bool is_executable = false;  // by its owner
  int64_t size = 0;
  int64_t modified = 0;  // CLOCK_REALTIME in seconds
};

// Whether symbolic links are followed (nginx's disable_symlinks).
enum class Links : uint8_t {
  kFollow,
  kRefuse,     // ELOOP
  kSameOwner,  // ELOOP where the link and what it points to have different owners
};

// How much the kernel may be asked for. kCached: it answers from its caches or with EAGAIN, and the file system is not
// waited for (openat2(2) with RESOLVE_CACHED, preadv2(2) with RWF_NOWAIT).
enum class Reach : uint8_t { kAll, kCached };

struct PathRules {
  Links links = Links::kFollow;
  size_t trusted = 0;  // the first bytes of the path may be links all the same
  Reach reach = Reach::kAll;
};

// Each returns 0 or a negative errno; `path` ends with a null byte behind it.
// For reading, with O_NONBLOCK, so that no FIFO or device is waited for: see facts.kind before anything is read.
int open_file(const char* path, const PathRules& rules, OwnedFd& fd, FileFacts& facts);
// Without opening it; links are followed, by the rules.
int look_at(const char* path, const PathRules& rules, FileFacts& facts);
// How many bytes were read, perhaps less than asked for; 0: the file ends here; or a negative errno, with kCached
// -EAGAIN when the first byte is not cached.
ssize_t read_file(int fd, char* into, size_t most, int64_t offset, Reach reach);
// How many bytes from `offset` on, up to `most`, the kernel has in its cache now: found by reading them into one small
// buffer again and again, which stays in the processor's. No call of the kernel tells it otherwise to everybody:
// mincore(2) and cachestat(2) answer whoever may write the file, and cachestat counts pages that still wait for the
// disk.
size_t cached_size(int fd, int64_t offset, size_t most);

struct DirectoryEntry {
  std::string name;
  FileFacts facts;  // of what a link points to, or of the link where that is nothing
};
// All entries but those that begin with a dot, in no order; 0 or a negative errno.
int list_directory(const char* path, std::vector<DirectoryEntry>& out);

}  // namespace weir::io
