// auth_basic_user_file: one file of USER:HASH lines, known to all workers, read again when it changes.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/basic_credentials.h"

namespace weir::filter {

class UserFile {
 public:
  enum class Verdict : uint8_t {
    kRight,
    kWrong,
    kMissing,     // there is no such file
    kUnreadable,  // it cannot be read, or is larger than kMostBytes
  };
  static constexpr size_t kMostBytes = 16 << 20;
  static constexpr size_t kMostRecalled = 4096;
  static constexpr MonoMs kLookEvery = 1000;  // at the file, for a change

  explicit UserFile(std::string path);

  // Whether these were right when the hash was made last, and the file was looked at just now. Never blocks; false:
  // verify() has to say.
  bool recalls(const http::BasicCredentials& of, MonoMs now) const;
  // Looks at the file, reads it if it has changed, and makes the hash: takes what the disk and the hash take. Any
  // thread.
  Verdict verify(const http::BasicCredentials& of, MonoMs now);

 private:
  using Users = std::unordered_map<std::string, std::string, StringHash, std::equal_to<>>;
  struct Look {
    int error = 0;  // an errno
    int64_t size = 0, seconds = 0, nanoseconds = 0;
    uint64_t inode = 0;
    bool operator==(const Look&) const = default;
  };
  Look look() const;
  std::shared_ptr<const Users> read(const Look& found, MonoMs now);
  std::string token(const http::BasicCredentials& of, std::string_view hash) const;

  const std::string path_;
  const std::string key_;  // of the tokens: a password is remembered as a keyed hash alone
  mutable std::mutex mutex_;
  Look looked_{.error = -1};
  MonoMs looked_at_ = 0;
  bool may_change_unseen_ = false;
  std::shared_ptr<const Users> users_ = std::make_shared<const Users>();
  std::unordered_set<std::string> right_;  // tokens; a hash that is another now makes another token
  LogLimit mismatch_log_, file_log_, hash_log_;
};

}  // namespace weir::filter
