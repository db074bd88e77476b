// The index: what is asked of it, and who waits. zone_files.cc has what is done with the files.
#include "cache/zone.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace weir::cache {
namespace {

// As malloc and the containers take it, beside an entry's own bytes.
constexpr size_t kUpkeep = 96;
// Of Unlooked.
constexpr size_t kMostKeys = 65'536;
constexpr size_t kMostPrefixes = 256;

// Those that nobody owns any more and whose disks still work.
struct Leaving {
  std::mutex mutex;
  std::condition_variable changed;
  size_t zones = 0;
  std::vector<std::thread> ended;  // as good as
};
Leaving& leaving() {
  static Leaving* const one = std::make_unique<Leaving>().release();  // threads left behind outlive the statics
  return *one;
}

void join_ended() {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock(leaving().mutex);
    ended.swap(leaving().ended);
  }
  for (std::thread& thread : ended) thread.join();
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  static constexpr std::string_view kNames[kOutcomes] = {"",      "MISS",     "BYPASS",      "EXPIRED",
                                                         "STALE", "UPDATING", "REVALIDATED", "HIT"};
  return kNames[static_cast<size_t>(outcome)];
}

size_t Zone::DigestHash::operator()(const Digest& digest) const {
  return StringHash()({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Zone::Zone(ZoneOptions options)
    : name_(std::move(options.name)),
      path_(std::move(options.path)),
      levels_(std::move(options.levels)),
      keys_bytes_(options.keys_bytes),
      max_size_(options.max_size),
      inactive_(options.inactive) {}

Zone::~Zone() {
  finish();
  disk_.stop();
}

// What was purged must not come back with the next start.
void Zone::finish() {
  disk_.post(
      [this] {
        while (remove_doomed()) {
        }
      },
      0);
}

std::shared_ptr<Zone> Zone::make(ZoneOptions options) {
  return {std::make_unique<Zone>(std::move(options)).release(), release};
}

void Zone::release(Zone* zone) {
  join_ended();
  {
    const std::lock_guard lock(leaving().mutex);
    ++leaving().zones;
  }
  zone->finish();
  zone->disk_.leave([owned = std::shared_ptr<Zone>(zone)](std::thread own) mutable {
    owned.reset();
    const std::lock_guard lock(leaving().mutex);
    --leaving().zones;
    if (own.joinable()) leaving().ended.push_back(std::move(own));
    leaving().changed.notify_all();
  });
}

bool Zone::wait_for_ended(Millis most) {
  bool all = false;
  {
    std::unique_lock lock(leaving().mutex);
    all = leaving().changed.wait_for(lock, most, [] { return leaving().zones == 0; });
  }
  join_ended();  // at exit no thread of theirs may still free what it has of libraries that have ended
  return all;
}

void Zone::configure(const ZoneOptions& options) {
  const std::lock_guard lock(mutex_);
  keys_bytes_ = options.keys_bytes;
  max_size_ = options.max_size;
  inactive_ = options.inactive;
  shrink_index();
}

void Zone::hand_over() {
  const std::lock_guard lock(mutex_);
  is_handed_over_ = true;
}

int64_t Zone::max_size() const {
  const std::lock_guard lock(mutex_);
  return max_size_;
}

// --- the entries
// ----------------------------------------------------------------------------------------------------------

size_t Zone::cost(const Entry& entry) {
  return sizeof(Entry) + kUpkeep + entry.key.size() + entry.vary.size();
}

Zone::Entry* Zone::known(const Digest& digest) {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : &*found->second;
}

Zone::Entry& Zone::entry(const Digest& digest, std::string_view key, MonoMs now) {
  if (Entry* const old = known(digest)) {
    touch(*old, now);
    return *old;
  }
  entries_.emplace_front();
  Entry& made = entries_.front();
  made.digest = digest;
  made.key = key;
  made.used_at = now;
  made.generation = ++generations_;
  by_digest_.emplace(digest, entries_.begin());
  key_bytes_ += cost(made);
  shrink_index();
  return made;
}

void Zone::touch(Entry& entry, MonoMs now) {
  entry.used_at = std::max(entry.used_at, now);
  entries_.splice(entries_.begin(), entries_, by_digest_.find(entry.digest)->second);
}

void Zone::forget_file(Entry& entry) {
  if (entry.bytes == 0) return;
  totals_.bytes -= std::exchange(entry.bytes, 0);
  --totals_.answers;
}

void Zone::drop_file(Entry& entry) {
  if (entry.bytes > 0) doomed_.insert(entry.digest);
  forget_file(entry);
}

void Zone::release_file(Entry& entry) {
  is_handed_over() ? forget_file(entry) : drop_file(entry);
}

void Zone::evict(Entries::iterator at) {
  if (at->bytes > 0) ++totals_.evicted;
  release_file(*at);
  key_bytes_ -= cost(*at);
  by_digest_.erase(at->digest);
  entries_.erase(at);
}

// The newest stays: somebody has just asked for it.
void Zone::shrink_index() {
  auto at = entries_.end();
  while (key_bytes_ > keys_bytes_ && at != entries_.begin()) {
    --at;
    if (at == entries_.begin()) return;
    if (!at->is_idle()) continue;
    const auto victim = at++;
    evict(victim);
  }
}

// --- questions
// -------------------------------------------------------------------------------------------------------------

Zone::Found Zone::find(const Lookup& lookup) {
  using Is = Found::Is;
  Found found;
  found.digest = digest_of(lookup.key);
  const std::lock_guard lock(mutex_);
  Entry* at = &entry(found.digest, lookup.key, lookup.now);
  found.purges = purges_;
  found.generation = at->generation;
  if (!at->vary.empty()) {
    found.digest = digest_of(lookup.key, at->vary, variant_of(at->vary, lookup.fields));
    at = &entry(found.digest, lookup.key, lookup.now);
    if (at->generation != found.generation) drop_file(*at);
  }
  ++at->uses;
  found.freshness = at->freshness;
  const bool is_updated = at->update != 0 && lookup.now < at->update_until;
  if (!is_usable_.load(std::memory_order_relaxed)) {
    found.is = Is::kScarce;
    return found;
  }
  if (at->bytes > 0 && lookup.wall < at->freshness.until) {
    found.is = Is::kFresh;
    return found;
  }
  if (is_handed_over()) {  // whoever asks the other weir fetches it
    found.is = at->bytes > 0 ? Is::kUpdating : Is::kScarce;
    return found;
  }
  if (at->writing > 0) {
    found.is = Is::kWriting;
  } else if (at->bytes > 0) {
    found.is = is_updated ? Is::kUpdating : Is::kStale;
  } else if (at->uses < lookup.min_uses) {
    found.is = Is::kScarce;
  } else {
    found.is = is_updated && lookup.locks ? Is::kLocked : Is::kMiss;
  }
  if (found.is == Is::kStale || (found.is == Is::kMiss && !is_updated)) {
    found.update = at->update = ++updates_;
    at->update_until = lookup.locks ? lookup.now + lookup.lock_age.count() : kNever;
  }
  found.update_until = at->update_until;
  return found;
}

void Zone::end_update(const Digest& digest, uint64_t update) {
  const std::lock_guard lock(mutex_);
  Entry* const at = known(digest);
  if (at == nullptr || at->update != update) return;
  at->update = 0;
  if (at->writing == 0) wake_all(digest);
}

uint64_t Zone::wait(const Digest& digest, Wake wake) {
  const std::lock_guard lock(mutex_);
  const Entry* const at = known(digest);
  if (at == nullptr || at->is_idle()) return 0;
  waiters_[digest].push_back({++waiter_numbers_, std::move(wake)});
  return waiter_numbers_;
}

void Zone::stop_waiting(const Digest& digest, uint64_t waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(digest);
  if (found == waiters_.end()) return;
  std::erase_if(found->second, [&](const Waiter& each) { return each.number == waiter; });
  if (found->second.empty()) waiters_.erase(found);
}

void Zone::wake_all(const Digest& digest) {
  const auto found = waiters_.find(digest);
  if (found == waiters_.end()) return;
  const std::vector<Waiter> woken = std::move(found->second);
  waiters_.erase(found);
  for (const Waiter& each : woken) each.wake();
}

void Zone::lost(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  Entry* const at = known(digest);
  if (at != nullptr && at->writing == 0) release_file(*at);
}

void Zone::invalidate(std::string_view key) {
  const Digest digest = digest_of(key);
  const std::lock_guard lock(mutex_);
  if (!has_looked()) unlooked_.add_key(digest);
  Entry* const at = known(digest);
  if (at == nullptr) return;
  at->generation = ++generations_;
  drop_file(*at);
  // Its variants are of another generation. They go when they are found, or as others that nobody asks for.
  key_bytes_ -= at->vary.size();
  at->vary.clear();
}

size_t Zone::purge(std::string_view pattern) {
  const std::lock_guard lock(mutex_);
  ++purges_;
  const bool is_prefix = pattern.ends_with('*');
  if (is_prefix) pattern.remove_suffix(1);
  if (!has_looked()) is_prefix ? unlooked_.add_prefix(pattern) : unlooked_.add_key(digest_of(pattern));
  return purge_if([&](const Entry& each) { return is_prefix ? each.key.starts_with(pattern) : each.key == pattern; });
}

size_t Zone::purge_if(const std::function<bool(const Entry&)>& is_meant) {
  size_t count = 0;
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (!is_meant(*at)) continue;
    if (at->bytes > 0) ++count;
    drop_file(*at);
    key_bytes_ -= at->vary.size();
    at->vary.clear();
  }
  totals_.purged += count;
  disk_.wake();
  return count;
}

void Zone::Unlooked::add_key(const Digest& primary) {
  if (keys.size() < kMostKeys)
    keys.insert(primary);
  else
    all = true;
}

void Zone::Unlooked::add_prefix(std::string_view prefix) {
  if (all || begins_so(prefix)) return;
  if (prefixes.size() < kMostPrefixes)
    prefixes.emplace_back(prefix);
  else
    all = true;
}

bool Zone::Unlooked::begins_so(std::string_view key) const {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& each) { return key.starts_with(each); });
}

bool Zone::Unlooked::has(const Digest& primary, std::string_view key) const {
  return all || keys.contains(primary) || begins_so(key);
}

Zone::Totals Zone::totals() const {
  const std::lock_guard lock(mutex_);
  Totals out = totals_;
  out.key_bytes = key_bytes_;
  return out;
}

}  // namespace weir::cache
