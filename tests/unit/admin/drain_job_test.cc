// Draining a peer, on a clock of the test's own.
#include "admin/drain_job.h"

#include <gtest/gtest.h>

namespace weir::admin {
namespace {

class DrainJobTest : public ::testing::Test {
 protected:
  std::unique_ptr<DrainJob> begin(DrainOptions options = {}) {
    return std::make_unique<DrainJob>(
        loop_, state_, options,
        DrainJob::Hooks{[this](DrainJob&) { ++closed_; }, [this](DrainJob& job) { done_ = job.summary(); }});
  }
  void pass(int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 50) {
      now_ += std::min<int64_t>(left, 50);
      loop_.turn(false);
    }
  }
  void requests(uint32_t n) { state_->inflight = n + state_->tunnels; }
  void tunnels(uint32_t n) {
    const uint32_t in_flight = DrainJob::requests_in_flight(*state_);
    state_->tunnels = n;
    state_->inflight = in_flight + n;
  }

  MonoMs now_ = 1'000'000;
  io::Loop loop_{&now_};
  std::shared_ptr<policy::PeerState> state_ = std::make_shared<policy::PeerState>(policy::PassiveOptions{});
  int closed_ = 0;
  std::string done_;
};

TEST_F(DrainJobTest, waits_for_requests_and_then_closes_websockets) {
  requests(2);
  tunnels(3);
  const auto job = begin();
  pass(5'000);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kFinishing);
  EXPECT_EQ(job->requests_left(), 2u);
  requests(1);
  pass(1'000);
  EXPECT_EQ(closed_, 0);
  requests(0);
  pass(200);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kClosing);
  tunnels(1);
  pass(4'000);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kClosing);
  EXPECT_EQ(job->tunnels_closed(), 2u);
  tunnels(0);
  pass(200);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kDone);
  EXPECT_EQ(closed_, 1);
  EXPECT_TRUE(done_.ends_with(": 2 requests finished, 3 WebSockets closed")) << done_;
  EXPECT_TRUE(done_.starts_with("drained in 10.")) << done_;
}

TEST_F(DrainJobTest, an_idle_peer_is_drained_soon) {
  const auto job = begin();
  pass(500);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kDone);
  EXPECT_TRUE(done_.ends_with("0 requests finished, 0 WebSockets closed")) << done_;
}

TEST_F(DrainJobTest, counts_bound_requests_that_arrive_during_the_drain) {
  requests(1);
  const auto job = begin();
  state_->stats.requests += 5;
  requests(0);
  pass(500);
  EXPECT_EQ(job->requests_finished(), 6u);
}

TEST_F(DrainJobTest, continues_after_its_wait_and_reports_unfinished_requests) {
  requests(1);
  tunnels(1);
  DrainOptions options;
  options.wait = Millis(1'000);
  const auto job = begin(options);
  pass(900);
  EXPECT_EQ(closed_, 0);
  pass(300);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(job->overdue(), 1u);
  tunnels(0);
  pass(300);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kDone);
  EXPECT_TRUE(done_.ends_with("; 1 request did not finish in time")) << done_;
}

TEST_F(DrainJobTest, gives_up_on_websockets_that_stay_open) {
  tunnels(2);
  DrainOptions options;
  options.spread = Millis(1'000);
  const auto job = begin(options);
  pass(6'000);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kClosing);
  pass(400);
  EXPECT_EQ(job->phase(), DrainJob::Phase::kDone);
  EXPECT_TRUE(done_.ends_with("; 2 WebSockets left")) << done_;
}

TEST_F(DrainJobTest, stops_when_destroyed) {
  requests(1);
  auto job = begin();
  pass(300);
  job.reset();
  requests(0);
  pass(1'000);
  EXPECT_EQ(closed_, 0);
  EXPECT_EQ(done_, "");
  EXPECT_EQ(loop_.armed(), 0u);
}

TEST_F(DrainJobTest, may_be_destroyed_when_it_is_over) {
  std::unique_ptr<DrainJob> job;
  job = std::make_unique<DrainJob>(loop_, state_, DrainOptions{},
                                   DrainJob::Hooks{[](DrainJob&) {}, [&job](DrainJob&) { job.reset(); }});
  pass(1'000);
  EXPECT_EQ(job, nullptr);
}

}  // namespace
}  // namespace weir::admin
