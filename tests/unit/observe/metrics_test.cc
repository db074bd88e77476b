// Counters of a worker.
#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace weir::observe {
namespace {

TEST(MetricSlab, adds_up) {
  MetricSlab slab;
  slab.add(Counter::kRequests);
  slab.add(Counter::kRequests, 4);
  slab.add(Counter::kStateErrors);
  EXPECT_EQ(slab.get(Counter::kRequests), 5u);
  EXPECT_EQ(slab.get(Counter::kStateErrors), 1u);
  EXPECT_EQ(slab.get(Counter::kTunnels), 0u);
}

TEST(MetricTotals, sums_slabs) {
  MetricSlab first, second;
  first.add(Counter::kRequests, 2);
  second.add(Counter::kRequests, 3);
  second.add_retry(ErrorKind::kConnectRefused);
  second.add_retry(ErrorKind::kConnectRefused);
  MetricTotals totals;
  totals.add(first);
  totals.add(second);
  EXPECT_EQ(totals.get(Counter::kRequests), 5u);
  EXPECT_EQ(totals.get(Counter::kTunnels), 0u);
  EXPECT_EQ(totals.retries(ErrorKind::kConnectRefused), 2u);
  EXPECT_EQ(totals.retries(ErrorKind::kNoPeer), 0u);
}

TEST(MetricSlab, every_counter_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCounters; ++i) {
    const std::string_view name = to_string(static_cast<Counter>(i));
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(Counter::kUpstreamUnsolicited), "upstream_unsolicited");
  EXPECT_EQ(to_string(Counter::kStateErrors), "state_errors");
}

}  // namespace
}  // namespace weir::observe
