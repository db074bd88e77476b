// Work beside a loop.
#include "io/side_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "io/loop.h"

namespace weir::io {
namespace {

TEST(SideThread, result_comes_back_to_the_loop) {
  Loop loop;
  SideThread side(loop, 8);
  const auto here = std::this_thread::get_id();
  std::thread::id worked, told;
  ASSERT_TRUE(side.run([&] { worked = std::this_thread::get_id(); },
                       [&] {
                         told = std::this_thread::get_id();
                         loop.stop();
                       }));
  loop.run();
  EXPECT_NE(worked, here);
  EXPECT_EQ(told, here);
}

TEST(SideThread, work_is_done_in_order) {
  Loop loop;
  SideThread side(loop, 100);
  std::vector<int> done;
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(side.run([] {},
                         [&, i] {
                           done.push_back(i);
                           if (i == 49) loop.stop();
                         }));
  loop.run();
  ASSERT_EQ(done.size(), 50U);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(done[static_cast<size_t>(i)], i);
}

TEST(SideThread, work_beyond_the_bound_is_refused) {
  Loop loop;
  std::promise<void> release;
  std::promise<void> began;
  SideThread side(loop, 2);
  ASSERT_TRUE(side.run(
      [&] {
        began.set_value();
        release.get_future().wait();
      },
      [] {}));
  began.get_future().wait();
  EXPECT_TRUE(side.run([] {}, [] {}));
  EXPECT_TRUE(side.run([] {}, [&] { loop.stop(); }));
  EXPECT_FALSE(side.run([] {}, [] { ADD_FAILURE(); }));
  release.set_value();
  loop.run();
}

TEST(SideThread, end_drops_the_work_that_waits) {
  Loop loop;
  std::promise<void> release;
  std::promise<void> began;
  bool told = false;
  {
    SideThread side(loop, 8);
    ASSERT_TRUE(side.run(
        [&] {
          began.set_value();
          release.get_future().wait();
        },
        [&] { told = true; }));
    ASSERT_TRUE(side.run([] {}, [&] { told = true; }));
    began.get_future().wait();
    release.set_value();
  }
  loop.turn(false);
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace weir::io
