// Fifteen minutes of points.
#include "admin/history.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::admin {
namespace {

Reading reading(uint64_t requests, uint64_t errors = 0, uint64_t load = 0) {
  Reading made;
  made.requests = requests;
  made.errors = errors;
  made.load = load;
  return made;
}

TEST(History, first_reading_makes_no_point) {
  History history;
  history.add(reading(1000));
  EXPECT_TRUE(history.empty());
  EXPECT_EQ(history.newest_json(), "[0,0,0,0,0]");
}

TEST(History, points_are_differences) {
  History history;
  history.add(reading(1000, 10));
  history.add(reading(1030, 12, 7));
  EXPECT_EQ(history.newest_json(), "[30,2,0,0,7]");
  history.add(reading(1030, 12, 3));
  EXPECT_EQ(history.newest_json(), "[0,0,0,0,3]");
}

TEST(History, quantiles_are_those_of_the_interval) {
  Histogram times;
  times.add(900'000);
  Reading before = reading(1);
  before.times.add(times);
  History history;
  history.add(before);
  for (int i = 0; i < 100; ++i) times.add(2048);
  Reading after = reading(101);
  after.times.add(times);
  history.add(after);
  EXPECT_GT(history.newest().p50_us, 1700u);
  EXPECT_LE(history.newest().p99_us, 2048u) << "what was slow before does not count";
}

TEST(History, counters_that_went_back_count_from_zero) {
  History history;
  history.add(reading(500, 50));
  history.add(reading(20, 1));
  EXPECT_EQ(history.newest_json(), "[20,1,0,0,0]");
}

TEST(History, keeps_fifteen_minutes) {
  History history;
  uint64_t requests = 0;
  for (uint64_t i = 0; i <= History::kPoints + 50; ++i) history.add(reading(requests += i));
  const auto json = nlohmann::json::parse(history.json());
  ASSERT_EQ(json["requests"].size(), History::kPoints);
  EXPECT_EQ(json["requests"].front(), 51);
  EXPECT_EQ(json["requests"].back(), History::kPoints + 50);
  EXPECT_EQ(history.newest().requests, History::kPoints + 50);
  EXPECT_EQ(History::kPoints * History::kIntervalMs, 15 * 60'000);
}

TEST(History, few_points_stand_for_many) {
  History history;
  uint64_t requests = 0;
  for (size_t i = 0; i <= History::kPoints; ++i) history.add(reading(requests += 2, 0, i));
  const auto json = nlohmann::json::parse(history.json(60));
  ASSERT_EQ(json["requests"].size(), 60u);
  EXPECT_EQ(json["requests"].front(), 10) << "a sum";
  EXPECT_EQ(json["load"].back(), History::kPoints) << "the highest";
}

}  // namespace
}  // namespace weir::admin
