// least_time and random two least_time=: averages, their steps and decay, and how they weigh (SEMANTICS 2.5).
#include <gtest/gtest.h>

#include "fixture.h"
#include "policy/response_time.h"

namespace weir::policy {
namespace {

constexpr uint32_t kMs = 1'000;

struct Variant {
  Method method;
  std::atomic<uint32_t> PeerStats::*average;
};
const Variant kLeastTimes[] = {{Method::kLeastTimeHeader, &PeerStats::header_time},
                               {Method::kLeastTimeLastByte, &PeerStats::last_byte_time}};
const Variant kRandomTwos[] = {{Method::kRandomTwoHeader, &PeerStats::header_time},
                               {Method::kRandomTwoLastByte, &PeerStats::last_byte_time}};

TEST(NoteTime, averages_samples_by_a_twentieth) {
  std::atomic<uint32_t> average{0};
  note_time(average, 100 * kMs);
  EXPECT_EQ(average, 100 * kMs);
  note_time(average, 200 * kMs);
  EXPECT_EQ(average, 105 * kMs);
  note_time(average, 0);
  EXPECT_EQ(average, 99'750u);
}

TEST(NoteTime, counts_more_than_five_seconds_as_five) {
  std::atomic<uint32_t> average{0};
  note_time(average, UINT32_MAX);
  EXPECT_EQ(average, 5'000 * kMs);
  for (int i = 0; i < 100; ++i) note_time(average, UINT32_MAX);
  EXPECT_EQ(average, 5'000 * kMs);
}

TEST(NoteTime, counts_a_sample_of_zero) {
  std::atomic<uint32_t> average{0};
  note_time(average, 0);
  EXPECT_NE(average, 0u);
}

TEST(NoteTime, approaches_a_constant_sample) {
  std::atomic<uint32_t> average{0};
  note_time(average, 1'000 * kMs);
  for (int i = 0; i < 200; ++i) note_time(average, 10 * kMs);
  EXPECT_NEAR(average, 10 * kMs, 100);
}

TEST(LeastTime, takes_the_faster_peer) {
  for (const Variant& variant : kLeastTimes) {
    Group group(variant.method, {{"a"}, {"b"}, {"c"}});
    group.state(0).stats.*variant.average = 300 * kMs;
    group.state(1).stats.*variant.average = 100 * kMs;
    group.state(2).stats.*variant.average = 200 * kMs;
    EXPECT_EQ(group.names(3), "bbb");
  }
}

TEST(LeastTime, uses_the_configured_time) {
  Group header(Method::kLeastTimeHeader, {{"a"}, {"b"}});
  Group last_byte(Method::kLeastTimeLastByte, {{"a"}, {"b"}});
  for (Group* group : {&header, &last_byte}) {
    group->state(0).stats.header_time = 500 * kMs;
    group->state(1).stats.last_byte_time = 500 * kMs;
  }
  EXPECT_EQ(header.names(2), "bb");
  EXPECT_EQ(last_byte.names(2), "aa");
}

TEST(LeastTime, peers_take_turns_within_twenty_milliseconds) {
  Group group(Method::kLeastTimeHeader, {{"a", 2}, {"b"}});
  group.state(0).inflight = group.state(1).inflight = 0;
  group.state(0).stats.header_time = 119 * kMs;
  group.state(1).stats.header_time = 100 * kMs;
  // Twice the weight is half the load.
  EXPECT_EQ(group.names(3), "aaa");
  group.state(0).inflight = 1;
  EXPECT_EQ(group.names(6), "abaaba");
}

TEST(LeastTime, weighs_time_with_requests_in_flight) {
  Group group(Method::kLeastTimeHeader, {{"a"}, {"b"}});
  group.state(0).stats.header_time = 90 * kMs;   // step 5
  group.state(1).stats.header_time = 190 * kMs;  // step 10
  group.state(0).inflight = 1;                   // 2 * 5 against 1 * 10
  EXPECT_EQ(group.names(4), "abab");
  group.state(0).inflight = 2;
  EXPECT_EQ(group.names(2), "bb");
  group.state(0).inflight = 0;
  EXPECT_EQ(group.names(2), "aa");
}

TEST(LeastTime, peer_without_a_sample_is_not_flooded) {
  Group group(Method::kLeastTimeHeader, {{"a"}, {"b"}});
  group.state(0).stats.header_time = 50 * kMs;  // step 3
  EXPECT_EQ(group.name(), "b");
  group.state(1).inflight = 3;
  EXPECT_EQ(group.name(), "a");
}

TEST(LeastTime, average_halves_for_each_fail_timeout_without_a_pick) {
  Group group(Method::kLeastTimeHeader, {{"a"}, {"b"}});  // fail_timeout=10s
  group.state(0).stats.header_time = 100 * kMs;           // step 6
  group.state(1).stats.header_time = 700 * kMs;           // 36, 18, 9, 5
  std::string at_each_second;
  for (int second = 0; second < 41; ++second, group.now += 1'000) at_each_second += group.name();
  EXPECT_EQ(at_each_second.find('b'), 30u);
  EXPECT_EQ(at_each_second.find('b', 31), std::string::npos);  // picked: its average is what it was
  EXPECT_EQ(group.state(1).stats.header_time, 700 * kMs);
}

TEST(LeastTime, a_bound_request_counts_as_a_pick) {
  Group group(Method::kLeastTimeHeader, {{"a"}, {"b"}});
  group.state(0).stats.header_time = 100 * kMs;
  group.state(1).stats.header_time = 900 * kMs;
  for (int second = 0; second < 100; ++second, group.now += 1'000) {
    group.bound = nullptr;
    ASSERT_EQ(group.name(), "a");
    group.bound = &group.peer("b");
    ASSERT_EQ(group.name(), "b");
  }
}

TEST(LeastTime, chooses_among_backups_the_same_way) {
  Group group(Method::kLeastTimeHeader, {{"a"}, {"x", 1, true}, {"y", 1, true}});
  group.state(0).check_down = true;
  group.state(1).stats.header_time = 500 * kMs;
  EXPECT_EQ(group.names(2), "yy");
}

TEST(LeastTime, equals_least_conn_without_samples) {
  Group group(Method::kLeastTimeLastByte, {{"a", 5}, {"b"}, {"c"}});
  group.state(0).inflight = 4;
  EXPECT_EQ(group.names(7), "aabacaa");
  group.state(0).inflight = 5;
  EXPECT_EQ(group.names(4), "bcbc");
}

TEST(RandomTwoLeastTime, prefers_the_faster_of_two) {
  for (const Variant& variant : kRandomTwos) {
    Group group(variant.method, {{"a"}, {"b"}});
    group.state(0).stats.*variant.average = 300 * kMs;
    EXPECT_EQ(group.names(20), std::string(20, 'b'));
    group.state(1).inflight = 15;  // 16 * 1 against 1 * 16
    group.state(0).stats.*variant.average = 290 * kMs;
    EXPECT_EQ(group.names(20), std::string(20, 'a'));
  }
}

TEST(RandomTwoLeastTime, never_picks_the_slowest_of_three) {
  for (const Variant& variant : kRandomTwos) {
    Group group(variant.method, {{"a"}, {"b"}, {"c"}});
    group.state(2).stats.*variant.average = 900 * kMs;
    EXPECT_EQ(group.names(60).find('c'), std::string::npos);
  }
}

TEST(RandomTwoLeastTime, slow_peer_is_tried_again_when_its_sample_ages) {
  Group group(Method::kRandomTwoHeader, {{"a"}, {"b"}});
  group.state(1).stats.header_time = 30 * kMs;
  EXPECT_EQ(group.names(20), std::string(20, 'a'));
  group.now += 10'000;
  EXPECT_NE(group.names(20).find('b'), std::string::npos);
}

}  // namespace
}  // namespace weir::policy
