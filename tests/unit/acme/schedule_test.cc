// When a certificate is asked for.
#include "acme/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::acme {
namespace {

using Kind = Failure::Kind;
constexpr int64_t kDay = 86'400;
constexpr Validity kNinetyDays{1'000'000, 1'000'000 + 90 * kDay};

TEST(Schedule, renewal_is_at_two_thirds_with_chance) {
  int64_t least = INT64_MAX, most = 0;
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    const int64_t at = renewal_time(kNinetyDays, seed) - kNinetyDays.not_before;
    EXPECT_EQ(at, renewal_time(kNinetyDays, seed) - kNinetyDays.not_before);
    least = std::min(least, at);
    most = std::max(most, at);
  }
  EXPECT_GE(least, 60 * kDay);
  EXPECT_LT(least, 60 * kDay + kDay / 4);
  EXPECT_LE(most, 60 * kDay + 90 * kDay / 12);
  EXPECT_GT(most, 67 * kDay);
}

TEST(Schedule, renewal_of_short_lifetimes_comes_in_time) {
  constexpr Validity kSixDays{0, 6 * kDay};
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_GE(renewal_time(kSixDays, seed), 4 * kDay);
    EXPECT_LE(renewal_time(kSixDays, seed), 4 * kDay + kDay / 2);
  }
  EXPECT_EQ(renewal_time({100, 100}, 7), 100);
  EXPECT_EQ(renewal_time({100, 50}, 7), 100);
}

TEST(Schedule, back_off_doubles_up_to_its_bound) {
  for (const Kind kind :
       {Kind::kUnreachable, Kind::kLimited, Kind::kRefused, Kind::kAccount, Kind::kNonsense, Kind::kLocal}) {
    int64_t before = 0;
    for (int failures = 1; failures < 40; ++failures) {
      const int64_t wait = back_off(kind, failures, 0, 0);
      EXPECT_GE(wait * 5, before * 4) << to_string(kind) << failures;  // chance is a fifth
      EXPECT_LE(wait, kDay + kDay / 5);
      before = wait;
    }
  }
  EXPECT_LE(back_off(Kind::kUnreachable, 1, 0, 3), 72);
  EXPECT_GE(back_off(Kind::kUnreachable, 3, 0, 3), 240);
  EXPECT_LE(back_off(Kind::kUnreachable, 1'000'000, 0, 3), 4'320);
  EXPECT_GE(back_off(Kind::kRefused, 1, 0, 3), 900);
  EXPECT_GE(back_off(Kind::kRefused, 8, 0, 3), kDay);
}

// Let's Encrypt: five failed validations of a name an hour.
TEST(Schedule, refusals_stay_below_the_limits_of_cas) {
  int64_t at = 0;
  int tries = 0;
  for (int failures = 1; at < 3'600; ++failures, ++tries) at += back_off(Kind::kRefused, failures, 0, 0);
  EXPECT_LE(tries, 4);
}

TEST(Schedule, retry_after_is_a_lower_bound) {
  EXPECT_EQ(back_off(Kind::kLimited, 1, 7 * kDay, 1), 7 * kDay);
  EXPECT_GE(back_off(Kind::kLimited, 1, 5, 1), 3'600);
  EXPECT_GE(back_off(Kind::kUnreachable, 1, 3'000, 1), 3'000);
}

TEST(Schedule, missing_certificate_is_due_at_once) {
  EXPECT_EQ(next_due(std::nullopt, {}, 5, 1'000), 0);
  EXPECT_EQ(next_due(std::nullopt, {2, 4'000}, 5, 1'000), 4'000);
  EXPECT_EQ(next_due(kNinetyDays, {}, 5, 1'000), renewal_time(kNinetyDays, 5));
  const int64_t renewal = renewal_time(kNinetyDays, 5);
  EXPECT_EQ(next_due(kNinetyDays, {1, renewal + kDay}, 5, renewal), renewal + kDay);
}

TEST(Schedule, try_of_a_wrong_clock_forbids_nothing) {
  const int64_t now = 1'700'000'000;
  EXPECT_EQ(next_due(std::nullopt, {1, now + 3'650 * kDay}, 5, now), 0);
  EXPECT_EQ(next_due(std::nullopt, {1, INT64_MAX}, 5, now), 0);
  EXPECT_EQ(next_due(kNinetyDays, {1, INT64_MAX}, 5, now), renewal_time(kNinetyDays, 5));
  const int64_t longest = back_off(Kind::kLimited, 100, 7 * kDay, 3);
  EXPECT_EQ(next_due(std::nullopt, {1, now + longest}, 5, now), now + longest);
}

}  // namespace
}  // namespace weir::acme
