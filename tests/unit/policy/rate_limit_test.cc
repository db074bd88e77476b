// The leaky bucket, with nginx's arithmetic.
#include "policy/rate_limit.h"

#include <gtest/gtest.h>

namespace weir::policy {
namespace {

// Ten requests a second, one each 100 ms.
constexpr int64_t kRate = 10 * RateLimit::kRequest;

TEST(Bucket, empty_after_the_first_request) {
  const Bucket bucket{0, 1000};
  EXPECT_EQ(bucket.with_one_more(kRate, 1000), 1000);
  EXPECT_EQ(bucket.with_one_more(kRate, 1050), 500);
  EXPECT_EQ(bucket.with_one_more(kRate, 1099), 10);
  EXPECT_EQ(bucket.with_one_more(kRate, 1100), 0);
  EXPECT_EQ(bucket.with_one_more(kRate, 900'000), 0);
}

TEST(Bucket, division_rounds_the_outflow_down) {
  const Bucket bucket{0, 0};
  constexpr int64_t kOneAMinute = RateLimit::kRequest / 60;  // 16, as in nginx
  EXPECT_EQ(bucket.with_one_more(kOneAMinute, 62), 1000);
  EXPECT_EQ(bucket.with_one_more(kOneAMinute, 63), 999);
  EXPECT_EQ(bucket.with_one_more(kOneAMinute, 62'500), 0);
}

TEST(Bucket, clock_that_is_behind_takes_nothing_out) {
  Bucket bucket{2000, 1000};
  EXPECT_EQ(bucket.with_one_more(kRate, 990), 3000);
  bucket.fill(3000, 990);
  EXPECT_EQ(bucket.last, 1000);
  EXPECT_EQ(bucket.excess, 3000);
}

TEST(Bucket, time_within_one_millisecond_is_not_lost) {
  Bucket bucket{0, 1000};
  bucket.fill(1000, 1000);
  EXPECT_EQ(bucket.last, 1000);
  bucket.fill(1990, 1001);
  EXPECT_EQ(bucket.last, 1001);
}

TEST(Bucket, large_numbers_do_not_overflow) {
  const Bucket bucket{INT32_MAX * RateLimit::kRequest, 0};
  EXPECT_EQ(bucket.with_one_more(INT32_MAX * RateLimit::kRequest, INT64_MAX), 0);
  EXPECT_EQ(bucket.with_one_more(1, 1000), INT32_MAX * RateLimit::kRequest + 999);
}

TEST(RateLimit, wait_begins_behind_the_delay) {
  RateLimit limit{.rate = kRate, .burst = 5000, .delay = 2000};
  EXPECT_EQ(limit.wait(0), 0);
  EXPECT_EQ(limit.wait(2000), 0);
  EXPECT_EQ(limit.wait(3000), 100);
  EXPECT_EQ(limit.wait(4500), 250);
  limit.delay = INT64_MAX;
  EXPECT_EQ(limit.wait(5000), 0);
}

}  // namespace
}  // namespace weir::policy
