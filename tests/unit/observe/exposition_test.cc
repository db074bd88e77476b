// Prometheus' text format.
#include "observe/exposition.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::observe {
namespace {

TEST(Exposition, begins_a_family_with_help_and_type) {
  Exposition page;
  page.counter("weir_requests_total", "Requests.").sample(3);
  page.gauge("weir_up", "Whether it is up.").sample(1);
  EXPECT_EQ(page.take(),
            "# HELP weir_requests_total Requests.\n# TYPE weir_requests_total counter\nweir_requests_total 3\n"
            "# HELP weir_up Whether it is up.\n# TYPE weir_up gauge\nweir_up 1\n");
}

TEST(Exposition, names_labels_in_order) {
  Exposition page;
  page.gauge("g", "h").sample(UINT64_MAX, {{"a", "1"}, {"b", "x y"}});
  EXPECT_EQ(page.take(), "# HELP g h\n# TYPE g gauge\ng{a=\"1\",b=\"x y\"} 18446744073709551615\n");
}

TEST(Exposition, escapes_quotes_and_line_ends) {
  Exposition page;
  page.gauge("g", "a \"quoted\" \\ and\na line").sample(0, {{"l", "a\\b\"c\nd"}});
  EXPECT_EQ(page.take(), "# HELP g a \"quoted\" \\\\ and\\na line\n# TYPE g gauge\ng{l=\"a\\\\b\\\"c\\nd\"} 0\n");
}

TEST(Exposition, writes_microseconds_as_seconds) {
  Exposition page;
  page.gauge("t", "h").seconds(1'500'000).seconds(7).seconds(-2'000'001);
  EXPECT_EQ(page.take(), "# HELP t h\n# TYPE t gauge\nt 1.500000\nt 0.000007\nt -2.000001\n");
}

TEST(Exposition, writes_histograms_as_cumulative_buckets) {
  Histogram histogram;
  for (const int64_t micros : {1, 1024, 1025, 3'000'000}) histogram.add(micros);
  HistogramSum sum;
  sum.add(histogram);
  const std::vector<int64_t> bounds = {1024, 1 << 20};
  Exposition page;
  page.histogram("t_seconds", "h").durations(sum, bounds, {{"u", "a"}}).durations(HistogramSum(), bounds);
  EXPECT_EQ(page.take(),
            "# HELP t_seconds h\n# TYPE t_seconds histogram\n"
            "t_seconds_bucket{u=\"a\",le=\"0.001024\"} 2\nt_seconds_bucket{u=\"a\",le=\"1.048576\"} 3\n"
            "t_seconds_bucket{u=\"a\",le=\"+Inf\"} 4\nt_seconds_sum{u=\"a\"} 3.002050\nt_seconds_count{u=\"a\"} 4\n"
            "t_seconds_bucket{le=\"0.001024\"} 0\nt_seconds_bucket{le=\"1.048576\"} 0\n"
            "t_seconds_bucket{le=\"+Inf\"} 0\nt_seconds_sum 0.000000\nt_seconds_count 0\n");
}

}  // namespace
}  // namespace weir::observe
