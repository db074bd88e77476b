// One part of a path after the other, each below the descriptor of the one before.
#include "base/root_place.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace weir {
namespace {

constexpr int kPlaceFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
constexpr int kMostLinks = 40;  // the kernel's own

bool is_roots(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_uid == 0;
}

mode_t mode_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? info.st_mode : 0;
}

}  // namespace

Result<RootPlace> find_root_place(const std::string& path, MissingParents parents) {
  RootPlace place;
  const size_t end = path.find_last_not_of('/') + 1;
  const size_t begin = path.substr(0, end).rfind('/') + 1;
  place.name = path.substr(begin, end - begin);
  if (place.name.empty() || place.name == "." || place.name == "..") return place;
  std::string rest = path.substr(0, begin);
  OwnedFd at(::open(rest.starts_with('/') ? "/" : ".", kPlaceFlags));
  for (int links = 0; at.get() >= 0 && links <= kMostLinks;) {
    rest.erase(0, rest.find_first_not_of('/'));
    if (rest.empty()) {
      place.directory = std::move(at);
      return place;
    }
    const size_t length = std::min(rest.find('/'), rest.size());
    const std::string part = rest.substr(0, length);
    rest.erase(0, length);
    if (parents == MissingParents::kMade) (void)!::mkdirat(at.get(), part.c_str(), 0755);
    OwnedFd next(::openat(at.get(), part.c_str(), kPlaceFlags));
    const mode_t mode = mode_of(next.get());
    if (S_ISDIR(mode)) {
      at = std::move(next);
      continue;
    }
    if (!S_ISLNK(mode)) return place;
    if (!is_roots(at.get()) || !is_roots(next.get()))
      return Unexpected{"the link \"" + part + "\" on the way is not root's, or not in a directory of root's"};
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(next.get(), "", target, sizeof target);
    if (size <= 0) return place;
    rest.insert(0, target, static_cast<size_t>(size));
    if (target[0] == '/') at = OwnedFd(::open("/", kPlaceFlags));
    ++links;
  }
  return place;
}

bool belongs_to(const std::string& path, uid_t uid) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_uid == uid;
}

Status<> make_directory_for(const std::string& path, uid_t uid, gid_t gid, MissingParents parents) {
  if (::access(path.c_str(), F_OK) == 0) return Void{};
  const Result<RootPlace> place = find_root_place(path, parents);
  if (!place) return Unexpected{"\"" + path + "\": not made (" + place.error() + ")"};
  const int parent = place->directory.get();
  if (::mkdirat(parent, place->name.c_str(), 0700) != 0) return Void{};
  // Where the parent is that user's, something else may stand there by now.
  const OwnedFd made(::openat(parent, place->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.get() >= 0) (void)!::fchown(made.get(), uid, gid);
  return Void{};
}

}  // namespace weir
