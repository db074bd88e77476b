// Reading configuration files.
#include "config/files.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "base/address_families.h"
#include "base/bytes.h"
#include "base/localhost.h"
#include "base/owned_fd.h"
#include "base/system.h"

namespace weir::config {
namespace {

constexpr size_t kLargestFile = 64 * 1024 * 1024;

std::string failure(const char* call, const std::string& path, int code) {
  return call_failed(std::string(call) + "() \"" + path + "\"", code);
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unexpected{failure("read", path, errno)};
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > kLargestFile) return Unexpected{"\"" + path + "\" is larger than 64 MB"};
  }
}

}  // namespace

Result<std::string> DiskFiles::read(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return Unexpected{failure("open", path, errno)};
  return read_all(fd.get(), path);
}

Result<std::string> DiskFiles::read_regular(const std::string& path) {
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return Unexpected{failure("open", path, errno)};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Unexpected{failure("fstat", path, errno)};
  if (!S_ISREG(info.st_mode)) return Unexpected{"\"" + path + "\" is no regular file"};
  return read_all(fd.get(), path);
}

std::vector<std::string> DiskFiles::glob(const std::string& pattern) {
  std::vector<std::string> out;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)  // glob sorts
    for (size_t i = 0; i < found.gl_pathc; ++i) out.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return out;
}

std::string DiskFiles::canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

std::vector<std::string> FileSource::addresses_of(const std::string& host) {
  if (is_localhost(host)) return {"127.0.0.1", "::1"};
  return {};
}

std::vector<std::string> DiskFiles::addresses_of(const std::string& host) {
  std::vector<std::string> out = FileSource::addresses_of(host);
  if (!out.empty()) return out;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return out;
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    addresses.push_back(SocketAddress::from_sockaddr(each->ai_addr, each->ai_addrlen));
  ::freeaddrinfo(found);
  keep_families(addresses, own_families(), [](const SocketAddress& each) { return each; });
  for (const SocketAddress& each : addresses) out.emplace_back(each.ip());
  return out;
}

Result<std::string> MemoryFiles::read(const std::string& path) {
  const auto it = files_.find(path);
  if (it == files_.end()) return Unexpected{failure("open", path, ENOENT)};
  return it->second;
}

std::vector<std::string> MemoryFiles::glob(const std::string& pattern) {
  std::vector<std::string> out;
  for (const auto& [path, text] : files_)
    if (::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0) out.push_back(path);
  return out;
}

}  // namespace weir::config
