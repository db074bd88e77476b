// Probes' results to a standing, and when the next probe is due (SEMANTICS 1, health_check).
#include "policy/health.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace weir::policy {
namespace {

using Standing = HealthState::Standing;
constexpr MonoMs kStart = 5'000;

HealthOptions steady() {
  HealthOptions options;
  options.jitter = 0;
  return options;
}

// The results of a row of probes, '+' and '-'; what note() said of each as 'c' (changed) and '.'.
std::string notes(HealthState& state, std::string_view results) {
  std::string said;
  for (const char result : results) said += state.note(result == '+', kStart) ? 'c' : '.';
  return said;
}

TEST(Health, is_not_down_before_the_first_result) {
  const HealthState state(steady());
  EXPECT_EQ(state.standing(), Standing::kChecking);
  EXPECT_FALSE(state.down());
  EXPECT_EQ(state.changed_at(), 0);
}

TEST(Health, mandatory_is_down_until_the_first_pass) {
  HealthOptions options = steady();
  options.mandatory = true;
  HealthState passing(options);
  EXPECT_TRUE(passing.down());
  EXPECT_TRUE(passing.note(true, kStart));
  EXPECT_FALSE(passing.down());

  HealthState failing(options);
  EXPECT_FALSE(failing.note(false, kStart));
  EXPECT_TRUE(failing.down());
  EXPECT_EQ(failing.standing(), Standing::kDown);
}

TEST(Health, the_first_result_decides_at_once) {
  HealthState up(steady());
  EXPECT_FALSE(up.note(true, kStart));  // it was not down before either
  EXPECT_EQ(up.standing(), Standing::kUp);
  EXPECT_EQ(up.changed_at(), kStart);

  HealthState down(steady());
  EXPECT_TRUE(down.note(false, kStart));
  EXPECT_EQ(down.standing(), Standing::kDown);
}

TEST(Health, changes_after_consecutive_fails_or_passes) {
  HealthState state(steady());  // fails=3 passes=2
  EXPECT_EQ(notes(state, "+---"), "...c");
  EXPECT_TRUE(state.down());
  EXPECT_EQ(notes(state, "++"), ".c");
  EXPECT_FALSE(state.down());
}

TEST(Health, contrary_result_resets_the_count) {
  HealthState state(steady());
  EXPECT_EQ(notes(state, "+--+--+--"), ".........");
  EXPECT_EQ(state.fails_in_row(), 2u);
  EXPECT_EQ(state.passes_in_row(), 0u);
  EXPECT_EQ(notes(state, "-+-+-"), "c....");
  EXPECT_TRUE(state.down());
}

TEST(Health, reports_a_change_once) {
  HealthState state(steady());
  EXPECT_EQ(notes(state, "+--------"), "...c.....");
  EXPECT_EQ(state.fails_in_row(), 8u);
}

TEST(Health, remembers_when_it_changed) {
  HealthState state(steady());
  state.note(true, 100);
  for (const MonoMs at : {200, 300, 400, 500}) state.note(false, at);
  EXPECT_EQ(state.changed_at(), 400);
}

TEST(Health, single_results_suffice_when_configured) {
  HealthOptions options = steady();
  options.fails = options.passes = 1;
  HealthState state(options);
  EXPECT_EQ(notes(state, "+-+-"), ".ccc");
}

TEST(HealthDelay, is_the_interval_while_nothing_changes) {
  Rng rng(1);
  HealthState state(steady());
  EXPECT_EQ(state.next_delay(rng), 2'000);
  notes(state, "+");
  EXPECT_EQ(state.next_delay(rng), 2'000);
  notes(state, "---");
  EXPECT_EQ(state.next_delay(rng), 2'000);
}

TEST(HealthDelay, is_short_while_a_change_is_under_way) {
  Rng rng(1);
  HealthState state(steady());
  const auto delay_after = [&](std::string_view results) {
    notes(state, results);
    return state.next_delay(rng);
  };
  EXPECT_EQ(delay_after("+"), 2'000);
  EXPECT_EQ(delay_after("-"), 500);
  EXPECT_EQ(delay_after("-"), 500);
  EXPECT_EQ(delay_after("-"), 2'000);  // down
  EXPECT_EQ(delay_after("+"), 500);
  EXPECT_EQ(delay_after("-"), 2'000);  // not yet
  EXPECT_EQ(delay_after("++"), 2'000);
}

TEST(HealthDelay, is_downinter_while_steadily_down) {
  Rng rng(1);
  HealthOptions options = steady();
  options.downinter = Millis{7'000};
  HealthState state(options);
  notes(state, "-");
  EXPECT_EQ(state.next_delay(rng), 7'000);
  notes(state, "+");
  EXPECT_EQ(state.next_delay(rng), 500);
  notes(state, "+");
  EXPECT_EQ(state.next_delay(rng), 2'000);
}

TEST(HealthDelay, doubt_never_slows_probes_down) {
  Rng rng(1);
  HealthOptions options = steady();
  options.interval = Millis{200};
  HealthState state(options);
  notes(state, "+-");
  EXPECT_EQ(state.next_delay(rng), 200);
}

TEST(HealthDelay, is_spread_by_jitter_either_way) {
  Rng rng(3);
  HealthOptions options;
  options.jitter = 10;
  const HealthState state(options);
  MonoMs least = kNever, most = 0;
  for (int i = 0; i < 1'000; ++i) {
    const MonoMs delay = state.next_delay(rng);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 1'800);
  EXPECT_LE(least, 1'810);
  EXPECT_GE(most, 2'190);
  EXPECT_LE(most, 2'200);
}

TEST(HealthDelay, is_never_zero) {
  Rng rng(3);
  HealthOptions options;
  options.interval = Millis{0};
  options.jitter = 500;
  const HealthState state(options);
  for (int i = 0; i < 100; ++i) EXPECT_GE(state.next_delay(rng), 1);
  EXPECT_EQ(state.first_delay(rng), 0);
}

TEST(HealthDelay, first_probes_are_spread_over_the_interval) {
  Rng rng(5);
  const HealthState state(steady());
  std::array<int, 10> tenths{};
  for (int i = 0; i < 1'000; ++i) {
    const MonoMs delay = state.first_delay(rng);
    ASSERT_GE(delay, 0);
    ASSERT_LT(delay, 2'000);
    ++tenths[static_cast<size_t>(delay / 200)];
  }
  for (const int probes : tenths) EXPECT_NEAR(probes, 100, 40);
}

}  // namespace
}  // namespace weir::policy
