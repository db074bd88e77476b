// The zones of limit_req and limit_conn.
#include "runtime/limit_tables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weir::runtime {
namespace {

constexpr size_t kRoomy = 1024 * 1024;
constexpr policy::RateLimit kTenASecond{.rate = 10'000, .burst = 2'000, .delay = 0};

// On the heap: shards are aligned to cache lines.
std::unique_ptr<RateTable> rates(size_t bytes = kRoomy) {
  return std::make_unique<RateTable>(bytes);
}

TEST(RateTable, burst_passes_and_the_rest_is_refused) {
  const auto table = rates();
  EXPECT_EQ(table->take("a", kTenASecond, 0).excess, 0);
  EXPECT_EQ(table->take("a", kTenASecond, 0).excess, 1000);
  EXPECT_EQ(table->take("a", kTenASecond, 0).excess, 2000);
  const auto refused = table->take("a", kTenASecond, 0);
  EXPECT_FALSE(refused.passes);
  EXPECT_EQ(refused.excess, 3000);
  // What was refused is not in the bucket: 100 ms later there is room for one.
  EXPECT_TRUE(table->take("a", kTenASecond, 100).passes);
  EXPECT_FALSE(table->take("a", kTenASecond, 100).passes);
}

TEST(RateTable, keys_are_counted_apart) {
  const auto table = rates();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(table->take("a", kTenASecond, 0).passes);
  EXPECT_FALSE(table->take("a", kTenASecond, 0).passes);
  EXPECT_TRUE(table->take("b", kTenASecond, 0).passes);
  EXPECT_EQ(table->size(), 2U);
}

TEST(RateTable, look_counts_nothing) {
  const auto table = rates();
  table->take("a", kTenASecond, 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(table->look("a", kTenASecond, 0).excess, 1000);
  EXPECT_TRUE(table->look("new", kTenASecond, 0).passes);
  EXPECT_EQ(table->size(), 1U);
}

TEST(RateTable, count_fills_beyond_the_burst) {
  const auto table = rates();
  EXPECT_EQ(table->count("a", kTenASecond, 0), 0);
  for (int64_t i = 1; i < 6; ++i) EXPECT_EQ(table->count("a", kTenASecond, 0), i * 1000);
}

TEST(RateTable, full_table_forgets_the_longest_unused) {
  const auto table = rates(32 * 1024);
  for (int i = 0; i < 3; ++i) table->take("kept", kTenASecond, 0);
  table->take("old", kTenASecond, 0);
  for (int i = 0; i < 2000; ++i) {
    table->take("filler-" + std::to_string(i), kTenASecond, 0);
    EXPECT_FALSE(table->take("kept", kTenASecond, 0).passes);
    ASSERT_LE(table->bytes(), 32U * 1024);
  }
  EXPECT_EQ(table->take("old", kTenASecond, 0).excess, 0) << "as one that was never seen";
}

TEST(RateTable, key_larger_than_the_table_does_not_pass) {
  const auto table = rates(32 * 1024);
  EXPECT_FALSE(table->take(std::string(40'000, 'x'), kTenASecond, 0).passes);
  EXPECT_FALSE(table->look(std::string(40'000, 'x'), kTenASecond, 0).passes);
}

TEST(RateTable, smaller_size_holds_from_the_next_key_on) {
  const auto table = rates(64 * 1024);
  for (int i = 0; i < 2000; ++i) table->take(std::to_string(i), kTenASecond, 0);
  table->resize(32 * 1024);
  table->take("one more", kTenASecond, 0);
  EXPECT_LE(table->bytes(), 32U * 1024);
}

TEST(RateTable, buckets_go_on_in_another_table) {
  const auto before = rates(), after = rates();
  for (int i = 0; i < 3; ++i) before->take("a", kTenASecond, 50);
  before->take("b", kTenASecond, 60);
  after->take("a", kTenASecond, 10);
  before->each([&](std::string_view key, const policy::Bucket& bucket) { after->put(key, bucket); });
  EXPECT_EQ(after->size(), 2U);
  EXPECT_FALSE(after->take("a", kTenASecond, 50).passes);
  EXPECT_EQ(after->look("b", kTenASecond, 60).excess, 1000);
}

TEST(RateTable, threads_together_pass_no_more_than_the_limit) {
  const auto table = rates();
  constexpr policy::RateLimit kHundred{.rate = 1, .burst = 99'000, .delay = 0};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) passed += table->take("a", kHundred, 0).passes ? 1 : 0;
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(passed, 100);
}

TEST(ConnectionTable, key_is_taken_as_often_as_allowed) {
  const auto table = std::make_unique<ConnectionTable>(kRoomy);
  EXPECT_TRUE(table->take("a", 2));
  EXPECT_TRUE(table->take("a", 2));
  EXPECT_FALSE(table->take("a", 2));
  EXPECT_TRUE(table->take("b", 2));
  EXPECT_EQ(table->count("a"), 2U);
  table->give_back("a");
  EXPECT_EQ(table->count("a"), 1U);
  EXPECT_EQ(table->count("c"), 0U);
  EXPECT_TRUE(table->take("a", 2));
}

TEST(ConnectionTable, key_without_a_holder_takes_no_room) {
  const auto table = std::make_unique<ConnectionTable>(kRoomy);
  EXPECT_TRUE(table->take("a", 1));
  table->give_back("a");
  EXPECT_EQ(table->size(), 0U);
}

TEST(ConnectionTable, full_table_takes_no_further_key) {
  const auto table = std::make_unique<ConnectionTable>(32 * 1024);
  int taken = 0;
  while (taken < 10'000 && table->take("key-" + std::to_string(taken), 1)) ++taken;
  EXPECT_LT(taken, 10'000);
  table->give_back("key-0");
  EXPECT_TRUE(table->take("another", 1));
}

}  // namespace
}  // namespace weir::runtime
