// A cache: answers as files below one directory, and an index of them that all workers share (proxy_cache_path). The
// index decides about hits, without a look at the disk; a file that is not there after all is a miss. A file takes its
// place whole, by rename, so that nothing half-written is ever served, and one that is replaced or taken away is read
// on to its end by those who have opened it.
//
// The index is bounded by its memory (keys_zone), the files by their sum (max_size) and by how long nobody has asked
// for them (inactive); those unused for the longest time go first. After a start the files' heads make it anew.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "cache/disk.h"
#include "cache/freshness.h"
#include "cache/key.h"
#include "http/head.h"

namespace weir::cache {

struct StoredHead;

// proxy_cache_path.
struct ZoneOptions {
  std::string name;
  std::string path;
  std::vector<int> levels;  // at most three, of 1 or 2
  size_t keys_bytes = 0;
  int64_t max_size = INT64_MAX;
  Millis inactive{600'000};
};

// What the cache had for a request: nginx's states.
enum class Outcome : uint8_t { kNone, kMiss, kBypass, kExpired, kStale, kUpdating, kRevalidated, kHit };
inline constexpr size_t kOutcomes = static_cast<size_t>(Outcome::kHit) + 1;
std::string_view to_string(Outcome outcome);  // "MISS"; of none: empty

class Zone {
 public:
  // Somebody who waits is to look again. Called by any thread, under the zone's lock: it only posts.
  using Wake = std::function<void()>;

  struct Lookup {
    std::string_view key;
    const http::FieldList& fields;  // of the request
    MonoMs now;
    int64_t wall;  // seconds since the Unix epoch
    uint32_t min_uses = 1;
    bool locks = false;  // one at a time fetches what is not there
    Millis lock_age{5'000};
  };
  struct Found {
    enum class Is : uint8_t {
      kMiss,
      kScarce,    // it was not asked for often enough, or the cache keeps nothing: the answer is not to be kept
      kFresh,     // in the file of that digest
      kStale,     // likewise, and this request is the one to ask for a newer one
      kUpdating,  // likewise, and another one does
      kLocked,    // it is not there, and another request fetches it
      kWriting    // another has fetched it, and it is being written
    };
    Is is = Is::kMiss;
    Digest digest{};
    Freshness freshness;           // where there is a file
    uint64_t update = 0;           // not 0: end_update() is to be called with it
    MonoMs update_until = kNever;  // of kLocked: from then on another is given one
    uint64_t purges = 0;
    uint64_t generation = 0;
  };
  struct Totals {
    uint64_t answers = 0, evicted = 0, purged = 0;
    int64_t bytes = 0;
    size_t key_bytes = 0;
    bool is_loading = false;
  };

  explicit Zone(ZoneOptions options);
  ~Zone();  // waits until what was given to it is written, however long its disk takes
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  // One that nobody waits for: when the last owner lets go, its own thread ends it, and never does where the disk
  // hangs.
  static std::shared_ptr<Zone> make(ZoneOptions options);
  // Until what was given to those of make() that were let go is written; at most so long. False: there are some left,
  // whose threads still run.
  static bool wait_for_ended(Millis most);

  // What the directory may be: there, or to be made in one that is, and for weir to write in. The error says why not.
  static Status<> check(const ZoneOptions& options);
  // Other bounds; the path and its levels stay.
  void configure(const ZoneOptions& options);
  // Makes the directory and has the files of an earlier life looked at. Where there is no such directory, or no thread,
  // the cache is not usable until a further call finds them; from then on further calls do nothing.
  void start() { start(Thread::kOwn); }
  // Without a thread of its own: Disk::start_inside().
  void start_inside() { start(Thread::kNone); }
  // Another weir has the same directory and all that comes from now on. What is there is still found, but nothing is
  // kept any more, and of the files only those are taken away that were invalidated or purged.
  void hand_over();
  bool is_handed_over() const { return is_handed_over_.load(std::memory_order_relaxed); }

  const std::string& name() const { return name_; }
  std::string path_of(const Digest& digest) const { return cache::path_of(path_, levels_, digest); }

  // All of these from any thread.
  Found find(const Lookup& lookup);
  // The request that was given this update has ended, whatever came of it.
  void end_update(const Digest& digest, uint64_t update);
  // `wake` is called once, when that answer is there or nobody fetches it any more. 0: it is so already. Else a number
  // to stop waiting by.
  uint64_t wait(const Digest& digest, Wake wake);
  void stop_waiting(const Digest& digest, uint64_t waiter);
  // Its file is not there, or is not what the index says.
  void lost(const Digest& digest);
  // Whatever stands under that key is not to be served any more (RFC 9111 4.4).
  void invalidate(std::string_view key);
  // Takes away what stands under that key; "PREFIX*" and "*": all keys that begin so. How many answers those were.
  size_t purge(std::string_view pattern);
  Totals totals() const;
  void count(Outcome outcome) { outcomes_[static_cast<size_t>(outcome)].fetch_add(1, std::memory_order_relaxed); }
  uint64_t outcomes(Outcome outcome) const {
    return outcomes_[static_cast<size_t>(outcome)].load(std::memory_order_relaxed);
  }

  // --- for Store, which writes
  Disk& disk() { return disk_; }
  std::string temporary_path();
  int64_t max_size() const;
  // One of the two below follows.
  void begin_writing(const Digest& digest, std::string_view key);
  // On the disk's thread: the file stands at `temporary`, whole. It takes its place, unless it was purged meanwhile.
  void take_in(const std::string& temporary, const Digest& digest, const StoredHead& head, const Found& found);
  void not_written(const Digest& digest, std::string_view key, std::string_view why);
  // Of one that has not begun, or of which nobody wants to hear the end: the error log's line alone.
  void note_not_written(std::string_view why);
  void note_dropped(std::string_view why);  // what is not an error of the disk's

 private:
  struct Entry {
    Digest digest;
    std::string key;
    std::string vary;  // names; not empty: what is asked for stands in entries of their own, by variant
    Freshness freshness;
    int64_t bytes = 0;  // of its file; 0: there is none
    MonoMs used_at = 0;
    uint64_t update = 0;  // that is under way; 0: none
    MonoMs update_until = 0;
    uint64_t generation = 0;  // another one when it is invalidated; a variant's is its key's when it was stored
    uint32_t uses = 0;
    uint32_t writing = 0;  // stores on their way to the disk
    bool is_idle() const { return update == 0 && writing == 0; }
  };
  using Entries = std::list<Entry>;  // the last used first
  struct DigestHash {
    size_t operator()(const Digest& digest) const;
  };
  struct Waiter {
    uint64_t number;
    Wake wake;
  };

  // What was taken away while files of an earlier life were still to be looked at.
  struct Unlooked {
    std::unordered_set<Digest, DigestHash> keys;
    std::vector<std::string> prefixes;
    bool all = false;  // there are more of them than are remembered
    void add_key(const Digest& primary);
    void add_prefix(std::string_view prefix);
    bool begins_so(std::string_view key) const;
    bool has(const Digest& primary, std::string_view key) const;
  };

  // Has what was purged taken away.
  void finish();
  static void release(Zone* zone);  // by its last owner

  enum class Thread : uint8_t { kOwn, kNone };
  void start(Thread thread);

  Status<> make_directory() const;

  // All of these with the lock held.
  bool has_looked() const { return started_ && !totals_.is_loading; }  // at all files of an earlier life
  Entry& entry(const Digest& digest, std::string_view key, MonoMs now);
  Entry* known(const Digest& digest);
  void touch(Entry& entry, MonoMs now);
  void wake_all(const Digest& digest);
  void end_writing(const Digest& digest, const Digest& primary);
  bool is_purged(const Digest& primary, const Found& since);
  void forget_file(Entry& entry);
  void drop_file(Entry& entry);     // and has it taken away
  void release_file(Entry& entry);  // likewise, unless it is another weir's by now
  void evict(Entries::iterator at);
  void shrink_index();
  static size_t cost(const Entry& entry);
  size_t purge_if(const std::function<bool(const Entry&)>& is_meant);

  // On the disk's thread.
  bool keep_up();
  // Of these, true: there is more.
  bool load_some();
  bool sweep();
  bool remove_doomed();
  void load_file(const std::filesystem::path& path);
  void add_loaded(const Digest& digest, const StoredHead& head, int64_t bytes);

  const std::string name_;
  const std::string path_;
  const std::vector<int> levels_;
  std::atomic<bool> is_usable_{true};
  std::atomic<bool> is_handed_over_{false};
  std::array<std::atomic<uint64_t>, kOutcomes> outcomes_{};

  mutable std::mutex mutex_;
  size_t keys_bytes_;
  int64_t max_size_;
  Millis inactive_;
  Entries entries_;
  std::unordered_map<Digest, Entries::iterator, DigestHash> by_digest_;
  std::unordered_map<Digest, std::vector<Waiter>, DigestHash> waiters_;
  std::unordered_set<Digest, DigestHash> doomed_;  // whose files are to be taken away
  Unlooked unlooked_;
  size_t key_bytes_ = 0;
  Totals totals_;
  uint64_t updates_ = 0, waiter_numbers_ = 0, purges_ = 0, generations_ = 0;
  bool started_ = false;

  std::optional<std::filesystem::recursive_directory_iterator> loading_;
  uint64_t loaded_ = 0;
  LogLimit write_log_, full_log_;
  Disk disk_;  // last: its thread uses all of the above
};

}  // namespace weir::cache
