// Loops that turn, and one that does not.
#include "runtime/loop_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/stack.h"
#include "io/loop.h"
#include "unit/no_threads.h"

namespace weir::runtime {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Until `done`, or far too long.
bool wait_for(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done() && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
  return done();
}

class LoopWatchTest : public ::testing::Test {
 protected:
  LoopWatchTest() { testing::internal::CaptureStderr(); }
  ~LoopWatchTest() override { (void)log_text(); }
  // Once.
  std::string log_text() { return std::exchange(is_captured_, false) ? testing::internal::GetCapturedStderr() : ""; }
  LoopWatchOptions options(MonoMs stalled) {
    return {.beat = Millis(2), .stalled = Millis(stalled), .stack = Millis(30'000), .all_turned = [this] {
              ++all_turned_;
            }};
  }

  bool is_captured_ = true;
  std::atomic<int> all_turned_{0};
};

// A loop on a thread of its own.
class Turning {
 public:
  Turning(LoopWatch& watch, const char* name)
      : thread_([this, &watch, name] {
          const LoopWatch::Guard guard = watch.watch(name, loop_);
          loop_.run();
        }) {}
  ~Turning() {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  io::Loop& loop() { return loop_; }

 private:
  io::Loop loop_;
  std::thread thread_;
};

TEST_F(LoopWatchTest, beats_are_counted_while_all_loops_turn) {
  LoopWatch watch(options(60'000));
  ASSERT_TRUE(watch.start());
  const Turning one(watch, "one"), other(watch, "other");
  EXPECT_TRUE(wait_for([this] { return all_turned_ >= 10; }));
  EXPECT_EQ(watch.stalls(), 0U);
}

TEST_F(LoopWatchTest, loops_of_one_name_have_one_lag) {
  LoopWatch watch(options(60'000));
  ASSERT_TRUE(watch.start());
  Turning drains(watch, "worker 1"), serves(watch, "worker 1"), other(watch, "worker 0");
  std::atomic<int> turning{0};
  for (Turning* each : {&drains, &serves, &other}) each->loop().post([&turning] { ++turning; });
  ASSERT_TRUE(wait_for([&] { return turning == 3; }));
  std::vector<std::string> names;
  for (const LoopWatch::Lag& lag : watch.lags()) names.push_back(lag.loop);
  EXPECT_THAT(names, UnorderedElementsAre("worker 0", "worker 1"));
}

TEST_F(LoopWatchTest, stalled_loop_is_logged_once_with_its_stack) {
  LoopWatch watch(options(2'000));  // longer than a thread that could run is ever kept waiting
  ASSERT_TRUE(watch.start());
  Turning good(watch, "good"), bad(watch, "bad");
  ASSERT_TRUE(wait_for([this] { return all_turned_ > 0; }));
  std::atomic<bool> inside{false}, leave{false};
  bad.loop().post([&] {
    inside = true;
    while (!leave) ::poll(nullptr, 0, 1);
  });
  ASSERT_TRUE(wait_for([&] { return inside.load(); }));
  ASSERT_TRUE(wait_for([&] { return watch.stalls() > 0; }));
  const int turned = all_turned_;
  // The other loop goes on, and nobody is told that all is well.
  std::atomic<int> answered{0};
  for (int i = 0; i < 20; ++i) {
    good.loop().post([&answered] { ++answered; });
    ASSERT_TRUE(wait_for([&] { return answered > i; }));
    ::poll(nullptr, 0, 2);
  }
  EXPECT_EQ(all_turned_, turned);
  leave = true;
  ASSERT_TRUE(wait_for([&] { return all_turned_ > turned; }));
  const std::string text = log_text();
  EXPECT_THAT(text, HasSubstr("loop of bad: stalled (it has not turned for "));
  EXPECT_THAT(text, ContainsRegex("stack: .*weir\\+0x"));
  EXPECT_THAT(text, HasSubstr("loop of bad: turns again"));
  EXPECT_EQ(text.find("loop of bad: stalled"), text.rfind("loop of bad: stalled"));
}

TEST_F(LoopWatchTest, loop_that_ends_is_no_stall) {
  LoopWatch watch(options(60'000));
  ASSERT_TRUE(watch.start());
  { const Turning gone(watch, "gone"); }
  const int turned = all_turned_;
  EXPECT_TRUE(wait_for([&] { return all_turned_ >= turned + 20; }));
  EXPECT_EQ(watch.stalls(), 0U);
}

TEST_F(LoopWatchTest, want_of_a_thread_is_an_error) {
  LoopWatch watch(options(60'000));
  {
    const NoThreads none;
    ASSERT_TRUE(none.good());
    EXPECT_FALSE(watch.start());
  }
  ASSERT_TRUE(watch.start());
  EXPECT_TRUE(wait_for([this] { return all_turned_ > 0; }));
}

TEST_F(LoopWatchTest, watch_stops_at_once) {
  LoopWatch watch({.beat = Millis(3'600'000), .stalled = Millis(3'600'000)});
  ASSERT_TRUE(watch.start());
  watch.stop();
  watch.stop();
}

}  // namespace
}  // namespace weir::runtime
