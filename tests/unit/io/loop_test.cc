// Loop: posting, deadlines after the poll, the graveyard, hooks, and an end with everything open.
#include "io/loop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "io/connector.h"
#include "unit/few_descriptors.h"
#include "unit/io/harness.h"

namespace weir::io::test {
namespace {

// Writing to a closed socket is an error value; the process ignores the signal (main does).
const bool kSigpipeIgnored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

struct Ticker final : DeadlineHandler {
  explicit Ticker(Loop& l) : loop(l), deadline(this) {}
  void on_deadline(Deadline&) override {
    fired_at = loop.now();
    if (when_fired) when_fired();
  }
  Loop& loop;
  Deadline deadline;
  MonoMs fired_at = 0;
  std::function<void()> when_fired;
};

struct Corpse final : Buriable {
  explicit Corpse(std::function<void()> fn) : last_words(std::move(fn)) {}
  ~Corpse() override { last_words(); }
  std::function<void()> last_words;
};

TEST(Loop, make_fails_where_no_descriptor_is_left) {
  const Loop first;  // libuv takes a pipe for signals with the first loop of a process, and ends it without one
  for (const int left : {0, 1}) {
    const FewDescriptors few(left);
    const auto loop = Loop::make();
    ASSERT_FALSE(loop) << left;
    EXPECT_EQ(loop.error(), "no event loop (too many open files)") << left;
  }
  const auto loop = Loop::make();
  ASSERT_TRUE(loop);
  bool ran = false;
  (*loop)->post([&] { ran = true; });
  (*loop)->turn(false);
  EXPECT_TRUE(ran);
}

TEST(Loop, runs_posted_functions_in_order) {
  ASSERT_TRUE(kSigpipeIgnored);
  Loop loop;
  std::vector<int> seen;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(loop.post([&seen, i] { seen.push_back(i); }));
  EXPECT_TRUE(seen.empty());
  loop.turn(true);
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Loop, runs_functions_posted_by_posted_functions) {
  Loop loop;
  bool ran = false;
  loop.post([&] { loop.post([&] { ran = true; }); });
  EXPECT_TRUE(until(loop, [&] { return ran; }));
}

TEST(Loop, delivers_posts_of_each_thread_in_order) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  Loop loop;
  std::vector<int> last(kThreads, -1);
  int count = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop.post([&, t, i] {
          ordered = ordered && last[static_cast<size_t>(t)] == i - 1;
          last[static_cast<size_t>(t)] = i;
          if (++count == kThreads * kEach) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kEach);
  EXPECT_TRUE(ordered);
}

TEST(Loop, drops_undelivered_posts_at_its_end) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  {
    Loop loop;
    loop.post([held, &ran] { ran = true; });
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, refuses_posts_once_its_destructor_has_begun) {
  bool refused = false;
  {
    auto loop = std::make_unique<Loop>();
    Loop* raw = loop.get();
    loop->bury(std::make_unique<Corpse>([&refused, raw] { refused = !raw->post([] {}); }));
  }
  EXPECT_TRUE(refused);
}

TEST(Loop, stops_inside_a_callback) {
  Loop loop;
  int turns = 0;
  loop.at_turn_end([&] { ++turns; });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(turns, 1);
}

TEST(Loop, stop_before_run_returns_at_once) {
  Loop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, wakes_for_a_deadline_and_never_early) {
  Loop loop;
  Ticker ticker(loop);
  const MonoMs due = loop.now() + 30;
  loop.arm(ticker.deadline, due);
  EXPECT_TRUE(until(loop, [&] { return ticker.fired_at != 0; }));
  EXPECT_GE(ticker.fired_at, due);
}

TEST(Loop, wakes_for_an_earlier_deadline_armed_after_a_later_one) {
  Loop loop;
  Ticker late(loop);
  Ticker early(loop);
  loop.arm(late.deadline, loop.now() + 60'000);
  loop.turn(false);
  loop.arm(early.deadline, loop.now() + 20);
  EXPECT_TRUE(until(loop, [&] { return early.fired_at != 0; }));
  EXPECT_EQ(late.fired_at, 0);
}

TEST(Loop, does_not_wait_when_a_deadline_is_due) {
  Loop loop;
  Ticker ticker(loop);
  loop.arm(ticker.deadline, loop.now() + 10);
  stall(30);
  EXPECT_TRUE(until(loop, [&] { return ticker.fired_at != 0; }));
}

TEST(Loop, a_deadline_may_be_armed_anew_inside_its_callback) {
  Loop loop;
  Ticker ticker(loop);
  int fired = 0;
  ticker.when_fired = [&] {
    if (++fired < 3) loop.arm(ticker.deadline, loop.now() + 1);
  };
  loop.arm(ticker.deadline, loop.now());
  EXPECT_TRUE(until(loop, [&] { return fired == 3; }));
}

TEST(Loop, reads_sockets_before_it_fires_deadlines) {
  Loop loop;
  auto [ours, theirs] = socket_pair(true);
  auto transport = make_transport(loop, ours.release());
  Recorder recorder;
  transport->set_handler(&recorder);
  transport->want_read(true);
  loop.turn(false);
  Ticker ticker(loop);
  ticker.when_fired = [&] { EXPECT_EQ(recorder.bytes, "just in time"); };
  loop.arm(ticker.deadline, loop.now() + 10);
  theirs.write("just in time");
  stall(40);
  loop.turn(true);
  EXPECT_EQ(recorder.reads, 1);
  EXPECT_NE(ticker.fired_at, 0);
}

TEST(Loop, callbacks_see_fresh_time) {
  Loop loop;
  loop.turn(false);
  const MonoMs before = loop.now();
  MonoMs seen = 0;
  loop.post([&] { seen = loop.now(); });
  stall(30);
  loop.turn(true);
  EXPECT_GE(seen, before + 28);  // libuv's clock may lag by its own tick
  EXPECT_LE(seen, monotonic_ms());
}

TEST(Loop, destroys_the_buried_in_order_after_the_turn) {
  Loop loop;
  std::vector<std::string> order;
  loop.at_turn_end([&] { order.push_back("hook"); });
  loop.post([&] {
    loop.bury(std::make_unique<Corpse>([&] { order.push_back("first"); }));
    loop.bury(std::make_unique<Corpse>([&] { order.push_back("second"); }));
    order.push_back("callback");
  });
  loop.turn(true);
  EXPECT_EQ(order, (std::vector<std::string>{"callback", "hook", "first", "second"}));
}

TEST(Loop, destroys_objects_buried_by_destructors_in_the_turn) {
  Loop loop;
  bool gone = false;
  loop.bury(std::make_unique<Corpse>([&] { loop.bury(std::make_unique<Corpse>([&] { gone = true; })); }));
  loop.turn(false);
  EXPECT_TRUE(gone);
}

TEST(Loop, hook_may_add_a_hook) {
  Loop loop;
  int first = 0;
  int second = 0;
  loop.at_turn_end([&] {
    if (++first == 1) loop.at_turn_end([&] { ++second; });
  });
  loop.turn(false);
  loop.turn(false);
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
}

TEST(Loop, hooks_run_on_when_many_are_added_meanwhile) {
  constexpr int kHooks = 100;
  constexpr int kAdded = 10'000;
  Loop loop;
  int ran = 0, added = 0;
  for (int i = 0; i < kHooks; ++i) {
    loop.at_turn_end([&, i] {
      ++ran;
      for (int k = 0; i == 0 && ran == 1 && k < kAdded; ++k) loop.at_turn_end([&] { ++added; });
    });
  }
  loop.turn(false);
  EXPECT_EQ(ran, kHooks);
  EXPECT_EQ(added, 0);
  loop.turn(false);
  EXPECT_EQ(ran, 2 * kHooks);
  EXPECT_EQ(added, kAdded);
}

TEST(Loop, ends_with_everything_open_and_the_owners_outlive_it) {
  auto loop = std::make_unique<Loop>();
  auto [ours, theirs] = socket_pair(true);
  bound_buffers(ours, theirs);
  Recorder recorder;
  auto transport = make_transport(*loop, ours.release());
  transport->set_handler(&recorder);
  transport->want_read(true);
  const std::string much(4 << 20, 'x');
  EXPECT_EQ(send(*transport, much), 0);
  EXPECT_GT(transport->queued(), 0U);
  loop->turn(false);
  auto listener =
      std::make_unique<Listener>(*loop, *open_listener(loopback(), {}), [](std::unique_ptr<Transport>) { FAIL(); });
  auto connecting = connect(*loop, listener->address(), {}, [](std::unique_ptr<Transport>, ConnectFailure) { FAIL(); });
  const int before = recorder.events();  // some of it may have gone out meanwhile
  loop.reset();
  EXPECT_TRUE(transport->closed());
  EXPECT_EQ(transport->queued(), 0U);
  EXPECT_GT(transport->bytes_sent(), 0U);
  EXPECT_EQ(send(*transport, "late"), -ENOTCONN);
  transport->want_read(true);
  transport->close();
  EXPECT_TRUE(listener->address().empty());
  listener->resume();
  EXPECT_EQ(recorder.events(), before);
}

}  // namespace
}  // namespace weir::io::test
