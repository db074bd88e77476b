// The pool's threads: how many there are, and none.
#include "io/pool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>

#include "io/off_loop.h"
#include "unit/no_threads.h"

namespace weir::io {
namespace {

TEST(Pool, other_threads_have_their_share) {
  EXPECT_EQ(pool_size(16, 10, 26), 16);
  EXPECT_EQ(pool_size(16, 10, 25), 15);
  EXPECT_EQ(pool_size(16, 10, 12), 2);
  EXPECT_EQ(pool_size(16, 10, 11), 1);
  EXPECT_EQ(pool_size(16, 10, 3), 1);
  EXPECT_EQ(pool_size(16, 10, 0), 0);
}

TEST(Pool, want_of_all_threads_is_an_error) {
  const NoThreads none;
  ASSERT_TRUE(none.good());
  const Result<Pool> pool = start_pool(4, 2);
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error(), "no thread for files");
}

struct Mark final : OffLoop::Work {
  void run() override { ran = true; }
  bool ran = false;
};

struct Waiting final : OffLoop::Handler {
  void on_work_done(std::unique_ptr<OffLoop::Work> work) override { done = std::move(work); }
  std::unique_ptr<OffLoop::Work> done;
};

ptrdiff_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

TEST(Pool, first_work_makes_no_thread_of_a_started_pool) {
  ::unsetenv("UV_THREADPOOL_SIZE");
  const Result<Pool> pool = start_pool(2, 1);
  ASSERT_TRUE(pool) << pool.error();
  EXPECT_EQ(pool->wanted, 2);
  EXPECT_GE(pool->threads, 1);
  EXPECT_EQ(std::getenv("UV_THREADPOOL_SIZE"), nullptr);
  const ptrdiff_t before = threads();
  Loop loop;
  Waiting waiting;
  OffLoop work(loop, waiting);
  work.start(std::make_unique<Mark>());
  while (waiting.done == nullptr) loop.turn(true);
  EXPECT_TRUE(static_cast<const Mark&>(*waiting.done).ran);
  EXPECT_LE(threads(), before);
}

}  // namespace
}  // namespace weir::io
