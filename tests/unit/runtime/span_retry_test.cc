// When a collector is given the same spans again.
#include "runtime/span_retry.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::runtime {
namespace {

constexpr int64_t kNow = 784'111'777'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT

fetch::Answer answer(int status, const std::string& retry_after = {}) {
  fetch::Answer out{status, {}, {}};
  if (!retry_after.empty()) out.fields["retry-after"] = retry_after;
  return out;
}
const Result<fetch::Answer> kNobody = Unexpected{std::string("Could not connect to server")};

std::optional<Millis> wait(int tries, const Result<fetch::Answer>& last) {
  Rng rng(1);
  return wait_before_retry({}, tries, last, kNow, rng);
}

TEST(SpanRetry, waits_double_up_to_a_bound) {
  const SpanRetry retry{.tries = 100};
  Rng rng(7);
  const Millis most[] = {Millis(1'000),  Millis(2'000),  Millis(4'000), Millis(8'000),
                         Millis(16'000), Millis(30'000), Millis(30'000)};
  for (int tries = 1; tries <= 7; ++tries)
    for (int i = 0; i < 100; ++i) {
      const auto chosen = wait_before_retry(retry, tries, kNobody, kNow, rng);
      ASSERT_TRUE(chosen);
      EXPECT_LE(*chosen, most[tries - 1]);
      EXPECT_GE(*chosen, most[tries - 1] / 2);
    }
}

TEST(SpanRetry, instances_do_not_ask_at_one_time) {
  Rng one(1), other(2);
  EXPECT_NE(wait_before_retry({}, 4, kNobody, kNow, one), wait_before_retry({}, 4, kNobody, kNow, other));
}

TEST(SpanRetry, tries_have_an_end) {
  EXPECT_TRUE(wait(4, kNobody));
  EXPECT_FALSE(wait(5, kNobody));
}

TEST(SpanRetry, statuses_of_a_busy_collector_are_retried_only) {
  for (const int status : {429, 502, 503, 504}) EXPECT_TRUE(wait(1, answer(status))) << status;
  for (const int status : {204, 301, 400, 401, 404, 413, 500, 501}) EXPECT_FALSE(wait(1, answer(status))) << status;
}

TEST(SpanRetry, retry_after_is_kept) {
  EXPECT_EQ(wait(1, answer(429, "20")), Millis(20'000));
  EXPECT_EQ(wait(1, answer(503, "Sun, 06 Nov 1994 08:50:07 GMT")), Millis(30'000));
  EXPECT_EQ(wait(1, answer(503, "86400")), Millis(300'000)) << "up to a bound";
  EXPECT_EQ(wait(1, answer(503, "99999999999999999999999")), Millis(300'000));
}

TEST(SpanRetry, retry_after_of_no_use_leaves_the_wait) {
  const auto plain = wait(1, answer(503));
  for (const char* text : {"0", "-5", "soon", "1.5", "20 s", "Sun, 06 Nov 1994 08:49:00 GMT"})
    EXPECT_EQ(wait(1, answer(503, text)), plain) << text;
}

}  // namespace
}  // namespace weir::runtime
