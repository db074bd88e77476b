// Which worker gets the next connection of a shared socket.
#include "runtime/seat.h"

#include <gtest/gtest.h>

#include "runtime/worker.h"

namespace weir::runtime {
namespace {

class SeatTest : public ::testing::Test {
 protected:
  SeatTest() {
    for (int i = 0; i < 3; ++i) {
      workers_.push_back(std::make_unique<Worker>(WorkerOptions{i, {3, 100}, 1}, control_, log_writer_));
      seats_.push_back(workers_.back()->seat());
    }
  }
  io::Loop control_;
  observe::AccessLogWriter log_writer_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Seats seats_;
};

TEST_F(SeatTest, least_loaded_worker_is_chosen) {
  seats_[0]->sessions = 5;
  seats_[1]->sessions = 2;
  seats_[2]->sessions = 3;
  EXPECT_EQ(choose_seat(seats_, 0), 1);
  seats_[1]->coming = 4;
  EXPECT_EQ(choose_seat(seats_, 0), 2);
}

TEST_F(SeatTest, equally_loaded_workers_take_turns) {
  EXPECT_EQ(choose_seat(seats_, -1), 0);
  EXPECT_EQ(choose_seat(seats_, 0), 1);
  EXPECT_EQ(choose_seat(seats_, 2), 0);
}

TEST_F(SeatTest, full_worker_is_never_chosen) {
  seats_[1]->full = true;
  EXPECT_EQ(choose_seat(seats_, 0), 2);
  seats_[0]->full = seats_[2]->full = true;
  EXPECT_EQ(choose_seat(seats_, 0), -1);
}

TEST_F(SeatTest, worker_with_pending_connections_counts_as_full) {
  seats_[0]->room = 0;
  seats_[1]->room = 40;
  seats_[1]->coming = 40;
  seats_[2]->room = 1;
  EXPECT_EQ(choose_seat(seats_, 0), 2);
  seats_[2]->coming = 1;
  EXPECT_EQ(choose_seat(seats_, 0), -1);
}

TEST_F(SeatTest, worker_with_idle_connections_has_room) {
  for (const auto& seat : seats_) seat->sessions = seat->cap.load();
  EXPECT_NE(choose_seat(seats_, 0), -1);
}

TEST_F(SeatTest, ended_worker_is_never_chosen) {
  ASSERT_TRUE(workers_[2]->start());
  EXPECT_TRUE(seats_[2]->send([](Worker&) {}));
  workers_.pop_back();
  EXPECT_FALSE(seats_[2]->send([](Worker&) {}));
}

}  // namespace
}  // namespace weir::runtime
