#include "acme/lock_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "acme/files.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "base/system.h"

namespace weir::acme {
namespace {

std::string link_target(const char* path) {
  char target[128];
  const ssize_t n = ::readlink(path, target, sizeof target);
  return n > 0 ? std::string(target, static_cast<size_t>(n)) : std::string("-");
}

// "HOST BOOT NAMESPACE": whose process numbers mean the same.
std::string place() {
  const auto read = read_file("/proc/sys/kernel/random/boot_id");
  std::string boot = read ? *read : std::string("-");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  return host_name() + " " + boot + " " + link_target("/proc/self/ns/pid");
}

// A process of this machine that is there no more.
bool is_dead(const std::string& text) {
  const std::string here = place() + " ";
  if (!text.starts_with(here)) return false;
  const auto pid = parse_decimal(text.substr(here.size(), text.find(' ', here.size()) - here.size()));
  return pid && *pid > 0 && *pid <= INT32_MAX && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH;
}

std::string random_word() {
  char word[17];
  std::snprintf(word, sizeof word, "%016llx", static_cast<unsigned long long>(random_seed()));
  return word;
}

}  // namespace

std::string process_identity() {
  return place() + " " + std::to_string(::getpid());
}

LockFile::LockFile(std::string path) : path_(std::move(path)), text_(process_identity() + " " + random_word() + "\n") {}

bool LockFile::take() {
  why_.clear();
  for (int i = 0; i < 2 && !held_; ++i) {
    int64_t storage_now = 0;
    if (link_own(storage_now)) {
      held_ = true;
    } else if (!why_.empty() || !break_stale(storage_now)) {
      return false;
    }
  }
  return held_;
}

// link() fails where the name is there already, on every kind of storage.
bool LockFile::link_own(int64_t& storage_now) {
  const size_t slash = path_.rfind('/');
  const std::string own = path_.substr(0, slash + 1) + ".lock." + random_word();
  if (const Status<> written = replace_file(own, text_); !written) {
    why_ = written.error();
    return false;
  }
  struct stat found {};
  if (::stat(own.c_str(), &found) == 0) storage_now = found.st_mtim.tv_sec;
  const bool linked = ::link(own.c_str(), path_.c_str()) == 0;
  if (!linked && errno != EEXIST) why_ = call_failed("link() \"" + path_ + "\"", errno);
  ::unlink(own.c_str());
  return linked;
}

// Whoever renames it has broken it. Another may have done that a moment ago and hold it now: then it is put back.
bool LockFile::break_stale(int64_t storage_now) {
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0) return errno == ENOENT;
  const auto text = read_file(path_);
  if (!text) return false;
  if (storage_now - found.st_mtim.tv_sec < kStaleAfter && !is_dead(*text)) return false;
  const size_t slash = path_.rfind('/');
  const std::string aside = path_.substr(0, slash + 1) + ".stale." + random_word();
  if (::rename(path_.c_str(), aside.c_str()) != 0) return errno == ENOENT;
  const auto moved = read_file(aside);
  const bool was_stale = moved && *moved == *text;
  if (!was_stale) (void)!::link(aside.c_str(), path_.c_str());
  ::unlink(aside.c_str());
  return was_stale;
}

bool LockFile::refresh() {
  if (!held_) return false;
  const auto text = read_file(path_);
  held_ = text && *text == text_;
  if (held_) (void)!::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  return held_;
}

void LockFile::release() {
  if (held_ && refresh()) ::unlink(path_.c_str());
  held_ = false;
}

bool LockFile::is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace weir::acme
