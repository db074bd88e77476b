// Ejection by failures, the one probe, and growing ejections (SEMANTICS 1 and 2.1).
#include "policy/passive.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir::policy {
namespace {

using Verdict = PassiveState::Verdict;
constexpr MonoMs kStart = 5'000;
constexpr MonoMs kTimeout = 10'000;

TEST(Passive, a_new_peer_is_in) {
  PassiveState state({});
  EXPECT_EQ(state.verdict(kStart), Verdict::kIn);
  EXPECT_FALSE(state.take_probe(kStart));
  EXPECT_EQ(state.ejected_until(), 0);
}

TEST(Passive, first_failure_ejects_for_fail_timeout_by_default) {
  PassiveState state({});
  EXPECT_TRUE(state.failure(kStart));
  EXPECT_EQ(state.verdict(kStart), Verdict::kOut);
  EXPECT_EQ(state.verdict(kStart + kTimeout - 1), Verdict::kOut);
  EXPECT_EQ(state.verdict(kStart + kTimeout), Verdict::kProbe);
  EXPECT_EQ(state.ejected_until(), kStart + kTimeout);
}

TEST(Passive, counts_failures_within_a_sliding_window) {
  PassiveState state({3, Millis{10'000}});
  EXPECT_FALSE(state.failure(0));
  EXPECT_FALSE(state.failure(6'000));
  EXPECT_FALSE(state.failure(10'000));  // the first is out of the window by now
  EXPECT_EQ(state.verdict(10'000), Verdict::kIn);
  EXPECT_TRUE(state.failure(15'999));  // 6000, 10000 and this one
}

TEST(Passive, a_success_does_not_empty_the_window) {
  PassiveState state({2, Millis{10'000}});
  EXPECT_FALSE(state.failure(kStart));
  EXPECT_FALSE(state.success(kStart + 1));
  EXPECT_TRUE(state.failure(kStart + 2));
}

TEST(Passive, zero_max_fails_or_zero_fail_timeout_never_takes_out) {
  for (const PassiveOptions& options : {PassiveOptions{0, Millis{10'000}}, PassiveOptions{1, Millis{0}}}) {
    PassiveState state(options);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(state.failure(kStart));
    EXPECT_EQ(state.verdict(kStart), Verdict::kIn);
  }
}

TEST(Passive, works_with_more_fails_than_it_keeps_times) {
  PassiveState state({200, Millis{10'000}});
  int until_out = 0;
  while (!state.failure(kStart + until_out)) ++until_out;
  EXPECT_NEAR(until_out + 1, 200, 4);
}

TEST(Passive, many_failures_spread_over_time_do_not_add_up) {
  PassiveState state({200, Millis{10'000}});
  for (int i = 0; i < 2'000; ++i) EXPECT_FALSE(state.failure(kStart + i * 100)) << i;
}

TEST(Passive, the_probe_is_given_once) {
  PassiveState state({});
  state.failure(kStart);
  EXPECT_FALSE(state.take_probe(kStart + kTimeout - 1));
  EXPECT_TRUE(state.take_probe(kStart + kTimeout));
  EXPECT_EQ(state.verdict(kStart + kTimeout), Verdict::kOut);
  EXPECT_FALSE(state.take_probe(kStart + kTimeout));
}

TEST(Passive, a_successful_probe_brings_the_peer_back_once) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + kTimeout);
  EXPECT_TRUE(state.success(kStart + kTimeout + 5));
  EXPECT_FALSE(state.success(kStart + kTimeout + 5));
  EXPECT_EQ(state.verdict(kStart + kTimeout + 5), Verdict::kIn);
}

TEST(Passive, requests_sent_before_an_ejection_do_not_change_it) {
  PassiveState state({});
  state.failure(kStart);
  EXPECT_FALSE(state.success(kStart + 1));
  EXPECT_FALSE(state.failure(kStart + 2));
  EXPECT_EQ(state.ejected_until(), kStart + kTimeout);
}

TEST(Passive, each_failed_probe_doubles_the_ejection_up_to_five_minutes) {
  PassiveState state({});
  MonoMs now = kStart;
  EXPECT_TRUE(state.failure(now));
  for (const MonoMs length : {10'000, 20'000, 40'000, 80'000, 160'000, 300'000, 300'000}) {
    EXPECT_EQ(state.ejected_until(), now + length);
    now = state.ejected_until();
    ASSERT_TRUE(state.take_probe(now));
    EXPECT_FALSE(state.failure(now));  // it was out all the time
    EXPECT_EQ(state.verdict(now), Verdict::kOut);
  }
}

TEST(Passive, a_success_resets_the_growth) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + 10'000);
  state.failure(kStart + 10'000);
  state.take_probe(kStart + 30'000);
  EXPECT_TRUE(state.success(kStart + 30'000));
  EXPECT_TRUE(state.failure(kStart + 50'000));
  EXPECT_EQ(state.ejected_until(), kStart + 60'000);
}

TEST(Passive, a_fail_timeout_above_five_minutes_stays_as_it_is) {
  PassiveState state({1, Millis{600'000}});
  state.failure(kStart);
  EXPECT_EQ(state.ejected_until(), kStart + 600'000);
  state.take_probe(kStart + 600'000);
  state.failure(kStart + 600'000);
  EXPECT_EQ(state.ejected_until(), kStart + 1'200'000);
}

TEST(Passive, abandoned_probe_passes_to_the_next_request) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + kTimeout);
  state.abandon_probe();
  EXPECT_EQ(state.verdict(kStart + kTimeout), Verdict::kProbe);
  EXPECT_TRUE(state.take_probe(kStart + kTimeout));
}

TEST(Passive, undecided_probe_expires_after_fail_timeout) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + kTimeout);
  EXPECT_EQ(state.verdict(kStart + 2 * kTimeout - 1), Verdict::kOut);
  EXPECT_EQ(state.verdict(kStart + 2 * kTimeout), Verdict::kProbe);
  EXPECT_TRUE(state.take_probe(kStart + 2 * kTimeout));
}

TEST(Passive, stale_probe_does_not_delay_the_next) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + kTimeout);
  state.success(kStart + kTimeout);
  state.failure(kStart + kTimeout);
  EXPECT_EQ(state.verdict(kStart + 2 * kTimeout), Verdict::kProbe);
}

TEST(Passive, reload_with_other_options_applies_to_later_failures) {
  PassiveState state({1, Millis{10'000}});
  state.configure({2, Millis{1'000}});
  EXPECT_FALSE(state.failure(kStart));
  EXPECT_TRUE(state.failure(kStart + 999));
  EXPECT_EQ(state.ejected_until(), kStart + 1'999);
}

TEST(Passive, a_reload_with_the_same_options_keeps_ejection_and_window) {
  const PassiveOptions options{2, Millis{10'000}};
  PassiveState state(options);
  state.failure(kStart);
  state.configure(options);
  EXPECT_TRUE(state.failure(kStart + 1));
  state.configure(options);
  EXPECT_EQ(state.verdict(kStart + 1), Verdict::kOut);
}

TEST(Passive, a_reload_that_turns_ejection_off_brings_the_peer_back) {
  PassiveState state({});
  state.failure(kStart);
  state.configure({0, Millis{10'000}});
  EXPECT_EQ(state.verdict(kStart), Verdict::kIn);
}

TEST(Passive, passing_check_ends_the_ejection_and_its_growth) {
  PassiveState state({});
  EXPECT_FALSE(state.reinstate(kStart));
  state.failure(kStart);
  state.take_probe(kStart + 10'000);
  state.failure(kStart + 10'000);
  EXPECT_TRUE(state.reinstate(kStart + 10'001));
  EXPECT_FALSE(state.reinstate(kStart + 10'001));
  EXPECT_EQ(state.verdict(kStart + 10'001), Verdict::kIn);
  EXPECT_TRUE(state.failure(kStart + 11'000));
  EXPECT_EQ(state.ejected_until(), kStart + 21'000);
}

TEST(Passive, reinstated_peer_has_all_its_failures_before_it) {
  PassiveState state({3, Millis{60'000}});
  for (int i = 0; i < 3; ++i) state.failure(kStart);
  ASSERT_TRUE(state.reinstate(kStart + 4'000));
  EXPECT_FALSE(state.failure(kStart + 5'000));
  EXPECT_FALSE(state.failure(kStart + 6'000));
  EXPECT_EQ(state.verdict(kStart + 6'000), Verdict::kIn);
  EXPECT_TRUE(state.failure(kStart + 7'000));
}

TEST(Passive, passing_check_forgets_failures_of_a_peer_in) {
  PassiveState state({3, Millis{60'000}});
  state.failure(kStart);
  state.failure(kStart + 1);
  EXPECT_FALSE(state.reinstate(kStart + 4'000));
  EXPECT_FALSE(state.failure(kStart + 5'000));
  EXPECT_EQ(state.verdict(kStart + 5'000), Verdict::kIn);
}

TEST(Passive, reinstated_peer_stays_up_when_its_probe_passes) {
  PassiveState state({});
  state.failure(kStart);
  state.take_probe(kStart + kTimeout);
  EXPECT_TRUE(state.reinstate(kStart + kTimeout));
  EXPECT_FALSE(state.success(kStart + kTimeout + 1));
  EXPECT_EQ(state.verdict(kStart + kTimeout + 1), Verdict::kIn);
  EXPECT_FALSE(state.take_probe(kStart + kTimeout + 1));
}

// Runs fn(thread) on several threads that start together.
template <class Fn>
void together(int threads, Fn fn) {
  std::atomic<int> waiting{threads};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      waiting.fetch_sub(1);
      while (waiting.load() > 0) std::this_thread::yield();
      fn(t);
    });
  }
  for (std::thread& thread : all) thread.join();
}

TEST(PassiveThreads, single_thread_wins_each_probe) {
  PassiveState state({});
  MonoMs now = kStart;
  state.failure(now);
  for (int round = 0; round < 100; ++round) {
    now = state.ejected_until();
    std::atomic<int> won{0};
    together(4, [&](int) { won += state.take_probe(now); });
    ASSERT_EQ(won.load(), 1) << round;
    state.failure(now);
  }
}

TEST(PassiveThreads, single_thread_ejects_and_reinstates) {
  PassiveState state({4, Millis{10'000}});
  MonoMs now = kStart;
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> out{0}, back{0};
    together(4, [&](int) { out += state.failure(now); });
    ASSERT_EQ(out.load(), 1) << round;
    now = state.ejected_until();
    together(4, [&](int) { back += state.success(now); });
    ASSERT_EQ(back.load(), 1) << round;
  }
}

TEST(PassiveThreads, a_probe_that_fails_on_many_threads_doubles_once) {
  PassiveState state({});
  state.failure(kStart);
  const MonoMs now = kStart + kTimeout;
  together(4, [&](int) { state.failure(now); });
  EXPECT_EQ(state.ejected_until(), now + 20'000);
}

}  // namespace
}  // namespace weir::policy
