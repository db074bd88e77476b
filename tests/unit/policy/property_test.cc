// What holds of every balancer, over every state of every group of up to four peers and every subset of six.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include "fixture.h"

namespace weir::policy {
namespace {

const Method kMethods[] = {
    Method::kRoundRobin,        Method::kIpHash,          Method::kLeastConn,        Method::kHash,
    Method::kHashConsistent,    Method::kRandom,          Method::kRandomTwo,        Method::kLeastTimeHeader,
    Method::kLeastTimeLastByte, Method::kRandomTwoHeader, Method::kRandomTwoLastByte};

enum class Fate { kWell, kTried, kDown, kFull, kOut, kDrain };
constexpr int kFates = 6;

std::vector<Server> servers(int peers, int primaries) {
  std::vector<Server> all;
  for (int i = 0; i < peers; ++i)
    all.push_back(
        {std::string(1, static_cast<char>('a' + i)), 1u + static_cast<uint32_t>(i % 3), i >= primaries, false, 1});
  return all;
}

const SocketAddress& client(int n) {
  static const std::vector<SocketAddress> all = [] {
    std::vector<SocketAddress> made;
    for (int i = 0; i < 64; ++i) made.push_back(*SocketAddress::from_ip("10.0." + std::to_string(i) + ".9", 1));
    return made;
  }();
  return all[static_cast<size_t>(n) % all.size()];
}

void set_fate(Group& group, size_t i, Fate fate) {
  PeerState& state = group.state(i);
  state.check_down = fate == Fate::kDown;
  state.drain = fate == Fate::kDrain;
  state.inflight = fate == Fate::kFull ? 1 : 0;
  state.passive.success(kNever - 1);  // brings it in
  if (fate == Fate::kOut) state.passive.failure(group.now);
}

// Whether checks, drain and operator leave it.
bool is_left(Fate fate) {
  return fate != Fate::kDown && fate != Fate::kDrain;
}

// Whether the words of SEMANTICS 1 make passive ejection of no account.
bool ignores_passive(const std::vector<Fate>& fates, size_t primaries, bool panic_enabled) {
  size_t left[2] = {0, 0}, in[2] = {0, 0};
  bool backup_fit = false;
  for (size_t i = 0; i < fates.size(); ++i) {
    const size_t list = i < primaries ? 0 : 1;
    left[list] += is_left(fates[i]);
    in[list] += is_left(fates[i]) && fates[i] != Fate::kOut;
    backup_fit |= list == 1 && fates[i] == Fate::kWell;
  }
  const bool most_out = left[0] == 0 ? in[1] * 2 < left[1] : in[0] * 2 < left[0] && !backup_fit;
  return fates.size() == 1 || (panic_enabled && most_out);
}

// Who may be picked, by the words of SEMANTICS 1 and without any of the code under test.
std::vector<size_t> eligible_peers(const std::vector<Fate>& fates, size_t primaries, bool panic_enabled) {
  const bool ignore_passive = ignores_passive(fates, primaries, panic_enabled);
  std::vector<size_t> eligible;
  for (size_t i = 0; i < fates.size(); ++i) {
    if (i == primaries && !eligible.empty()) break;  // backups are for when the primaries are used up
    if (fates[i] == Fate::kWell || (fates[i] == Fate::kOut && ignore_passive)) eligible.push_back(i);
  }
  return eligible;
}

char letter(size_t i) {
  return static_cast<char>('a' + i);
}

// Gives the group these fates, the tried peers in the request's set.
void arrange(Group& group, const std::vector<Fate>& fates) {
  group.tried.clear();
  for (size_t i = 0; i < fates.size(); ++i) {
    set_fate(group, i, fates[i]);
    if (fates[i] == Fate::kTried) group.tried.add(&group.peer(std::string(1, letter(i))));
  }
}

void check_all_states(Method method, int peers, int primaries, bool panic) {
  Group group(method, servers(peers, primaries), panic);
  int states = 1;
  for (int i = 0; i < peers; ++i) states *= kFates;
  for (int code = 0; code < states; ++code) {
    std::vector<Fate> fates;
    for (int i = 0, rest = code; i < peers; ++i, rest /= kFates) fates.push_back(static_cast<Fate>(rest % kFates));
    arrange(group, fates);
    group.client = client(code);
    const std::string key = "key-" + std::to_string(code);
    // Unbound, and bound to one peer after the other over the states.
    for (const bool is_bound : {false, true}) {
      const auto to = static_cast<size_t>(code / 7 % peers);
      group.bound = is_bound ? &group.peer(std::string(1, letter(to))) : nullptr;
      const bool ignore_passive = ignores_passive(fates, static_cast<size_t>(primaries), panic);
      const bool has_bound = is_bound && (fates[to] == Fate::kWell || fates[to] == Fate::kDrain ||
                                          (fates[to] == Fate::kOut && ignore_passive));
      std::vector<size_t> eligible = eligible_peers(fates, static_cast<size_t>(primaries), panic);
      if (has_bound) eligible = {to};
      const Pick pick = group.pick(key);
      ASSERT_FALSE(pick.probe) << code;
      if (pick.peer == nullptr) {
        ASSERT_TRUE(eligible.empty()) << code;
        ASSERT_EQ(pick.any_full, std::count(fates.begin(), fates.end(), Fate::kFull) > 0) << code;
      } else {
        const auto picked = static_cast<size_t>(pick.peer->options.name[0] - 'a');
        ASSERT_EQ(std::count(eligible.begin(), eligible.end(), picked), 1) << code;
        ASSERT_FALSE(pick.any_full) << code;
      }
    }
  }
}

TEST(EveryBalancer, picks_an_eligible_peer_when_there_is_any) {
  for (const Method method : kMethods)
    for (const bool panic : {true, false})
      for (int peers = 1; peers <= 4; ++peers) {
        SCOPED_TRACE(::testing::Message()
                     << "method " << static_cast<int>(method) << " peers " << peers << " panic " << panic);
        ASSERT_NO_FATAL_FAILURE(check_all_states(method, peers, peers, panic));
      }
}

TEST(EveryBalancer, picks_an_eligible_peer_among_backups) {
  for (const Method method : kMethods)
    for (const bool panic : {true, false})
      for (int primaries = 1; primaries <= 3; ++primaries) {
        SCOPED_TRACE(::testing::Message()
                     << "method " << static_cast<int>(method) << " primaries " << primaries << " panic " << panic);
        ASSERT_NO_FATAL_FAILURE(check_all_states(method, 4, primaries, panic));
      }
}

// All subsets of six peers refused in each of the ways: a request that goes on trying is given each of the others once
// and then nobody, and never one that is refused.
void check_walks(Method method, bool panic) {
  Group group(method, servers(6, 6), panic);
  for (const Fate refused : {Fate::kTried, Fate::kDown, Fate::kFull, Fate::kOut, Fate::kDrain}) {
    for (unsigned subset = 0; subset < 64; ++subset) {
      std::vector<Fate> fates(6, Fate::kWell);
      for (size_t i = 0; i < 6; ++i)
        if ((subset >> i & 1) != 0) fates[i] = refused;
      arrange(group, fates);
      group.client = client(static_cast<int>(subset));
      // Bound to a peer of either kind, or to none.
      const size_t to = subset % 7;
      group.bound = to < 6 ? &group.peer(std::string(1, letter(to))) : nullptr;
      const bool all = refused == Fate::kOut && ignores_passive(fates, 6, panic);
      std::string expected;
      for (size_t i = 0; i < 6; ++i)
        if (fates[i] == Fate::kWell || all || (i == to && refused == Fate::kDrain)) expected += letter(i);
      std::string given;
      while (const Peer* peer = group.pick("key-" + std::to_string(subset)).peer) {
        given += peer->options.name;
        group.tried.add(peer);
        ASSERT_LE(given.size(), 6u);
      }
      std::sort(given.begin(), given.end());
      ASSERT_EQ(given, expected) << "fate " << static_cast<int>(refused);
    }
  }
}

TEST(EveryBalancer, offers_each_accepted_peer_once) {
  for (const Method method : kMethods)
    for (const bool panic : {true, false}) {
      SCOPED_TRACE(::testing::Message() << "method " << static_cast<int>(method) << " panic " << panic);
      ASSERT_NO_FATAL_FAILURE(check_walks(method, panic));
    }
}

// Any subset of six equal peers down: the others' shares differ from equal ones by no more than `bound` of all picks.
void check_shares_of_subsets(Method method, double bound) {
  constexpr int kPicks = 1'200;
  std::vector<Server> equals;
  for (int i = 1; i <= 6; ++i) equals.push_back({"10.0.0." + std::to_string(i) + ":80"});
  Group group(method, equals);
  // CRC-32 of keys that differ in a digit lie close together: keys at random.
  Rng rng(9);
  std::vector<std::string> keys;
  std::vector<SocketAddress> clients;
  for (int i = 0; i < kPicks; ++i) {
    keys.push_back(std::to_string(rng.next()));
    clients.push_back(
        *SocketAddress::from_ip("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".1", 1));
  }
  for (unsigned subset = 0; subset < 63; ++subset) {
    for (size_t i = 0; i < 6; ++i) group.state(i).check_down = (subset >> i & 1) != 0;
    const int left = 6 - std::popcount(subset);
    std::map<std::string, int> counts;
    for (size_t i = 0; i < kPicks; ++i) {
      group.client = clients[i];
      ++counts[group.name(keys[i])];
    }
    ASSERT_EQ(counts.size(), static_cast<size_t>(left));
    for (const auto& [name, count] : counts) {
      ASSERT_NEAR(count, kPicks / left, kPicks * bound) << name << " of subset " << subset;
      ASSERT_NE(name, "-");
    }
  }
}

// nginx's rehash is the least even: a miss's next number is not independent of the first.
TEST(EveryBalancer, shares_evenly_among_remaining_peers) {
  const std::map<Method, double> bounds = {{Method::kRoundRobin, 0.001},
                                           {Method::kLeastConn, 0.001},
                                           {Method::kLeastTimeHeader, 0.001},
                                           {Method::kLeastTimeLastByte, 0.001},
                                           {Method::kRandom, 0.05},
                                           {Method::kRandomTwo, 0.05},
                                           {Method::kRandomTwoHeader, 0.05},
                                           {Method::kRandomTwoLastByte, 0.05},
                                           {Method::kIpHash, 0.1},
                                           {Method::kHash, 0.15},
                                           {Method::kHashConsistent, 0.1}};
  for (const Method method : kMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    ASSERT_NO_FATAL_FAILURE(check_shares_of_subsets(method, bounds.at(method)));
  }
}

TEST(EveryBalancer, offers_a_request_every_peer_once_primaries_first) {
  for (const Method method : kMethods) {
    Group group(method, servers(5, 3));
    for (int i = 0; i < 50; ++i) {
      group.client = client(i);
      std::string all = group.tries("key-" + std::to_string(i));
      ASSERT_EQ(all.size(), 5u);
      std::sort(all.begin(), all.begin() + 3);
      std::sort(all.begin() + 3, all.end());
      ASSERT_EQ(all, "abcde");
    }
  }
}

TEST(EveryBalancer, gives_a_probe_to_a_single_request) {
  for (const Method method : kMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, {{"a"}, {"b"}, {"c"}});  // with least_time an idle lighter peer is not picked
    group.state(1).passive.failure(group.now);
    group.now += 10'000;
    int probes = 0;
    for (int i = 0; i < 400; ++i) {
      group.client = client(i);
      const Pick pick = group.pick("key-" + std::to_string(i));
      ASSERT_NE(pick.peer, nullptr);
      ASSERT_EQ(pick.probe, pick.peer->options.name == "b");
      probes += pick.probe;
    }
    EXPECT_EQ(probes, 1);
    EXPECT_TRUE(group.state(1).passive.success(group.now));
    bool back = false;
    for (int i = 0; i < 400 && !back; ++i) {
      group.client = client(i);
      back = group.pick("key-" + std::to_string(i)).peer->options.name == "b";
    }
    EXPECT_TRUE(back);
  }
}

TEST(EveryBalancer, sees_changes_within_a_millisecond) {
  for (const Method method : kMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, servers(2, 2));
    group.client = client(1);
    for (int i = 0; i < 8; ++i) {
      PeerState& state = group.state(static_cast<size_t>(i % 2));
      Switch PeerState::*const switches[] = {&PeerState::check_down, &PeerState::drain, &PeerState::admin_down};
      for (const auto which : switches) {
        state.*which = true;
        ASSERT_EQ(group.name("k"), i % 2 == 0 ? "b" : "a");
        state.*which = false;
      }
      state.inflight = 1;
      ASSERT_EQ(group.name("k"), i % 2 == 0 ? "b" : "a");
      state.inflight = 0;
      state.passive.failure(group.now);
      ASSERT_EQ(group.name("k"), i % 2 == 0 ? "b" : "a");
      state.passive.configure({0, Millis{0}});
      state.passive.configure({1, Millis{10'000}});
    }
  }
}

// Over many picks with many keys a peer's share is its weight's, within a tenth of the whole; for the hashes this says
// that their keys spread.
TEST(EveryBalancer, shares_by_weight) {
  constexpr int kPicks = 6'000;
  for (const Method method : kMethods) {
    SCOPED_TRACE(static_cast<int>(method));
    Group group(method, {{"10.0.0.1:80", 1}, {"10.0.0.2:80", 2}, {"10.0.0.3:80", 3}});
    std::map<std::string, int> counts;
    for (int i = 0; i < kPicks; ++i) {
      group.client =
          *SocketAddress::from_ip("10." + std::to_string(i / 250 % 250) + "." + std::to_string(i % 250) + ".1", 1);
      ++counts[group.name("key-" + std::to_string(i))];
    }
    // Two draws flatten: the heaviest is drawn against itself and drawn again. Idle peers' least time is the
    // heaviest's.
    if (method >= Method::kRandomTwo) continue;
    EXPECT_NEAR(counts["10.0.0.1:80"], kPicks / 6, kPicks / 10);
    EXPECT_NEAR(counts["10.0.0.2:80"], kPicks / 3, kPicks / 10);
    EXPECT_NEAR(counts["10.0.0.3:80"], kPicks / 2, kPicks / 10);
  }
}

TEST(RoundRobin, is_exact_over_each_cycle) {
  Group group(Method::kRoundRobin, {{"a", 7}, {"b", 3}, {"c", 2}, {"d", 1}, {"e", 4}});
  for (int cycle = 0; cycle < 10; ++cycle) {
    std::string all = group.names(17);
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, "aaaaaaabbbccdeeee");
  }
}

TEST(RoundRobin, stays_exact_when_peers_come_and_go) {
  Group group(Method::kRoundRobin, {{"a", 2}, {"b"}, {"c"}});
  for (int i = 0; i < 200; ++i) {
    group.state(static_cast<size_t>(i % 3)).check_down = i % 2 == 0;
    group.name();
  }
  for (size_t i = 0; i < 3; ++i) group.state(i).check_down = false;
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[group.name()];
  EXPECT_NEAR(counts["a"], 200, 6);
  EXPECT_NEAR(counts["b"], 100, 6);
  EXPECT_NEAR(counts["c"], 100, 6);
}

}  // namespace
}  // namespace weir::policy
