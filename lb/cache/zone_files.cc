// The files of a cache: they take their place, are found again after a start, and are taken away. All of it on the
// disk's thread.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <utility>

#include "base/bytes.h"
#include "base/owned_fd.h"
#include "base/rng.h"
#include "base/system.h"
#include "cache/stored_head.h"
#include "cache/zone.h"

namespace weir::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".weir-";
constexpr int kMostAtOnce = 64;              // files that are looked at, or taken away, between two jobs
constexpr int kMostEvicted = 1'024;          // entries, with the lock held
constexpr int64_t kBlock = 4096;             // what a file takes on a disk is a multiple of that
constexpr time_t kForgottenAfter = 60 * 60;  // seconds: no store takes so long, its weir has died
constexpr size_t kFirstRead = 16 * 1024;
constexpr int kUse = R_OK | W_OK | X_OK;  // of the directory

int64_t on_disk(int64_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

// Its head as bytes; empty: it has none.
std::string read_head(int fd) {
  std::string bytes(kFirstRead, '\0');
  size_t filled = 0;
  while (true) {
    const ssize_t n = ::pread(fd, bytes.data() + filled, bytes.size() - filled, static_cast<off_t>(filled));
    if (n < 0) return {};
    filled += static_cast<size_t>(n);
    const size_t wanted = head_bytes(std::string_view(bytes).substr(0, filled));
    if (wanted == 0) return {};
    if (filled >= wanted) return bytes.substr(0, wanted);
    if (n == 0) return {};
    if (bytes.size() < wanted) bytes.resize(wanted);
  }
}

// Tells the temporary files of this process from those that another of the same number has left behind.
std::string own_prefix() {
  static const std::string life = std::to_string(random_seed());
  return std::string(kTemporary) + std::to_string(::getpid()) + "-" + life + "-";
}

// Whoever has begun that file has died.
bool is_left_behind(const fs::path& path, std::string_view name) {
  if (name.starts_with(own_prefix())) return false;
  name.remove_prefix(kTemporary.size());
  const auto process = parse_decimal(name.substr(0, name.find('-')));
  if (process && *process > 0 && *process <= INT32_MAX) {
    const auto number = static_cast<pid_t>(*process);
    if (number == ::getpid() || (::kill(number, 0) != 0 && errno == ESRCH)) return true;
  }
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_mtime + kForgottenAfter < ::time(nullptr);
}

int make_directories_for(const std::string& path, size_t root) {
  for (size_t at = path.find('/', root + 1); at != std::string::npos; at = path.find('/', at + 1))
    if (::mkdir(path.substr(0, at).c_str(), 0700) != 0 && errno != EEXIST) return errno;
  return 0;
}

}  // namespace

Status<> Zone::check(const ZoneOptions& options) {
  const auto failed = [&](const char* call, int error) {
    return Unexpected{call_failed(std::string(call) + " \"" + options.path + "\"", error)};
  };
  struct stat info {};
  if (::stat(options.path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return Unexpected{"\"" + options.path + "\" is not a directory"};
    if (::access(options.path.c_str(), kUse) != 0) return failed("access()", errno);
    return Void{};
  }
  if (errno != ENOENT) return failed("stat()", errno);
  const std::string parent = options.path.substr(0, std::max<size_t>(options.path.rfind('/'), 1));
  if (::stat(parent.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return failed("mkdir()", ENOENT);
  if (::access(parent.c_str(), W_OK | X_OK) != 0) return failed("mkdir()", errno);
  return Void{};
}

void Zone::start(Thread thread) {
  {
    const std::lock_guard lock(mutex_);
    if (started_) return;
    totals_.is_loading = true;
  }
  const auto upkeep = [this] { return keep_up(); };
  Status<> started = make_directory();
  if (started) started = thread == Thread::kOwn ? disk_.start(upkeep) : disk_.start_inside(upkeep);
  if (!started) log::error("cache ", name_, ": not usable until a reload finds it so (", started.error(), ")");
  const std::lock_guard lock(mutex_);
  is_usable_ = started_ = static_cast<bool>(started);
  if (!started_) totals_.is_loading = false;
}

Status<> Zone::make_directory() const {
  if (::mkdir(path_.c_str(), 0700) == 0) return Void{};
  if (errno == EEXIST && ::access(path_.c_str(), kUse) == 0) return Void{};
  return Unexpected{call_failed("mkdir() \"" + path_ + "\"", errno)};
}

bool Zone::keep_up() {
  const bool loads = load_some();
  const bool sweeps = sweep();
  const bool removes = remove_doomed();
  return loads || sweeps || removes;
}

// --- a new file
// ---------------------------------------------------------------------------------------------------------------

std::string Zone::temporary_path() {
  static std::atomic<uint64_t> made{0};  // of all caches: two may have one directory during a reload
  return path_ + "/" + own_prefix() + std::to_string(made.fetch_add(1, std::memory_order_relaxed));
}

// Whoever asks for the key alone does not know yet that the answer varies.
void Zone::begin_writing(const Digest& digest, std::string_view key) {
  const Digest primary = digest_of(key);
  const std::lock_guard lock(mutex_);
  ++entry(digest, key, monotonic_ms()).writing;
  if (primary != digest) ++entry(primary, key, monotonic_ms()).writing;
}

void Zone::end_writing(const Digest& digest, const Digest& primary) {
  const auto end_of = [this](const Digest& each) {
    Entry* const at = known(each);
    if (at != nullptr && at->writing > 0 && --at->writing == 0) wake_all(each);
  };
  end_of(digest);
  if (primary != digest) end_of(primary);
}

bool Zone::is_purged(const Digest& primary, const Found& since) {
  const Entry* const at = known(primary);
  return purges_ != since.purges || (at != nullptr && at->generation != since.generation);
}

void Zone::take_in(const std::string& temporary, const Digest& digest, const StoredHead& head, const Found& found) {
  const std::string path = path_of(digest);
  const Digest primary = digest_of(head.key);
  const int64_t bytes = on_disk(static_cast<int64_t>(encode(head).size()) + head.body_bytes);
  if (is_handed_over()) {  // the other weir has its own by now, or would not know of this one
    ::unlink(temporary.c_str());
    not_written(digest, head.key, {});
    return;
  }
  int error = ::rename(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  if (error == ENOENT) {
    error = make_directories_for(path, path_.size());
    if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    not_written(digest, head.key, call_failed("rename() \"" + path + "\"", error));
    return;
  }
  const std::lock_guard lock(mutex_);
  if (is_purged(primary, found)) {
    Entry* const at = known(digest);
    if (at != nullptr) drop_file(*at);
    doomed_.insert(digest);
  } else {
    const MonoMs now = monotonic_ms();
    Entry& key = entry(primary, head.key, now);
    key_bytes_ = key_bytes_ - key.vary.size() + head.vary.size();
    key.vary = head.vary;
    if (!head.vary.empty()) drop_file(key);
    Entry& at = entry(digest, head.key, now);
    if (at.bytes == 0) ++totals_.answers;
    totals_.bytes += bytes - std::exchange(at.bytes, bytes);
    at.freshness = head.freshness;
    at.generation = key.generation;
    doomed_.erase(digest);  // the new file has its name
  }
  end_writing(digest, primary);
}

void Zone::note_not_written(std::string_view why) {
  if (!why.empty() && write_log_.pass(monotonic_ms()))
    log::error("cache ", name_, ": answer not stored (", why, ")", write_log_.dropped());
}

void Zone::not_written(const Digest& digest, std::string_view key, std::string_view why) {
  note_not_written(why);
  const std::lock_guard lock(mutex_);
  end_writing(digest, digest_of(key));
}

void Zone::note_dropped(std::string_view why) {
  if (full_log_.pass(monotonic_ms()))
    log::warn("cache ", name_, ": answer not stored (", why, ")", full_log_.dropped());
}

// --- those of an earlier life
// ----------------------------------------------------------------------------------------------

bool Zone::load_some() {
  std::unique_lock lock(mutex_);
  if (!totals_.is_loading) return false;
  lock.unlock();
  std::error_code error;
  if (!loading_) loading_.emplace(path_, fs::directory_options::skip_permission_denied, error);
  const fs::recursive_directory_iterator end;
  for (int i = 0; i < kMostAtOnce && !error && *loading_ != end; ++i, loading_->increment(error)) {
    std::error_code ignored;
    if (loading_->depth() >= static_cast<int>(levels_.size())) loading_->disable_recursion_pending();
    if ((*loading_)->is_regular_file(ignored)) load_file((*loading_)->path());
  }
  if (!error && *loading_ != end) return true;
  loading_.reset();
  lock.lock();
  totals_.is_loading = false;
  unlooked_ = {};
  const int64_t bytes = totals_.bytes;
  lock.unlock();
  log::info("cache ", name_, ": files found (", loaded_, " answers, ", bytes, " bytes)");
  return false;
}

void Zone::load_file(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.starts_with(kTemporary)) {
    if (is_left_behind(path, name)) ::unlink(path.c_str());
    return;
  }
  const auto digest = parse_hex(name);
  if (!digest) return;  // somebody else's
  struct stat info {};
  const OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return;
  const std::string bytes = read_head(fd.get());
  StoredHead head;
  const bool is_whole = decode(bytes, head) && info.st_size == static_cast<off_t>(bytes.size()) + head.body_bytes;
  if (!is_whole || digest_of(head.key, head.vary, head.variant) != *digest || path_of(*digest) != path.string()) {
    ::unlink(path.c_str());
    return;
  }
  add_loaded(*digest, head, on_disk(info.st_size));
}

void Zone::add_loaded(const Digest& digest, const StoredHead& head, int64_t bytes) {
  const Digest primary = digest_of(head.key);
  const std::lock_guard lock(mutex_);
  const Entry* const old = known(digest);
  if (old != nullptr && (old->bytes > 0 || old->writing > 0)) return;  // it was stored meanwhile
  if (doomed_.contains(digest)) return;                                // and taken away
  if (unlooked_.has(primary, head.key)) {
    doomed_.insert(digest);
    return;
  }
  const MonoMs now = monotonic_ms();
  Entry& key = entry(primary, head.key, now);
  if (!head.vary.empty()) {
    if (key.bytes > 0) {  // there is a newer one, which is the same for all
      doomed_.insert(digest);
      return;
    }
    key_bytes_ = key_bytes_ - key.vary.size() + head.vary.size();
    key.vary = head.vary;
  }
  const uint64_t generation = key.generation;  // it may leave the index for what follows
  Entry& at = entry(digest, head.key, now);
  at.bytes = bytes;
  at.freshness = head.freshness;
  at.generation = generation;
  totals_.bytes += at.bytes;
  ++totals_.answers;
  ++loaded_;
}

// --- upkeep
// ---------------------------------------------------------------------------------------------------------------

bool Zone::sweep() {
  const std::lock_guard lock(mutex_);
  if (is_handed_over()) return false;  // who uses them is not seen here
  const MonoMs before = monotonic_ms() - inactive_.count();
  auto at = entries_.end();
  int evicted = 0;
  while (at != entries_.begin()) {
    --at;
    const bool is_old = at->used_at <= before;
    if (!is_old && totals_.bytes <= max_size_) return false;
    if (!at->is_idle() || (!is_old && at->bytes == 0)) continue;
    if (++evicted > kMostEvicted) return true;
    const auto victim = at++;
    evict(victim);
  }
  return false;
}

bool Zone::remove_doomed() {
  std::vector<Digest> doomed;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < kMostAtOnce && !doomed_.empty(); ++i) {
      doomed.push_back(*doomed_.begin());
      doomed_.erase(doomed_.begin());
    }
    more = !doomed_.empty();
  }
  for (const Digest& each : doomed) ::unlink(path_of(each).c_str());
  return more;
}

}  // namespace weir::cache
