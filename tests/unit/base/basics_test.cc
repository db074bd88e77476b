// The small things everybody leans on: bytes, result, the intrusive list, the error table, clock and rng.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/intrusive_list.h"
#include "base/memory.h"
#include "base/result.h"
#include "base/rng.h"

namespace weir {
namespace {

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

size_t resident_bytes() {
  long whole = 0, resident = 0;
  std::FILE* statm = std::fopen("/proc/self/statm", "r");
  EXPECT_EQ(std::fscanf(statm, "%ld %ld", &whole, &resident), 2);
  std::fclose(statm);
  return static_cast<size_t>(resident) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A worker's heap is not the main thread's, which glibc treats otherwise.
TEST(Memory, returns_heap_pages_after_frees) {
  prepare_heap();
  std::thread([] {
    constexpr size_t kCount = 40'000, kSize = 400;
    delete[] new char[8 << 20];  // by itself glibc would from now on keep twice that
    const size_t before = resident_bytes();
    std::vector<std::unique_ptr<char[]>> objects(kCount);
    for (auto& object : objects) object = std::make_unique<char[]>(kSize);
    const size_t full = resident_bytes();
    ASSERT_GT(full, before + kCount * kSize * 9 / 10);
    // One that stays, as some always do.
    objects.erase(objects.begin(), objects.begin() + kCount / 2);
    objects.erase(objects.begin() + 1, objects.end());
    objects.shrink_to_fit();
    return_free_memory();
    EXPECT_LT(resident_bytes(), before + (full - before) / 5);
  }).join();
}

#endif

TEST(Bytes, iequals_looks_at_every_character_of_every_length) {
  for (size_t n = 0; n < 40; ++n) {
    std::string lower, upper;
    for (size_t i = 0; i < n; ++i) {
      lower += static_cast<char>('a' + i % 26);
      upper += static_cast<char>('A' + i % 26);
    }
    EXPECT_TRUE(iequals(lower, upper)) << n;
    EXPECT_FALSE(iequals(lower, upper + "x")) << n;
    for (size_t at = 0; at < n; ++at) {
      std::string other = upper;
      other[at] = '-';
      EXPECT_FALSE(iequals(lower, other)) << n << " " << at;
    }
  }
}

TEST(Bytes, iequals_folds_letters_alone) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      // In a word, and as a single character.
      const std::string x = "1234567" + std::string(1, static_cast<char>(a));
      const std::string y = "1234567" + std::string(1, static_cast<char>(b));
      const bool same = to_lower(static_cast<char>(a)) == to_lower(static_cast<char>(b));
      ASSERT_EQ(iequals(x, y), same) << a << " " << b;
      ASSERT_EQ(iequals(x.substr(7), y.substr(7)), same) << a << " " << b;
    }
  }
}

TEST(Bytes, tchar_is_exactly_that_of_rfc_9110) {
  const std::string_view special = "!#$%&'*+-.^_`|~";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool expected = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z') ||
                          (i != 0 && special.find(c) != std::string_view::npos);
    EXPECT_EQ(is_tchar(c), expected) << i;
  }
}

TEST(Bytes, case_is_ascii_only) {
  EXPECT_EQ(to_lower('Z'), 'z');
  EXPECT_EQ(to_lower('['), '[');
  EXPECT_EQ(to_lower('\xc4'), '\xc4');
  EXPECT_TRUE(iequals("Content-LENGTH", "content-length"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_EQ(lowered("A-b"), "a-b");
}

TEST(Bytes, hex_digits_have_values_and_nothing_else_has) {
  int valid = 0;
  for (int i = 0; i < 256; ++i) valid += hex_value(static_cast<char>(i)) >= 0 ? 1 : 0;
  EXPECT_EQ(valid, 22);
  EXPECT_EQ(hex_value('f'), 15);
  EXPECT_EQ(hex_value('F'), 15);
  EXPECT_EQ(hex_value('0'), 0);
}

TEST(Bytes, trims_space_and_tab_only) {
  EXPECT_EQ(trim_ows(" \t a b\t "), "a b");
  EXPECT_EQ(trim_ows("\r\na\n"), "\r\na\n");
  EXPECT_EQ(trim_ows(" \t"), "");
}

TEST(Bytes, decimal_is_digits_without_overflow) {
  EXPECT_EQ(parse_decimal("0"), 0);
  EXPECT_EQ(parse_decimal("007"), 7);
  EXPECT_EQ(parse_decimal("9223372036854775807"), INT64_MAX);
  for (const std::string_view text : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "9223372036854775808",
                                      "18446744073709551617", "99999999999999999999999"})
    EXPECT_FALSE(parse_decimal(text).has_value()) << text;
}

TEST(Bytes, list_elements_are_trimmed_and_empty_ones_skipped) {
  std::vector<std::string> seen;
  const auto collect = [&](std::string_view s) { seen.emplace_back(s); };
  for_each_list_element(" close, ,\tupgrade ,,x", collect);
  for_each_list_element("", collect);
  for_each_list_element(", ,", collect);
  EXPECT_EQ(seen, (std::vector<std::string>{"close", "upgrade", "x"}));
}

Result<std::unique_ptr<int>> positive(int n) {
  if (n <= 0) return Unexpected{"not positive"};
  return std::make_unique<int>(n);
}

TEST(Result, holds_a_value_or_an_error) {
  auto good = positive(3);
  ASSERT_TRUE(good);
  EXPECT_EQ(**good, 3);
  const std::unique_ptr<int> moved = std::move(good).value();
  EXPECT_EQ(*moved, 3);
  const auto bad = positive(0);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error(), "not positive");
}

TEST(Result, takes_values_and_errors_of_one_type) {
  using Same = Result<std::string, std::string>;
  const Same value(std::string("v"));
  const Same error(Unexpected{std::string("e")});
  EXPECT_TRUE(value.has_value());
  EXPECT_FALSE(error.has_value());
  EXPECT_EQ(error.value_or("other"), "other");
  EXPECT_EQ(value.value_or("other"), "v");
  EXPECT_EQ(value->size(), 1U);
}

TEST(Result, status_has_no_value) {
  const Status<> fine = Void{};
  const Status<> not_fine = Unexpected{"why"};
  EXPECT_TRUE(fine);
  EXPECT_FALSE(not_fine);
}

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};
using Items = IntrusiveList<Item>;

std::vector<int> numbers(Items& list) {
  std::vector<int> out;
  list.for_each([&](Item& item) { out.push_back(item.number); });
  EXPECT_EQ(list.count(), out.size());
  return out;
}

TEST(IntrusiveList, keeps_order_and_moves_a_node_that_is_pushed_again) {
  Item a(1);
  Item b(2);
  Item c(3);
  Items list;
  list.push_back(a);
  list.push_back(b);
  list.push_front(c);
  EXPECT_EQ(numbers(list), (std::vector<int>{3, 1, 2}));
  list.push_back(c);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  list.push_back(c);   // already the last
  list.push_front(a);  // already the first
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front()->number, 1);
  EXPECT_EQ(list.back()->number, 3);
}

TEST(IntrusiveList, node_unlinks_when_destroyed) {
  Items list;
  Item a(1);
  {
    Item b(2);
    list.push_back(b);
    list.push_back(a);
  }
  EXPECT_EQ(numbers(list), std::vector<int>{1});
  a.unlink();
  a.unlink();
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);
}

TEST(IntrusiveList, unlinks_its_nodes_when_destroyed) {
  Item a(1);
  {
    Items list;
    list.push_back(a);
    EXPECT_TRUE(a.linked());
  }
  EXPECT_FALSE(a.linked());
}

TEST(IntrusiveList, a_node_is_in_one_list_only) {
  Items one;
  Items two;
  Item a(1);
  one.push_back(a);
  two.push_back(a);
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(numbers(two), std::vector<int>{1});
}

TEST(IntrusiveList, appends_a_whole_list) {
  Items one;
  Items two;
  Item a(1);
  Item b(2);
  Item c(3);
  one.push_back(a);
  two.push_back(b);
  two.push_back(c);
  one.take_all(two);
  EXPECT_TRUE(two.empty());
  EXPECT_EQ(numbers(one), (std::vector<int>{1, 2, 3}));
  one.take_all(two);
  one.take_all(one);
  EXPECT_EQ(numbers(one), (std::vector<int>{1, 2, 3}));
  two.take_all(one);
  EXPECT_EQ(numbers(two), (std::vector<int>{1, 2, 3}));
  c.unlink();
  EXPECT_EQ(two.back()->number, 2);
}

TEST(IntrusiveList, a_walk_may_destroy_the_node_in_hand) {
  Items list;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 5; ++i) {
    items.push_back(std::make_unique<Item>(i));
    list.push_back(*items.back());
  }
  list.for_each([&](Item& item) { items[static_cast<size_t>(item.number)].reset(); });
  EXPECT_TRUE(list.empty());
}

const ErrorKind kFirst = ErrorKind::kNone;

TEST(ErrorTable, has_a_complete_row_for_every_kind) {
  for (int i = static_cast<int>(kFirst) + 1; i < kErrorKinds; ++i) {
    const ErrorTraits& row = traits(static_cast<ErrorKind>(i));
    EXPECT_FALSE(row.reason.empty()) << i;
    EXPECT_GE(row.status, 400) << i;
    EXPECT_LE(row.status, 599) << i;
  }
}

TEST(ErrorTable, blames_peers_alone_and_never_retries_client_faults) {
  for (int i = 0; i < kErrorKinds; ++i) {
    const ErrorTraits& row = traits(static_cast<ErrorKind>(i));
    if (row.blames_peer) {
      EXPECT_EQ(row.side, Side::kPeer) << i;
    }
    if (row.side == Side::kClient) {
      EXPECT_EQ(row.retry, RetryClass::kNone) << i;
      EXPECT_TRUE(row.status == 499 || row.status == 408) << i;
    }
  }
}

TEST(ErrorTable, agrees_with_the_semantics) {
  EXPECT_EQ(traits(ErrorKind::kClientClosed).status, 499);
  EXPECT_EQ(traits(ErrorKind::kClientTimeout).status, 408);
  EXPECT_EQ(traits(ErrorKind::kConnectRefused).status, 502);
  EXPECT_EQ(traits(ErrorKind::kConnectTimeout).status, 504);
  EXPECT_EQ(traits(ErrorKind::kHeaderTimeout).status, 504);
  EXPECT_EQ(traits(ErrorKind::kReusedClosed).retry, RetryClass::kReused);
  EXPECT_FALSE(traits(ErrorKind::kReusedClosed).blames_peer);
  EXPECT_EQ(traits(ErrorKind::kResetMidResponse).retry, RetryClass::kNone);
  EXPECT_EQ(traits(ErrorKind::kNoPeer).status, 503);
  EXPECT_FALSE(traits(ErrorKind::kLocalError).blames_peer);
  EXPECT_EQ(traits(ErrorKind::kLocalError).reason, "local_error");
}

TEST(Clock, monotonic_time_does_not_go_back) {
  const int64_t us = monotonic_us();
  const MonoMs ms = monotonic_ms();
  EXPECT_GE(ms, us / 1000);
  EXPECT_GE(monotonic_us(), us);
  EXPECT_GT(wall_us(), 1'600'000'000LL * 1'000'000);
}

TEST(Rng, a_seed_gives_the_same_numbers_for_ever) {
  Rng a(1);
  Rng b(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  // splitmix64's first output for seed 0 is the first word of the state.
  EXPECT_NE(Rng(1).next(), Rng(2).next());
}

TEST(Rng, below_stays_below_and_reaches_everything) {
  Rng rng(5);
  std::vector<int> seen(10);
  for (int i = 0; i < 10'000; ++i) ++seen[rng.below(10)];
  for (const int n : seen) {
    EXPECT_GT(n, 800);
    EXPECT_LT(n, 1200);
  }
  EXPECT_EQ(rng.below(1), 0U);
}

TEST(Rng, seeds_from_the_kernel_differ) {
  std::set<uint64_t> seeds;
  for (int i = 0; i < 10; ++i) seeds.insert(random_seed());
  EXPECT_EQ(seeds.size(), 10U);
}

}  // namespace
}  // namespace weir
