// Log-linear histograms and what is read off them.
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"

namespace weir {
namespace {

TEST(Histogram, bounds_hold_the_values_of_their_bucket) {
  for (int64_t micros = 1; micros <= 100'000; ++micros) {
    const size_t bucket = Histogram::bucket_of(micros);
    EXPECT_LE(micros, Histogram::bound(bucket));
    EXPECT_TRUE(bucket == 0 || micros > Histogram::bound(bucket - 1)) << micros;
  }
  EXPECT_EQ(Histogram::bucket_of(0), 0u);
  EXPECT_EQ(Histogram::bucket_of(-5), 0u);
}

TEST(Histogram, steps_are_an_eighth_at_most) {
  for (size_t i = 1; i < Histogram::kBuckets; ++i) {
    const int64_t width = Histogram::bound(i) - Histogram::bound(i - 1);
    EXPECT_GT(width, 0);
    EXPECT_TRUE(i < Histogram::kSteps || width * 8 <= Histogram::bound(i - 1)) << i;
  }
}

TEST(Histogram, powers_of_two_are_bounds) {
  for (int power = 0; power <= 27; ++power) {
    const int64_t micros = int64_t{1} << power;
    EXPECT_EQ(Histogram::bound(Histogram::bucket_of(micros)), micros);
  }
}

TEST(Histogram, longest_times_share_the_last_bucket) {
  EXPECT_EQ(Histogram::bucket_of(INT64_MAX), Histogram::kBuckets - 1);
  EXPECT_EQ(Histogram::bound(Histogram::kBuckets - 1), int64_t{1} << 27);
}

TEST(HistogramSum, sums_are_those_of_one_histogram) {
  Histogram first, second, both;
  Rng rng(7);
  for (int i = 0; i < 5000; ++i) {
    const auto micros = static_cast<int64_t>(rng.next() % 3'000'000);
    (i % 3 == 0 ? first : second).add(micros);
    both.add(micros);
  }
  HistogramSum parts, whole;
  parts.add(first);
  parts.add(second);
  whole.add(both);
  EXPECT_EQ(parts.count(), 5000u);
  EXPECT_EQ(parts.sum_micros(), whole.sum_micros());
  for (int64_t bound = 1; bound < int64_t{1} << 23; bound *= 2) EXPECT_EQ(parts.at_most(bound), whole.at_most(bound));
  HistogramSum joined;
  joined.add(parts);
  joined.add(parts);
  EXPECT_EQ(joined.count(), 10'000u);
}

TEST(HistogramSum, quantiles_are_near_the_true_ones) {
  Histogram histogram;
  std::vector<int64_t> all;
  Rng rng(11);
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(static_cast<int64_t>(std::exp(static_cast<double>(rng.next() % 14'000) / 1000.0)));
    histogram.add(all.back());
  }
  std::sort(all.begin(), all.end());
  HistogramSum sum;
  sum.add(histogram);
  for (const double q : {0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(all[static_cast<size_t>(q * 19'999)]);
    EXPECT_NEAR(static_cast<double>(sum.quantile(q)), exact, exact * 0.125 + 1) << q;
  }
}

TEST(HistogramSum, quantile_is_zero_without_samples) {
  EXPECT_EQ(HistogramSum().quantile(0.99), 0);
  HistogramSum empty;
  empty.add(Histogram());
  EXPECT_EQ(empty.quantile(0.5), 0);
  EXPECT_EQ(empty.at_most(1 << 20), 0u);
}

TEST(HistogramSum, since_leaves_only_new_samples) {
  Histogram histogram;
  histogram.add(100);
  HistogramSum before;
  before.add(histogram);
  histogram.add(5000);
  histogram.add(5000);
  HistogramSum now;
  now.add(histogram);
  const HistogramSum rest = now.since(before);
  EXPECT_EQ(rest.count(), 2u);
  EXPECT_EQ(rest.sum_micros(), 10'000u);
  EXPECT_NEAR(static_cast<double>(rest.quantile(0.5)), 5000, 640);
  EXPECT_EQ(now.since(HistogramSum()).count(), 3u);
  EXPECT_EQ(before.since(now).count(), 0u) << "a histogram that has gone is no negative number";
}

}  // namespace
}  // namespace weir
