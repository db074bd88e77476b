#include "filter/user_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/owned_fd.h"
#include "base/password_hash.h"
#include "base/rng.h"

namespace weir::filter {
namespace {

// A file that was written just now may be written again within one tick of its file system's clock.
constexpr int64_t kYoungSeconds = 2;

std::string random_key() {
  std::string key(32, '\0');
  for (size_t at = 0; at < key.size(); at += sizeof(uint64_t)) {
    const uint64_t bits = random_seed();
    std::memcpy(key.data() + at, &bits, sizeof bits);
  }
  return key;
}

// Of nobody: a user that the file does not name takes as long as one that it names.
const std::string& hash_of_nobody(const auto& users) {
  static const std::string none;
  return users.empty() ? none : users.begin()->second;
}

}  // namespace

UserFile::UserFile(std::string path) : path_(std::move(path)), key_(random_key()) {}

std::string UserFile::token(const http::BasicCredentials& of, std::string_view hash) const {
  const std::string both = std::string(of.user) + '\0' + std::string(hash) + '\0' + of.password;
  const auto mac = hmac_sha256(key_, both);
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

bool UserFile::recalls(const http::BasicCredentials& of, MonoMs now) const {
  std::shared_ptr<const Users> users;
  {
    const std::lock_guard lock(mutex_);
    if (looked_.error != 0 || now - looked_at_ >= kLookEvery) return false;
    users = users_;
  }
  const auto user = users->find(of.user);
  if (user == users->end()) return false;
  const std::string made = token(of, user->second);
  const std::lock_guard lock(mutex_);
  return right_.contains(made);
}

UserFile::Look UserFile::look() const {
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0) return {.error = errno};
  return {.error = S_ISREG(found.st_mode) ? 0 : EINVAL,
          .size = found.st_size,
          .seconds = found.st_mtim.tv_sec,
          .nanoseconds = found.st_mtim.tv_nsec,
          .inode = found.st_ino};
}

// Null: it cannot be read.
std::shared_ptr<const UserFile::Users> UserFile::read(const Look& found, MonoMs now) {
  const auto refuse = [&](const char* why) -> std::shared_ptr<const Users> {
    if (file_log_.pass(now))
      log::error("user file ", path_, ": not read (", why, "), its users are refused", file_log_.dropped());
    return nullptr;
  };
  if (found.error != 0) return refuse(std::strerror(found.error));
  if (found.size > static_cast<int64_t>(kMostBytes)) return refuse("larger than 16 MB");
  const OwnedFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return refuse(std::strerror(errno));
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(std::strerror(errno));
    if (count == 0) break;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > kMostBytes) return refuse("larger than 16 MB");
  }
  auto users = std::make_shared<Users>();
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const size_t colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos || colon == 0) continue;
    const std::string_view hash = line.substr(colon + 1);
    // A comment may follow behind another colon. The first line of a name counts, as in nginx.
    users->try_emplace(std::string(line.substr(0, colon)), hash.substr(0, hash.find_first_of(":\r")));
  }
  return users;
}

UserFile::Verdict UserFile::verify(const http::BasicCredentials& of, MonoMs now) {
  const Look found = look();
  std::shared_ptr<const Users> users;
  {
    const std::lock_guard lock(mutex_);
    if (found == looked_ && !may_change_unseen_) users = users_;
    if (users != nullptr) looked_at_ = now;
  }
  if (users == nullptr || found.error != 0) {
    users = read(found, now);
    const std::lock_guard lock(mutex_);
    looked_ = found;
    looked_at_ = now;
    may_change_unseen_ = wall_us() / 1'000'000 - found.seconds < kYoungSeconds;
    users_ = users != nullptr ? users : std::make_shared<const Users>();
    if (users == nullptr) {
      right_.clear();
      if (found.error == 0) looked_.error = EIO;  // it is read again at the next look
      return found.error == ENOENT ? Verdict::kMissing : Verdict::kUnreadable;
    }
  }
  const auto user = users->find(of.user);
  const bool known = user != users->end();
  const std::string& hash = known ? user->second : hash_of_nobody(*users);
  const std::string made = token(of, hash);
  if (known) {
    const std::lock_guard lock(mutex_);
    if (right_.contains(made)) return Verdict::kRight;
  }
  const PasswordVerdict verdict = check_password(of.password, hash);
  if (known && verdict == PasswordVerdict::kRight) {
    const std::lock_guard lock(mutex_);
    if (right_.size() >= kMostRecalled) right_.clear();
    right_.insert(made);
    return Verdict::kRight;
  }
  if (known && verdict == PasswordVerdict::kUnknownHash && hash_log_.pass(now))
    log::error("user file ", path_, ": hash of user \"", of.user, "\" not understood", hash_log_.dropped());
  if (mismatch_log_.pass(now))
    log::warn("user file ", path_, ": user \"", of.user, "\" refused (", known ? "password mismatch" : "not found", ")",
              mismatch_log_.dropped());
  return Verdict::kWrong;
}

}  // namespace weir::filter
