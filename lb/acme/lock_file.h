// One node at a time: a lock on storage that nodes share, where flock() may not reach. Held by whoever has made the
// file; taken from one whose process is gone, or who has not touched it for long. Times are compared by the storage's
// own clock. One thread at a time.
#pragma once
#include <cstdint>
#include <string>

namespace weir::acme {

class LockFile {
 public:
  static constexpr int64_t kStaleAfter = 600;   // seconds
  static constexpr int64_t kRefreshAfter = 30;  // how often a holder touches it at least

  explicit LockFile(std::string path);
  ~LockFile() { release(); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // False: another has it, or it cannot be written (why() says so then).
  bool take();
  // False: it is another's by now.
  bool refresh();
  void release();
  bool is_held() const { return held_; }
  // Whether somebody has it, this one or another.
  static bool is_there(const std::string& path);
  const std::string& why() const { return why_; }  // of the last take(); empty: it is only held

 private:
  bool link_own(int64_t& storage_now);
  bool break_stale(int64_t storage_now);

  const std::string path_;
  std::string text_;  // who this is
  std::string why_;
  bool held_ = false;
};

// Who a process is, for a lock's text: machine, boot, process namespace and number.
std::string process_identity();

}  // namespace weir::acme
