// sticky learn's memory.
#include "runtime/session_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weir::runtime {
namespace {

constexpr size_t kRoomy = 1024 * 1024;

std::string session(int i) {
  return "session-" + std::to_string(i);
}

TEST(SessionTable, remembers_the_peer_of_a_session) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind("a", 7, 0);
  table.bind("b", 8, 0);
  EXPECT_EQ(table.find("a", 10), 7U);
  EXPECT_EQ(table.find("b", 10), 8U);
  EXPECT_EQ(table.find("c", 10), 0U);
  EXPECT_EQ(table.size(), 2U);
}

TEST(SessionTable, takes_the_last_binding) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind("a", 7, 0);
  table.bind("a", 9, 1);
  EXPECT_EQ(table.find("a", 2), 9U);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SessionTable, forgets_after_the_timeout_and_a_hit_renews) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind("a", 7, 0);
  EXPECT_EQ(table.find("a", 1000), 7U);
  EXPECT_EQ(table.find("a", 2000), 7U);
  EXPECT_EQ(table.find("a", 3001), 0U);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.bytes(), 0U);
}

TEST(SessionTable, never_takes_more_than_its_size) {
  constexpr size_t kBytes = 64 * 1024;
  const auto owned =
      std::make_unique<SessionTable>(kBytes, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  for (int i = 0; i < 10'000; ++i) {
    table.bind(session(i) + std::string(static_cast<size_t>(i) % 100, 'x'), 1, 0);
    ASSERT_LE(table.bytes(), kBytes);
  }
  EXPECT_GT(table.size(), 100U);
}

TEST(SessionTable, forgets_the_least_recently_used_first) {
  const auto owned = std::make_unique<SessionTable>(
      kRoomy / 32, Millis(1'000'000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind("kept", 7, 0);
  for (int i = 0; i < 10'000; ++i) {
    table.bind(session(i), 1, i);
    ASSERT_EQ(table.find("kept", i), 7U) << i;  // used between all others
  }
  EXPECT_EQ(table.find(session(0), 10'000), 0U);
}

TEST(SessionTable, ignores_large_and_empty_names) {
  const auto owned =
      std::make_unique<SessionTable>(64 * 1024, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind(std::string(64 * 1024, 'x'), 1, 0);
  table.bind("", 1, 0);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, keeps_fitting_entries_when_its_size_changes) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1'000'000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  for (int i = 0; i < 1000; ++i) table.bind(session(i), 1, i);
  ASSERT_EQ(table.size(), 1000U);
  table.configure(kRoomy * 2, Millis(1'000'000));
  EXPECT_EQ(table.size(), 1000U);
  table.configure(32 * 1024, Millis(1'000'000));
  EXPECT_LE(table.bytes(), 32U * 1024);
  EXPECT_GT(table.size(), 0U);
  EXPECT_EQ(table.find(session(999), 1000), 1U);
  EXPECT_EQ(table.find(session(0), 1000), 0U);
  table.configure(0, Millis(1'000'000));
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, entries_are_visited_with_their_times) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  for (int i = 0; i < 100; ++i) table.bind(session(i), static_cast<uint64_t>(i) + 1, i);
  size_t count = 0;
  table.each([&](std::string_view name, uint64_t peer, MonoMs seen) {
    EXPECT_EQ(name, session(static_cast<int>(peer) - 1));
    EXPECT_EQ(seen + 1, static_cast<MonoMs>(peer));
    ++count;
  });
  EXPECT_EQ(count, 100U);
}

TEST(SessionTable, takes_another_timeout) {
  const auto owned =
      std::make_unique<SessionTable>(kRoomy, Millis(1'000'000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  table.bind("a", 7, 0);
  table.configure(kRoomy, Millis(10));
  EXPECT_EQ(table.find("a", 11), 0U);
}

TEST(SessionTable, serves_several_threads) {
  const auto owned =
      std::make_unique<SessionTable>(64 * 1024, Millis(1000));  // on the heap: its shards are aligned to cache lines
  SessionTable& table = *owned;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&table] {
      for (int i = 0; i < 5000; ++i) {
        table.bind(session(i % 700), static_cast<uint64_t>(i % 700) + 1, i);
        const uint64_t peer = table.find(session(i % 300), i);
        EXPECT_TRUE(peer == 0 || peer == static_cast<uint64_t>(i % 300) + 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(table.bytes(), 64U * 1024);
}

}  // namespace
}  // namespace weir::runtime
