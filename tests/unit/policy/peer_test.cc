// Places on a peer: exact over all workers.
#include "policy/peer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace weir::policy {
namespace {

TEST(PeerState, gives_and_takes_back_max_conns_places) {
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  EXPECT_TRUE(state.acquire(2));
  EXPECT_TRUE(state.acquire(2));
  EXPECT_FALSE(state.acquire(2));
  EXPECT_EQ(state.inflight, 2u);
  state.release();
  EXPECT_TRUE(state.acquire(2));
}

TEST(PeerState, counts_without_a_limit) {
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(state.acquire(0));
  EXPECT_EQ(state.inflight, 100u);
  EXPECT_FALSE(state.acquire(100));  // a reload brought a limit
}

TEST(PeerState, never_exceeds_max_conns_among_threads) {
  constexpr uint32_t kPlaces = 3;
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  std::atomic<uint32_t> held{0};
  std::atomic<uint64_t> served{0}, too_many{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!state.acquire(kPlaces)) continue;
        too_many += held.fetch_add(1) >= kPlaces;
        ++served;
        held.fetch_sub(1);
        state.release();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(too_many, 0u);
  EXPECT_GT(served, 0u);
  EXPECT_EQ(state.inflight, 0u);
}

TEST(PeerState, gives_exactly_max_conns_places_to_many_threads) {
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  std::atomic<uint32_t> got{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) got += state.acquire(777);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got, 777u);
  EXPECT_EQ(state.inflight, 777u);
}

TEST(PeerState, hard_down_by_drain_spares_bound_requests) {
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  EXPECT_FALSE(state.hard_down());
  state.drain = true;
  EXPECT_TRUE(state.hard_down());
  EXPECT_FALSE(state.hard_down(true));
  state.drain = false;
  for (Switch PeerState::*const which : {&PeerState::check_down, &PeerState::admin_down}) {
    state.*which = true;
    EXPECT_TRUE(state.hard_down(true));
    state.*which = false;
  }
}

TEST(LoadCell, is_released_at_zero_with_its_peer) {
  auto first = std::make_unique<PeerState>(PassiveOptions());
  const auto second = std::make_unique<PeerState>(PassiveOptions());
  const std::atomic<uint32_t>* const place = &first->inflight;
  EXPECT_NE(place, &second->inflight);
  first->acquire(0);
  first.reset();
  const auto third = std::make_unique<PeerState>(PassiveOptions());
  EXPECT_EQ(&third->inflight, place);
  EXPECT_EQ(third->inflight, 0u);
}

TEST(LoadCell, few_cells_share_no_cache_line) {
  std::vector<std::unique_ptr<PeerState>> peers;
  for (int i = 0; i < 2'048; ++i) peers.push_back(std::make_unique<PeerState>(PassiveOptions()));
  std::map<uintptr_t, int> lines;
  for (size_t i = 0; i < peers.size(); ++i) {
    ++lines[reinterpret_cast<uintptr_t>(&peers[i]->inflight) / 64];
    if (i < 32) {
      EXPECT_EQ(lines.size(), i + 1);
    }
  }
  EXPECT_LE(lines.size(), 192u);
}

TEST(ChangeStamp, moves_only_when_a_switch_or_ramp_changes) {
  const auto owned = std::make_unique<PeerState>(PassiveOptions());  // on the heap, as everywhere
  PeerState& state = *owned;
  const auto moves = [](auto change) {
    const uint64_t before = ChangeStamp::read();
    change();
    return ChangeStamp::read() != before;
  };
  EXPECT_TRUE(moves([&] { state.check_down = true; }));
  EXPECT_FALSE(moves([&] { state.check_down = true; }));
  EXPECT_TRUE(moves([&] { state.ramp_from = 5; }));
  EXPECT_FALSE(moves([&] { state.ramp_from = 5; }));
  EXPECT_FALSE(moves([&] { state.acquire(0); }));
}

}  // namespace
}  // namespace weir::policy
