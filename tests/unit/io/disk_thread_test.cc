// Work beside a loop that may never end.
#include "io/disk_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "io/loop.h"

namespace weir::io {
namespace {

TEST(DiskThread, work_is_done_beside_the_loop_each_time) {
  Loop loop;
  DiskThread disk(loop);
  const auto here = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    std::thread::id worked, told;
    ASSERT_TRUE(disk.run([&] { worked = std::this_thread::get_id(); },
                         [&] {
                           told = std::this_thread::get_id();
                           loop.stop();
                         }));
    EXPECT_TRUE(disk.is_busy());
    loop.run();
    EXPECT_FALSE(disk.is_busy());
    EXPECT_NE(worked, here);
    EXPECT_EQ(told, here);
  }
}

TEST(DiskThread, hanging_work_is_left_behind_at_the_end) {
  struct Disk {
    std::promise<void> began, answers, ended;
  };
  const auto hung = std::make_shared<Disk>();
  bool told = false;
  {
    Loop loop;
    DiskThread disk(loop, Millis(1));
    ASSERT_TRUE(disk.run(
        [hung] {
          hung->began.set_value();
          hung->answers.get_future().wait();
          hung->ended.set_value();
        },
        [&told] { told = true; }));
    hung->began.get_future().wait();
  }
  hung->answers.set_value();
  hung->ended.get_future().wait();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace weir::io
