// What one weir knows, as bytes, and what another one makes of them.
#include "runtime/handed_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/packing.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

constexpr MonoMs kNow = 1'000'000;

HandedState example() {
  HandedState state;
  state.overrides.peers[{"u", "127.0.0.1:1"}] = {PeerOverride::Mode::kDrain, 7, "kernel update", 5};
  state.overrides.sticky_secret = "0123456789abcdef";
  state.peers.push_back({"u", "127.0.0.1:1", kNow + 500, true, true, kNow - 10, 250, 900});
  upstream::ProbeStanding check;
  check.question = "127.0.0.1:1\nhttp GET /";
  check.standing = policy::HealthState::Standing::kDown;
  check.changed_at = kNow - 100;
  check.passed = 5;
  check.failed = 9;
  check.last_failure = "status 500";
  state.checks.push_back(check);
  io::TicketKey key;
  key.name.fill(1);
  key.mac.fill(2);
  key.cipher.fill(3);
  state.tickets = {{key}, kNow - 1000};
  state.sessions["zone"] = {{"late", 11, kNow - 1}, {"early", 12, kNow - 2}};
  state.rates["slow\n$arg_key"] = {{"a", {2500, kNow}}};
  state.tls_sessions["SSL"] = {{"id", "der", kNow + 300'000}};
  return state;
}

TEST(HandedState, comes_back_as_it_was) {
  const HandedState before = example();
  const Result<HandedState> after = unpack_state(pack_state(before), kNow);
  ASSERT_TRUE(after) << after.error();
  EXPECT_EQ(after->overrides, before.overrides);
  ASSERT_EQ(after->peers.size(), 1U);
  EXPECT_EQ(after->peers[0].ejected_until, kNow + 500);
  EXPECT_TRUE(after->peers[0].check_passes);
  EXPECT_EQ(after->peers[0].last_byte_time, 900U);
  ASSERT_EQ(after->checks.size(), 1U);
  EXPECT_EQ(after->checks[0].standing, policy::HealthState::Standing::kDown);
  EXPECT_EQ(after->checks[0].changed_at, kNow - 100);
  EXPECT_EQ(after->checks[0].failed, 9U);
  EXPECT_EQ(after->checks[0].last_failure, "status 500");
  ASSERT_EQ(after->tickets.keys.size(), 1U);
  EXPECT_EQ(after->tickets.keys[0].cipher, before.tickets.keys[0].cipher);
  EXPECT_EQ(after->sessions.at("zone")[1].session, "early");
  EXPECT_EQ(after->sessions.at("zone")[1].peer, 12U);
  EXPECT_EQ(after->rates.at("slow\n$arg_key")[0].bucket.excess, 2500);
  EXPECT_EQ(after->tls_sessions.at("SSL")[0].session, "der");
  EXPECT_EQ(pack_state(*after), pack_state(before));
}

TEST(HandedState, bytes_that_break_off_are_refused) {
  const std::string whole = pack_state(example());
  size_t taken = 0;
  for (size_t size = 0; size < whole.size(); ++size)
    taken += unpack_state(std::string_view(whole).substr(0, size), kNow) ? 1 : 0;
  EXPECT_EQ(taken, 7U) << "only where a whole section ends, and of nothing at all";
}

TEST(HandedState, missing_and_unknown_sections_are_no_errors) {
  const Result<HandedState> nothing = unpack_state("", kNow);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->peers.empty());
  Packer newer;
  newer.u8(200);
  newer.text("of a later weir");
  const Result<HandedState> after = unpack_state(newer.bytes() + pack_state(example()), kNow);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->peers.size(), 1U);
}

TEST(HandedState, values_out_of_range_are_refused) {
  HandedState state = example();
  state.sessions["zone"][0].seen = -1;
  EXPECT_THAT(unpack_state(pack_state(state), kNow).error(), HasSubstr("time"));
  state = example();
  state.rates["slow\n$arg_key"][0].bucket.excess = -1;
  EXPECT_THAT(unpack_state(pack_state(state), kNow).error(), HasSubstr("bucket"));
  state = example();
  state.checks[0].standing = static_cast<policy::HealthState::Standing>(3);
  EXPECT_THAT(unpack_state(pack_state(state), kNow).error(), HasSubstr("standing"));
  Packer overrides, section;
  overrides.text("{\"version\": 99}");
  section.u8(1);
  section.text(overrides.bytes());
  EXPECT_THAT(unpack_state(section.bytes(), kNow).error(), HasSubstr("version 99"));
}

TEST(HandedState, times_far_ahead_are_taken_over) {
  constexpr MonoMs kYear = 365LL * 24 * 3600 * 1000;
  HandedState state = example();
  state.peers[0].ejected_until = kNow + 2 * kYear;
  Result<HandedState> after = unpack_state(pack_state(state), kNow);
  ASSERT_TRUE(after) << after.error();
  EXPECT_EQ(after->peers[0].ejected_until, kNow + 2 * kYear);
  state.peers[0].ejected_until = INT64_MAX;
  after = unpack_state(pack_state(state), kNow);
  ASSERT_TRUE(after) << after.error();
  EXPECT_GT(after->peers[0].ejected_until, kNow + 99 * kYear);
  EXPECT_LT(after->peers[0].ejected_until, kNow + 101 * kYear);
}

TEST(HandedState, counts_beyond_the_bytes_take_no_memory) {
  Packer body, section;
  body.u32(UINT32_MAX);
  section.u8(5);
  section.text(body.bytes());
  EXPECT_FALSE(unpack_state(section.bytes(), kNow));
}

}  // namespace
}  // namespace weir::runtime
