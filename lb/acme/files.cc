#include "acme/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/owned_fd.h"
#include "base/system.h"

namespace weir::acme {
namespace {

constexpr size_t kMostBytes = 1024 * 1024;

Unexpected<std::string> call_error(const char* call, const std::string& path) {
  return Unexpected{call_failed(std::string(call) + "() \"" + path + "\"", errno)};
}

bool write_whole(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

struct CloseDirectory {
  void operator()(DIR* open) const { ::closedir(open); }
};

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return call_error("open", path);
  std::string text;
  char piece[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return call_error("read", path);
    if (n == 0) return text;
    text.append(piece, static_cast<size_t>(n));
    if (text.size() > kMostBytes) return Unexpected{"\"" + path + "\" is too long"};
  }
}

Status<> replace_file(const std::string& path, const std::string& text) {
  const size_t slash = path.rfind('/');
  std::string name = path.substr(0, slash + 1) + "." + path.substr(slash + 1) + ".XXXXXX";
  const OwnedFd fd(::mkostemp(name.data(), O_CLOEXEC));  // 0600
  if (fd.get() < 0) return call_error("open", path);
  const char* call = nullptr;
  if (!write_whole(fd.get(), text)) call = "write";
  if (call == nullptr && ::fsync(fd.get()) != 0) call = "fsync";
  if (call == nullptr && ::rename(name.c_str(), path.c_str()) != 0) call = "rename";
  if (call == nullptr) return Void{};
  Unexpected<std::string> error = call_error(call, path);
  ::unlink(name.c_str());
  return error;
}

Status<> make_directories(const std::string& path) {
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) == 0 || errno == EEXIST) continue;
    struct stat found {};
    const int why = errno;
    if (::stat(part.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) continue;
    errno = why;
    return call_error("mkdir", part);
  }
  return Void{};
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(path.c_str()));
  if (open == nullptr) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace weir::acme
