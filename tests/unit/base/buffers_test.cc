// Arena, chunk pool and chain: what bytes live in.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/rng.h"

namespace weir {
namespace {

bool aligned(const void* p, size_t align) {
  return reinterpret_cast<uintptr_t>(p) % align == 0;
}

TEST(Arena, allocates_nothing_before_its_first_use) {
  EXPECT_EQ(Arena().heap_bytes(), 0U);
}

TEST(Arena, copies_live_until_reset) {
  Arena arena;
  std::string source = "Host";
  const std::string_view copy = arena.copy(source);
  source.assign("XXXX");
  EXPECT_EQ(copy, "Host");
  EXPECT_EQ(arena.copy(""), "");
}

TEST(Arena, concatenates) {
  Arena arena;
  EXPECT_EQ(arena.concat({"a", "", "bc", "d"}), "abcd");
  EXPECT_EQ(arena.concat({}), "");
  EXPECT_EQ(arena.concat({"", std::string_view()}), "");
}

TEST(Arena, keeps_alignment_also_at_the_very_end_of_a_block) {
  for (size_t filler = Arena::kFirstBlock - 20; filler <= Arena::kFirstBlock; ++filler) {
    Arena arena;
    char* first = arena.allocate(filler);
    for (size_t size = 1; size <= 8; ++size) {
      char* p = arena.allocate(size, 8);
      EXPECT_TRUE(aligned(p, 8)) << filler << " then " << size;
      EXPECT_TRUE(p < first || p >= first + filler);
      std::memset(p, 1, size);
    }
  }
}

TEST(Arena, makes_objects) {
  struct Pair {
    Pair(int64_t first, char second) : a(first), b(second) {}
    int64_t a;
    char b;
  };
  Arena arena;
  arena.allocate(1);
  const Pair* pair = arena.make<Pair>(int64_t{7}, 'x');
  EXPECT_TRUE(aligned(pair, alignof(Pair)));
  EXPECT_EQ(pair->a, 7);
  EXPECT_EQ(pair->b, 'x');
}

TEST(Arena, gives_back_the_end_of_the_newest_allocation) {
  Arena arena;
  char* p = arena.allocate(100);
  arena.shrink_last(p, 10);
  EXPECT_EQ(arena.allocate(1), p + 10);
}

TEST(Arena, takes_wishes_larger_than_a_block) {
  Arena arena;
  const std::string large(Arena::kNextBlock * 3, 'L');
  const std::string_view small = arena.copy("s");
  const std::string_view copy = arena.copy(large);
  EXPECT_EQ(copy, large);
  EXPECT_EQ(small, "s");
  EXPECT_EQ(arena.copy("t"), "t");
}

TEST(Arena, reset_keeps_the_first_block_and_frees_the_rest) {
  Arena arena;
  char* first = arena.allocate(16);
  for (int i = 0; i < 50; ++i) arena.allocate(4000);
  EXPECT_GT(arena.heap_bytes(), Arena::kFirstBlock);
  arena.reset();
  EXPECT_EQ(arena.heap_bytes(), Arena::kFirstBlock);
  EXPECT_EQ(arena.allocate(16), first);
  arena.reset();
  EXPECT_EQ(arena.allocate(Arena::kFirstBlock), first);
}

TEST(Arena, may_be_reset_unused) {
  Arena arena;
  arena.reset();
  EXPECT_EQ(arena.copy("a"), "a");
}

std::string all_of(const Chain& chain) {
  std::string out;
  chain.copy_to(out);
  return out;
}

TEST(ChunkPool, reuses_returned_chunks) {
  ChunkPool pool;
  Chunk* a = pool.take();
  a->begin = 3;
  a->end = 9;
  EXPECT_EQ(pool.outstanding(), 1U);
  pool.give(a);
  EXPECT_EQ(pool.outstanding(), 0U);
  Chunk* b = pool.take();
  EXPECT_EQ(b, a);
  EXPECT_EQ(b->begin, 0U);
  EXPECT_EQ(b->end, 0U);
  EXPECT_EQ(b->next, nullptr);
  pool.give(b);
}

TEST(ChunkPool, trims_idle_chunks_alone) {
  ChunkPool pool;
  Chain in_use(pool);
  in_use.append("kept");
  {
    Chain big(pool);
    big.append(std::string(Chunk::kCapacity * 4, 'x'));
  }
  pool.trim(1);
  EXPECT_EQ(pool.outstanding(), 1U);
  EXPECT_EQ(all_of(in_use), "kept");
  pool.trim(0);
}

TEST(Chain, keeps_bytes_in_order_over_chunks) {
  ChunkPool pool;
  Chain chain(pool);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.front(), "");
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string piece(1777, static_cast<char>('a' + i % 26));
    chain.append(piece);
    expected += piece;
  }
  EXPECT_EQ(chain.size(), expected.size());
  EXPECT_EQ(all_of(chain), expected);
  EXPECT_GT(pool.outstanding(), 1U);
  chain.clear();
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(Chain, consumes_from_the_front_and_gives_chunks_back) {
  ChunkPool pool;
  Chain chain(pool);
  chain.append(std::string(Chunk::kCapacity, 'a'));
  chain.append("bc");
  chain.consume(Chunk::kCapacity);
  EXPECT_EQ(pool.outstanding(), 1U);
  EXPECT_EQ(chain.front(), "bc");
  chain.consume(1);
  EXPECT_EQ(chain.front(), "c");
  chain.consume(0);
  chain.consume(1);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(pool.outstanding(), 0U);
  chain.append("again");
  EXPECT_EQ(all_of(chain), "again");
}

TEST(Chain, joins_another_without_copying) {
  ChunkPool pool;
  Chain a(pool);
  Chain b(pool);
  a.append("one ");
  b.append("two");
  const char* where = b.front().data();
  a.append(std::move(b));
  EXPECT_TRUE(b.empty());
  EXPECT_EQ(all_of(a), "one two");
  a.consume(4);
  EXPECT_EQ(a.front().data(), where);
  Chain empty(pool);
  a.append(std::move(empty));
  empty.append(std::move(a));
  EXPECT_EQ(all_of(empty), "two");
  a.append("usable");
  EXPECT_EQ(all_of(a), "usable");
}

TEST(Chain, moving_empties_the_source_and_frees_the_target) {
  ChunkPool pool;
  Chain a(pool);
  a.append("a");
  Chain b(std::move(a));
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(all_of(b), "a");
  Chain c(pool);
  c.append("lost");
  c = std::move(b);
  EXPECT_EQ(all_of(c), "a");
  EXPECT_EQ(pool.outstanding(), 1U);
}

TEST(Chain, lists_at_most_the_requested_pieces) {
  ChunkPool pool;
  Chain chain(pool);
  chain.append(std::string(Chunk::kCapacity * 3, 'x'));
  std::vector<size_t> sizes;
  EXPECT_EQ(chain.for_each_piece(2, [&](std::string_view s) { sizes.push_back(s.size()); }), 2);
  EXPECT_EQ(sizes, (std::vector<size_t>{Chunk::kCapacity, Chunk::kCapacity}));
}

TEST(Chain, behaves_like_a_string_under_random_use) {
  ChunkPool pool;
  {
    Rng rng(7);
    Chain chain(pool);
    std::string model;
    for (int i = 0; i < 2000; ++i) {
      switch (rng.below(3)) {
        case 0: {
          const std::string piece(rng.below(40'000), static_cast<char>('a' + i % 26));
          chain.append(piece);
          model += piece;
          break;
        }
        case 1: {
          const size_t n = rng.below(model.size() + 1);
          chain.consume(n);
          model.erase(0, n);
          break;
        }
        default: {
          Chain other(pool);
          const std::string piece(rng.below(3) * 9000, '#');
          other.append(piece);
          chain.append(std::move(other));
          model += piece;
        }
      }
      ASSERT_EQ(chain.size(), model.size());
      ASSERT_EQ(chain.front().empty(), model.empty());
      ASSERT_EQ(chain.front(), model.substr(0, chain.front().size()));
    }
    ASSERT_EQ(all_of(chain), model);
  }
  EXPECT_EQ(pool.outstanding(), 0U);
}

}  // namespace
}  // namespace weir
