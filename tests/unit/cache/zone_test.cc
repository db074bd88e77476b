#include "cache/zone.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cache/store.h"
#include "unit/no_threads.h"
#include "unit/temp_dir.h"

namespace weir::cache {
namespace {

using Is = Zone::Found::Is;
constexpr int64_t kWall = 1'000'000;
constexpr auto kPatience = std::chrono::seconds(20);

class ZoneTest : public testing::Test {
 protected:
  ZoneTest() { begin(); }

  void begin() {
    zone_ = std::make_shared<Zone>(options_);
    zone_->start();
    eventually([this] { return !zone_->totals().is_loading; });
  }
  // The thread beside it is waited for, as long as it may take.
  static void eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
  void restart() {
    zone_.reset();
    begin();
  }
  Zone::Found find(const std::string& key, int64_t wall = kWall, bool locks = false, uint32_t min_uses = 1) {
    Zone::Lookup lookup{key, request_, ++now_, wall};
    lookup.locks = locks;
    lookup.min_uses = min_uses;
    return zone_->find(lookup);
  }
  // As somebody who then goes away: settle() would wait for an update that nobody ends.
  bool misses(const std::string& key) {
    const Zone::Found found = find(key);
    zone_->end_update(found.digest, found.update);
    return found.is == Is::kMiss;
  }
  std::unique_ptr<Store> begin_store(const std::string& key, const Zone::Found& found, const std::string& vary = "") {
    StoredHead head;
    head.freshness.is_kept = true;
    head.freshness.until = kWall + 60;
    head.status = 200;
    head.key = key;
    head.vary = vary;
    const std::string variant = variant_of(vary, request_);
    head.variant = variant;
    head.fields = {{"Content-Type", "text/plain"}};
    return std::make_unique<Store>(zone_, found, head);
  }
  void put(const std::string& key, const std::string& body, const std::string& vary = "") {
    const Zone::Found found = find(key);
    auto store = begin_store(key, found, vary);
    store->add(body);
    store->complete();
    zone_->end_update(found.digest, found.update);
    settle(key);
  }
  // What is being written is waited for. It may be written, and purged, before this looks: then looking begins an
  // update, which is ended again, or the wait would be for it.
  void settle(const std::string& key) {
    auto done = std::make_shared<std::promise<void>>();
    const Zone::Found found = find(key);
    zone_->end_update(found.digest, found.update);
    if (zone_->wait(found.digest, [done] { done->set_value(); }) == 0) return;
    EXPECT_EQ(done->get_future().wait_for(kPatience), std::future_status::ready);
  }
  // The body in the file of that answer; nullopt: there is no such file.
  std::optional<std::string> body_of(const Zone::Found& found) {
    std::ifstream file(zone_->path_of(found.digest));
    if (!file) return std::nullopt;
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    StoredHead head;
    if (!decode(bytes, head)) return std::nullopt;
    return bytes.substr(head_bytes(bytes));
  }
  size_t files() const {
    size_t count = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator(dir_.path())) count += each.is_regular_file();
    return count;
  }

  TempDir dir_;
  ZoneOptions options_{.name = "z", .path = dir_ / "cache", .levels = {1, 2}, .keys_bytes = 1024 * 1024};
  std::shared_ptr<Zone> zone_;
  http::FieldList request_;
  MonoMs now_ = monotonic_ms();
};

TEST_F(ZoneTest, stored_answer_is_found_whole) {
  EXPECT_TRUE(misses("a"));
  const std::string body(1'000'000, 'x');
  put("a", body);
  const Zone::Found found = find("a");
  EXPECT_EQ(found.is, Is::kFresh);
  EXPECT_EQ(body_of(found), body);
  EXPECT_EQ(find("b").is, Is::kMiss);
  const std::string path = zone_->path_of(found.digest);
  EXPECT_EQ(path, dir_ / ("cache/" + hex(found.digest).substr(31) + "/" + hex(found.digest).substr(29, 2) + "/" +
                          hex(found.digest)));
}

TEST_F(ZoneTest, store_that_does_not_end_leaves_nothing) {
  {
    auto store = begin_store("a", find("a"));
    store->add(std::string(1'000'000, 'x'));
  }
  put("b", "b");  // behind it on the disk's thread
  EXPECT_EQ(files(), 1U);
}

TEST_F(ZoneTest, index_is_made_anew_after_a_restart) {
  put("a", "of a");
  put("b", "of b");
  restart();
  EXPECT_EQ(find("a").is, Is::kFresh);
  EXPECT_EQ(body_of(find("b")), "of b");
  EXPECT_EQ(find("a", kWall + 61).is, Is::kStale);
  EXPECT_EQ(zone_->totals().answers, 2U);
}

TEST_F(ZoneTest, broken_files_are_taken_away_at_start) {
  put("a", "of a");
  put("cut", "will be cut");
  const std::string path = zone_->path_of(find("cut").digest);
  zone_.reset();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  dir_.write("cache/somebody's", "stays");
  dir_.write("cache/.weir-1-0", "of a weir that runs");
  const std::string ended[] = {".weir-" + std::to_string(::getpid()) + "-0", ".weir-2147483647-0"};
  for (const std::string& each : ended) dir_.write("cache/" + each, "of one that has died");
  begin();
  EXPECT_EQ(find("cut").is, Is::kMiss);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(find("a").is, Is::kFresh);
  EXPECT_TRUE(dir_.exists("cache/somebody's"));
  EXPECT_TRUE(dir_.exists("cache/.weir-1-0"));
  for (const std::string& each : ended) EXPECT_FALSE(dir_.exists("cache/" + each)) << each;
}

// Two caches of one process may have one directory while a configuration takes the place of another.
TEST_F(ZoneTest, temporary_files_of_two_zones_are_apart) {
  Zone other(options_);
  const std::string path = other.temporary_path();
  EXPECT_NE(path, zone_->temporary_path());
  std::ofstream(path) << "being written";
  restart();
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ZoneTest, update_is_given_to_one_request_at_a_time) {
  const Zone::Found first = find("a", kWall, true);
  EXPECT_EQ(first.is, Is::kMiss);
  EXPECT_EQ(find("a", kWall, true).is, Is::kLocked);
  EXPECT_EQ(find("a", kWall, false).is, Is::kMiss) << "nobody waits without a lock";
  zone_->end_update(first.digest, first.update);
  EXPECT_EQ(find("a", kWall, true).is, Is::kMiss);
  put("s", "s");
  const Zone::Found stale = find("s", kWall + 61);
  EXPECT_EQ(stale.is, Is::kStale);
  EXPECT_EQ(find("s", kWall + 61).is, Is::kUpdating);
  zone_->end_update(stale.digest, stale.update);
  EXPECT_EQ(find("s", kWall + 61).is, Is::kStale);
}

TEST_F(ZoneTest, lock_passes_on_when_its_owner_is_old) {
  EXPECT_EQ(find("a", kWall, true).is, Is::kMiss);
  now_ += 5'001;
  EXPECT_EQ(find("a", kWall, true).is, Is::kMiss);
  const Zone::Found locked = find("a", kWall, true);
  EXPECT_EQ(locked.is, Is::kLocked);
  EXPECT_EQ(locked.update_until, now_ - 1 + 5'000);
}

TEST_F(ZoneTest, waiter_is_woken_when_the_update_ends) {
  const Zone::Found first = find("a", kWall, true);
  int woken = 0;
  EXPECT_NE(zone_->wait(first.digest, [&] { ++woken; }), 0U);
  const uint64_t second = zone_->wait(first.digest, [&] { woken += 10; });
  zone_->stop_waiting(first.digest, second);
  zone_->end_update(first.digest, first.update);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(zone_->wait(first.digest, [] {}), 0U) << "there is nothing to wait for";
}

TEST_F(ZoneTest, answer_is_kept_from_its_min_uses_on) {
  EXPECT_EQ(find("a", kWall, false, 3).is, Is::kScarce);
  EXPECT_EQ(find("a", kWall, false, 3).is, Is::kScarce);
  EXPECT_EQ(find("a", kWall, false, 3).is, Is::kMiss);
}

TEST_F(ZoneTest, variants_are_kept_beside_each_other) {
  request_.add("Accept", "a", http::HeaderToken::kAccept);
  put("k", "for a", "accept");
  EXPECT_EQ(body_of(find("k")), "for a");
  request_.clear();
  request_.add("Accept", "b", http::HeaderToken::kAccept);
  EXPECT_TRUE(misses("k"));
  put("k", "for b", "accept");
  EXPECT_EQ(body_of(find("k")), "for b");
  restart();
  EXPECT_EQ(body_of(find("k")), "for b");
  request_.clear();
  request_.add("Accept", "a", http::HeaderToken::kAccept);
  EXPECT_EQ(body_of(find("k")), "for a");
}

TEST_F(ZoneTest, invalidated_variants_stay_away) {
  const auto accept = [this](const char* type) {
    request_.clear();
    request_.add("Accept", type, http::HeaderToken::kAccept);
  };
  for (const char* type : {"a", "b"}) {
    accept(type);
    put("k", std::string("old for ") + type, "accept");
  }
  zone_->invalidate("k");
  accept("a");
  put("k", "new for a", "accept");
  EXPECT_EQ(body_of(find("k")), "new for a");
  accept("b");
  EXPECT_TRUE(misses("k"));
  EXPECT_EQ(zone_->totals().answers, 1U);
  put("k", "new for b", "accept");
  EXPECT_EQ(body_of(find("k")), "new for b");
  restart();
  EXPECT_EQ(body_of(find("k")), "new for b");
}

TEST_F(ZoneTest, purge_takes_by_key_and_by_prefix) {
  for (const char* key : {"x/1", "x/2", "y/1"}) put(key, key);
  EXPECT_EQ(zone_->purge("x/1"), 1U);
  EXPECT_EQ(find("x/1").is, Is::kMiss);
  EXPECT_EQ(find("x/2").is, Is::kFresh);
  EXPECT_EQ(zone_->purge("x/*"), 1U);
  EXPECT_EQ(find("x/2").is, Is::kMiss);
  EXPECT_EQ(zone_->purge("*"), 1U);
  EXPECT_EQ(find("y/1").is, Is::kMiss);
  EXPECT_EQ(zone_->totals().answers, 0U);
  eventually([this] { return files() == 0; });
}

// Its disk goes on with other work between pieces of it.
TEST_F(ZoneTest, large_purge_keeps_no_store_waiting) {
  constexpr int kAnswers = 500;
  for (int i = 0; i < kAnswers; ++i) put(std::to_string(i), "old");
  std::promise<void> busy;
  std::atomic<size_t> left{0};
  ASSERT_TRUE(zone_->disk().post([gate = busy.get_future().share()] { gate.wait(); }, 0));
  EXPECT_EQ(zone_->purge("*"), size_t{kAnswers});
  std::vector<Zone::Found> founds;
  for (int i = 0; i < kAnswers; ++i) founds.push_back(find(std::to_string(i)));
  const auto store = [&](size_t i) {
    auto made = begin_store(std::to_string(i), founds[i]);
    made->add("new");
    made->complete();
    zone_->end_update(founds[i].digest, founds[i].update);
  };
  for (const size_t i : {size_t{0}, size_t{250}, size_t{499}}) store(i);
  ASSERT_TRUE(zone_->disk().post([&] { left = files(); }, 0));
  busy.set_value();
  eventually([this] { return files() == 3; });
  EXPECT_GT(left.load(), 3U);
  for (const char* key : {"0", "250", "499"}) EXPECT_EQ(body_of(find(key)), "new") << key;
}

TEST_F(ZoneTest, purged_files_are_gone_after_a_restart) {
  constexpr int kAnswers = 200;
  for (int i = 0; i < kAnswers; ++i) put(std::to_string(i), "old");
  zone_->purge("*");
  restart();
  EXPECT_EQ(files(), 0U);
}

TEST_F(ZoneTest, answer_on_its_way_is_purged_too) {
  const Zone::Found found = find("a");
  auto store = begin_store("a", found);
  store->add("old");
  zone_->purge("*");
  store->complete();
  zone_->end_update(found.digest, found.update);
  settle("a");
  EXPECT_EQ(find("a").is, Is::kMiss);
  const Zone::Found again = find("b");
  auto other = begin_store("b", again);
  zone_->invalidate("b");
  other->complete();
  zone_->end_update(again.digest, again.update);
  settle("b");
  EXPECT_NE(find("b").is, Is::kFresh);
}

TEST_F(ZoneTest, longest_unused_goes_beyond_max_size) {
  options_.max_size = 3 * 64 * 1024;
  zone_->configure(options_);
  for (const char* key : {"a", "b", "c", "d"}) {
    put(key, std::string(60'000, 'x'));
    (void)find("a");
  }
  eventually([this] { return zone_->totals().bytes <= options_.max_size; });
  EXPECT_EQ(find("a").is, Is::kFresh);
  EXPECT_EQ(find("d").is, Is::kFresh);
  EXPECT_EQ(find("b").is, Is::kMiss);
}

TEST_F(ZoneTest, answer_larger_than_max_size_is_given_up) {
  options_.max_size = 100'000;
  zone_->configure(options_);
  auto store = begin_store("a", find("a"));
  store->add(std::string(60'000, 'x'));
  EXPECT_TRUE(store->keeps());
  store->add(std::string(60'000, 'x'));
  EXPECT_FALSE(store->keeps());
  store->complete();
  store.reset();
  put("b", "b");  // behind it on the disk's thread
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(misses("a"));
}

TEST_F(ZoneTest, index_stays_within_its_memory) {
  options_.keys_bytes = 32 * 1024;
  zone_->configure(options_);
  for (int i = 0; i < 1'000; ++i) {
    const Zone::Found found = find("key" + std::to_string(i));
    zone_->end_update(found.digest, found.update);
  }
  EXPECT_LE(zone_->totals().key_bytes, options_.keys_bytes);
}

TEST_F(ZoneTest, lost_file_is_a_miss) {
  put("a", "a");
  const Zone::Found found = find("a");
  zone_->lost(found.digest);
  EXPECT_EQ(find("a").is, Is::kMiss);
}

TEST_F(ZoneTest, refreshed_head_keeps_the_body) {
  put("a", "the body");
  const Zone::Found found = find("a", kWall + 61);
  ASSERT_EQ(found.is, Is::kStale);
  const std::string bytes = [&] {
    std::ifstream file(zone_->path_of(found.digest));
    return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }();
  StoredHead head;
  ASSERT_TRUE(decode(bytes, head));
  head.freshness.until = kWall + 600;
  std::make_unique<Store>(zone_, found, head)
      ->complete_with_body_of(zone_->path_of(found.digest), bytes.substr(0, head_bytes(bytes)));
  zone_->end_update(found.digest, found.update);
  settle("a");
  EXPECT_EQ(find("a", kWall + 61).is, Is::kFresh);
  EXPECT_EQ(body_of(find("a")), "the body");
  std::make_unique<Store>(zone_, found, head)->complete_with_body_of(zone_->path_of(found.digest), "another head");
  settle("a");
  EXPECT_EQ(body_of(find("a")), "the body") << "nothing is made of a file that has changed";
}

TEST_F(ZoneTest, place_that_cannot_be_is_refused) {
  EXPECT_TRUE(Zone::check(options_));
  dir_.write("file", "");
  options_.path = dir_ / "file";
  EXPECT_FALSE(Zone::check(options_));
  options_.path = dir_ / "none/cache";
  EXPECT_FALSE(Zone::check(options_));
}

TEST_F(ZoneTest, hanging_disk_keeps_no_last_owner_waiting) {
  put("a", "of a");
  zone_ = Zone::make(options_);
  zone_->start();
  eventually([this] { return !zone_->totals().is_loading; });
  const auto answers = std::make_shared<std::promise<void>>();
  zone_->disk().post([answers] { answers->get_future().wait(); }, 0);
  zone_->purge("a");
  const Zone::Found found = find("b");
  auto store = begin_store("b", found);
  store->add("of b");
  store->complete();
  zone_->end_update(found.digest, found.update);
  store.reset();
  zone_.reset();
  EXPECT_FALSE(Zone::wait_for_ended(Millis(0)));
  answers->set_value();
  EXPECT_TRUE(Zone::wait_for_ended(kPatience));
  EXPECT_EQ(files(), 1U) << "one is written, the other is taken away";
  begin();
  EXPECT_EQ(find("a").is, Is::kMiss);
  EXPECT_EQ(find("b").is, Is::kFresh);
}

TEST_F(ZoneTest, ended_means_that_its_thread_is_gone) {
  static std::atomic<bool> freed;
  struct OfTheThread {
    ~OfTheThread() {
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      freed = true;
    }
  };
  freed = false;
  zone_ = Zone::make(options_);
  zone_->start();
  zone_->disk().post([] { static thread_local const auto kept = std::make_unique<OfTheThread>(); }, 0);
  zone_.reset();
  ASSERT_TRUE(Zone::wait_for_ended(kPatience));
  EXPECT_TRUE(freed);
}

TEST_F(ZoneTest, zone_that_never_began_ends_at_once) {
  zone_ = Zone::make(options_);
  zone_.reset();
  EXPECT_TRUE(Zone::wait_for_ended(Millis(0)));
}

TEST_F(ZoneTest, directory_that_was_missing_is_found_later) {
  options_.path = dir_ / "parent/cache";
  zone_ = std::make_shared<Zone>(options_);
  zone_->start();
  EXPECT_EQ(find("a").is, Is::kScarce);
  std::filesystem::create_directory(dir_ / "parent");
  zone_->start();
  put("a", "of a");
  EXPECT_EQ(body_of(find("a")), "of a");
}

// As somebody whom directories of this user's can refuse. Ends with 0: `may_write` is the answer to each of these.
[[noreturn]] void check_places(const std::vector<std::string>& paths, bool may_write) {
  constexpr uid_t kStranger = 65'534;
  const bool is_switched = ::geteuid() != 0 || ::setuid(kStranger) == 0;
  bool all = is_switched;
  ZoneOptions options;
  for (const std::string& path : paths) {
    options.path = path;
    all = all && static_cast<bool>(Zone::check(options)) == may_write;
  }
  ::_exit(all ? 0 : 1);
}

TEST(ZoneCheck, place_that_weir_may_not_write_is_refused) {
  using std::filesystem::perms;
  const TempDir dir;
  const std::vector<std::string> paths = {dir / "cache", dir / "new"};
  std::filesystem::create_directory(dir / "cache");
  const auto permit = [&](perms each) {
    for (const std::string& path : {dir / "cache", dir.path()}) std::filesystem::permissions(path, each);
  };
  permit(perms::all);
  EXPECT_EXIT(check_places(paths, true), testing::ExitedWithCode(0), "");
  permit(perms::all & ~(perms::owner_write | perms::group_write | perms::others_write));
  EXPECT_EXIT(check_places(paths, false), testing::ExitedWithCode(0), "");
  permit(perms::all);
}

// Upkeep comes with what is posted.
class HandedOverZone : public ZoneTest {
 protected:
  HandedOverZone() {
    zone_ = std::make_shared<Zone>(options_);
    zone_->start_inside();
  }
  // Every answer has been unused for too long, and they are too many.
  void keep_up() {
    options_.inactive = Millis(0);
    options_.max_size = 0;
    options_.keys_bytes = 0;
    zone_->configure(options_);
    zone_->disk().post([] {}, 0);
  }
};

TEST_F(HandedOverZone, unused_files_stay_to_the_other_weir) {
  put("a", "of a");
  put("b", "of b");
  zone_->hand_over();
  keep_up();
  EXPECT_EQ(files(), 2U);
  zone_.reset();
  EXPECT_EQ(files(), 2U);
}

TEST_F(HandedOverZone, unused_files_go_before_a_hand_over) {
  put("a", "of a");
  put("b", "of b");
  keep_up();
  EXPECT_EQ(files(), 0U);
}

TEST_F(HandedOverZone, answers_are_found_and_none_is_kept) {
  put("a", "of a");
  auto begun = begin_store("begun", find("begun"));
  begun->add("before");
  zone_->hand_over();
  begun->complete();
  const Zone::Found late = find("late");
  EXPECT_EQ(late.is, Is::kScarce);
  auto store = begin_store("late", late);
  EXPECT_FALSE(store->keeps());
  store->add("after");
  store->complete();
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(find("a").is, Is::kFresh);
  EXPECT_EQ(find("a", kWall + 61).is, Is::kUpdating);
  EXPECT_EQ(find("begun").is, Is::kScarce);
}

TEST_F(HandedOverZone, only_invalidated_and_purged_files_go) {
  for (const char* key : {"invalidated", "purged", "lost", "kept"}) put(key, key);
  zone_->hand_over();
  zone_->lost(find("lost").digest);
  zone_->invalidate("invalidated");
  zone_->purge("purged");
  zone_.reset();
  EXPECT_EQ(files(), 2U);
}

TEST_F(ZoneTest, thread_that_was_missing_is_made_later) {
  zone_ = std::make_shared<Zone>(options_);
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    zone_->start();
  }
  EXPECT_EQ(find("a").is, Is::kScarce);
  EXPECT_FALSE(zone_->totals().is_loading);
  zone_->start();
  put("a", "of a");
  EXPECT_EQ(body_of(find("a")), "of a");
}

TEST_F(ZoneTest, purge_is_remembered_when_no_thread_is_there) {
  put("a", "of a");
  put("b", "of b");
  put("c", "of c");
  zone_ = std::make_shared<Zone>(options_);
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    zone_->start();
  }
  zone_->purge("a");
  zone_->invalidate("b");
  zone_->start();
  eventually([this] { return !zone_->totals().is_loading; });
  EXPECT_EQ(zone_->totals().answers, 1U);
  EXPECT_EQ(find("c").is, Is::kFresh);
}

// The files of an earlier life are looked at behind the first store.
class LoadingZone : public ZoneTest {
 protected:
  void begin_loading() {
    for (const char* key : {"x/1", "x/2", "y"}) put(key, key);
    request_.add("Accept", "a", http::HeaderToken::kAccept);
    put("varied", "varied", "accept");
    zone_.reset();
    zone_ = std::make_shared<Zone>(options_);
    zone_->start_inside();
    ASSERT_TRUE(zone_->totals().is_loading);
  }
  // Of "x/1", "x/2", "y" and "varied", when all is loaded.
  std::vector<bool> kept() {
    put("another", "another");
    EXPECT_FALSE(zone_->totals().is_loading);
    std::vector<bool> out;
    for (const char* key : {"x/1", "x/2", "y", "varied"}) out.push_back(find(key).is == Is::kFresh);
    size_t count = 1;
    for (const bool each : out) count += each ? 1 : 0;
    EXPECT_EQ(files(), count);
    EXPECT_EQ(zone_->totals().answers, count);
    return out;
  }
};

TEST_F(LoadingZone, files_are_found_by_the_first_store) {
  begin_loading();
  EXPECT_EQ(kept(), std::vector<bool>({true, true, true, true}));
}

TEST_F(LoadingZone, purge_of_all_is_remembered) {
  begin_loading();
  zone_->purge("*");
  EXPECT_EQ(kept(), std::vector<bool>({false, false, false, false}));
}

TEST_F(LoadingZone, purge_of_a_prefix_is_remembered) {
  begin_loading();
  zone_->purge("x/*");
  EXPECT_EQ(kept(), std::vector<bool>({false, false, true, true}));
}

TEST_F(LoadingZone, purged_and_invalidated_keys_are_remembered) {
  begin_loading();
  zone_->purge("x/2");
  zone_->invalidate("varied");
  zone_->invalidate("y");
  EXPECT_EQ(kept(), std::vector<bool>({true, false, false, false}));
}

TEST_F(LoadingZone, purges_without_number_take_all) {
  begin_loading();
  for (int i = 0; i < 1'000; ++i) zone_->purge("none" + std::to_string(i) + "/*");
  EXPECT_EQ(kept(), std::vector<bool>({false, false, false, false}));
}

TEST_F(LoadingZone, answer_behind_a_purge_stays) {
  begin_loading();
  zone_->purge("*");
  put("x/1", "newer");
  EXPECT_EQ(body_of(find("x/1")), "newer");
  EXPECT_EQ(files(), 1U);
}

TEST_F(LoadingZone, purge_behind_loading_is_forgotten) {
  begin_loading();
  EXPECT_EQ(kept(), std::vector<bool>({true, true, true, true}));
  zone_->purge("x/*");
  put("x/1", "newer");
  EXPECT_EQ(body_of(find("x/1")), "newer");
}

}  // namespace
}  // namespace weir::cache
