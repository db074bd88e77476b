// The system calls of files.
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace weir::io {
namespace {

FileFacts facts_of(const struct stat& st) {
  FileFacts facts;
  facts.kind = S_ISREG(st.st_mode)   ? FileFacts::Kind::kRegular
               : S_ISDIR(st.st_mode) ? FileFacts::Kind::kDirectory
                                     : FileFacts::Kind::kOther;
  facts.is_executable = (st.st_mode & S_IXUSR) != 0;
  facts.size = st.st_size;
  facts.modified = st.st_mtime;
  return facts;
}

int look_at_fd(int fd, FileFacts& facts) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return -errno;
  facts = facts_of(st);
  return 0;
}

// EAGAIN also where the kernel or a sandbox has no such call.
int open_cached(const char* path, uint64_t flags) {
  open_how how{};
  how.flags = flags;
  how.resolve = RESOLVE_CACHED;
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  return errno == ENOSYS || errno == EPERM || errno == EINVAL ? -EAGAIN : -errno;
}

// The owner of a link is compared with that of what it points to, which may have been replaced between the two looks:
// the second is of what was opened.
bool same_owner(int directory, const char* name, int opened) {
  struct stat link {
  }, target{};
  if (::fstatat(directory, name, &link, AT_SYMLINK_NOFOLLOW) != 0 || ::fstat(opened, &target) != 0) return false;
  return !S_ISLNK(link.st_mode) || link.st_uid == target.st_uid;
}

// One name of a path. With kSameOwner a link is opened, and then looked at.
int open_step(int directory, const char* name, int flags, Links links) {
  const int fd = ::openat(directory, name, flags | O_CLOEXEC | (links == Links::kRefuse ? O_NOFOLLOW : 0));
  if (fd < 0) return -errno;
  if (links == Links::kSameOwner && !same_owner(directory, name, fd)) {
    ::close(fd);
    return -ELOOP;
  }
  if (links == Links::kRefuse && (flags & O_PATH) != 0) {  // such a descriptor is of the link itself
    struct stat st {};
    if (::fstat(fd, &st) != 0 || S_ISLNK(st.st_mode)) {
      ::close(fd);
      return -ELOOP;
    }
  }
  return fd;
}

// Name by name, as no single call knows of owners.
int open_by_steps(std::string path, const PathRules& rules, int flags) {
  size_t at = std::min(rules.trusted, path.size());
  OwnedFd directory;
  if (at > 0) {
    while (at < path.size() && path[at] != '/') ++at;  // a whole name
    const std::string trusted = path.substr(0, at);
    if (at == path.size()) {
      const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
      return fd < 0 ? -errno : fd;
    }
    directory = OwnedFd(::open(trusted.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  } else {
    directory = OwnedFd(::open(path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (directory.get() < 0) return -errno;
  for (;;) {
    at = path.find_first_not_of('/', at);
    if (at == std::string::npos) return ::openat(directory.get(), ".", flags | O_CLOEXEC);
    const size_t end = std::min(path.find('/', at), path.size());
    const bool is_last = path.find_first_not_of('/', end) == std::string::npos;
    const bool wants_directory = !is_last || end < path.size();
    const std::string name = path.substr(at, end - at);
    if (is_last && !wants_directory) return open_step(directory.get(), name.c_str(), flags, rules.links);
    // With O_DIRECTORY a link that is not followed is ENOTDIR, and not known for what it is.
    const int fd = open_step(directory.get(), name.c_str(), O_PATH, rules.links);
    if (fd < 0) return fd;
    directory = OwnedFd(fd);
    at = end;
  }
}

int open_by(const char* path, const PathRules& rules, int flags) {
  if (rules.links != Links::kFollow) return rules.reach == Reach::kCached ? -EAGAIN : open_by_steps(path, rules, flags);
  if (rules.reach == Reach::kCached) return open_cached(path, static_cast<uint64_t>(flags | O_CLOEXEC));
  const int fd = ::open(path, flags | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

}  // namespace

int open_file(const char* path, const PathRules& rules, OwnedFd& fd, FileFacts& facts) {
  const int opened = open_by(path, rules, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (opened < 0) return opened;
  fd = OwnedFd(opened);
  return look_at_fd(opened, facts);
}

int look_at(const char* path, const PathRules& rules, FileFacts& facts) {
  if (rules.links == Links::kFollow && rules.reach == Reach::kAll) {
    struct stat st {};
    if (::stat(path, &st) != 0) return -errno;
    facts = facts_of(st);
    return 0;
  }
  const OwnedFd fd(open_by(path, rules, O_PATH));
  return fd.get() < 0 ? fd.get() : look_at_fd(fd.get(), facts);
}

ssize_t read_file(int fd, char* into, size_t most, int64_t offset, Reach reach) {
  const iovec piece{into, most};
  const bool cached = reach == Reach::kCached;
  ssize_t n;
  do n = ::preadv2(fd, &piece, 1, offset, cached ? RWF_NOWAIT : 0);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return n;
  const bool is_unknown = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
  return cached && is_unknown ? -EAGAIN : -errno;
}

size_t cached_size(int fd, int64_t offset, size_t most) {
  constexpr size_t kSink = 16 * 1024;
  constexpr size_t kPieces = 8;  // more the kernel has no room for on its stack
  char sink[kSink];
  size_t cached = 0;
  while (cached < most) {
    iovec pieces[kPieces];
    int count = 0;
    size_t asked = 0;
    for (; asked < most - cached && count < static_cast<int>(kPieces); asked += pieces[count++].iov_len)
      pieces[count] = {sink, std::min(kSink, most - cached - asked)};
    ssize_t n;
    do n = ::preadv2(fd, pieces, count, offset + static_cast<int64_t>(cached), RWF_NOWAIT);
    while (n < 0 && errno == EINTR);
    if (n <= 0) break;
    cached += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < asked) break;
  }
  return cached;
}

int list_directory(const char* path, std::vector<DirectoryEntry>& out) {
  const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  DIR* const directory = ::fdopendir(fd);
  if (directory == nullptr) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  int error = 0;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory);
    if (entry == nullptr) {
      error = -errno;
      break;
    }
    if (entry->d_name[0] == '.') continue;
    struct stat st {};
    if (::fstatat(fd, entry->d_name, &st, 0) != 0 && ::fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
      continue;  // it has gone meanwhile, or must not be seen
    out.push_back({entry->d_name, facts_of(st)});
  }
  ::closedir(directory);
  return error;
}

}  // namespace weir::io
