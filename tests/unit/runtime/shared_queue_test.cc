// The line of requests that wait for a place: who is called, when, and that no place stays empty.
#include "runtime/shared_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "policy/peer.h"

namespace weir::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ticket = std::unique_ptr<policy::WaitQueue::Ticket>;

class SharedQueueTest : public ::testing::Test {
 protected:
  Ticket enter(const std::string& name) {
    return line_.enter([this, name] { calls_.push_back(name); });
  }
  // A line of waiters that have looked once and found nothing.
  Ticket settled(const std::string& name) {
    Ticket ticket = enter(name);
    ticket->pass_on();
    calls_.clear();
    return ticket;
  }
  std::vector<std::string> calls() { return std::exchange(calls_, {}); }

  std::vector<std::string> calls_;
  SharedQueue line_{3};
};

TEST_F(SharedQueueTest, wakes_the_first_in_the_queue) {
  const Ticket a = settled("a"), b = settled("b");
  line_.place_freed();
  EXPECT_THAT(calls(), ElementsAre("a"));
  line_.place_freed();
  EXPECT_THAT(calls(), ElementsAre("b"));
}

TEST_F(SharedQueueTest, refuses_when_full) {
  Ticket a = enter("a"), b = enter("b"), c = enter("c");
  EXPECT_EQ(enter("d"), nullptr);
  b.reset();
  EXPECT_NE(enter("d"), nullptr);
}

TEST_F(SharedQueueTest, counts_waiting_requests) {
  EXPECT_FALSE(line_.has_waiting());
  Ticket a = enter("a"), b = enter("b");
  EXPECT_TRUE(line_.has_waiting());
  EXPECT_EQ(line_.waiting(), 2U);
  a.reset();
  b.reset();
  EXPECT_FALSE(line_.has_waiting());
}

TEST_F(SharedQueueTest, wakes_the_first_for_a_place_freed_before) {
  line_.place_freed();
  const Ticket a = enter("a");
  EXPECT_THAT(calls(), ElementsAre("a"));
  const Ticket b = enter("b");
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, wakes_the_next_after_a_futile_wake_up) {
  const Ticket a = settled("a"), b = settled("b"), c = settled("c");
  line_.place_freed();
  a->pass_on();
  EXPECT_THAT(calls(), ElementsAre("a", "b"));
  b->pass_on();
  EXPECT_THAT(calls(), ElementsAre("c"));
  c->pass_on();
  EXPECT_THAT(calls(), IsEmpty());
  line_.place_freed();
  EXPECT_THAT(calls(), ElementsAre("a"));  // it has kept its place
}

TEST_F(SharedQueueTest, futile_look_wakes_no_other) {
  const Ticket a = enter("a"), b = enter("b");
  a->pass_on();
  EXPECT_THAT(calls(), ElementsAre("a"));
}

TEST_F(SharedQueueTest, wakes_the_next_when_a_woken_request_leaves) {
  Ticket a = settled("a");
  const Ticket b = settled("b"), c = settled("c");
  line_.place_freed();
  a.reset();  // with the place, or without it
  EXPECT_THAT(calls(), ElementsAre("a", "b"));
  b->pass_on();
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, wakes_on_while_places_are_found) {
  Ticket a = settled("a"), b = settled("b"), c = settled("c");
  line_.wake_all();
  EXPECT_THAT(calls(), ElementsAre("a", "b", "c"));
  c->pass_on();
  a.reset();
  EXPECT_THAT(calls(), ElementsAre("c"));
}

TEST_F(SharedQueueTest, leaving_before_a_wake_up_wakes_no_other) {
  const Ticket a = settled("a");
  Ticket b = settled("b");
  b.reset();
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, remembers_a_place_freed_while_all_are_woken) {
  const Ticket a = settled("a");
  line_.place_freed();
  line_.place_freed();
  EXPECT_THAT(calls(), ElementsAre("a"));
  a->pass_on();  // it looked before the second
  EXPECT_THAT(calls(), ElementsAre("a"));
  a->pass_on();
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, gives_a_remembered_place_to_a_newcomer) {
  const Ticket a = settled("a");
  line_.place_freed();
  line_.place_freed();
  const Ticket b = enter("b");
  EXPECT_THAT(calls(), ElementsAre("a", "b"));
}

TEST_F(SharedQueueTest, remembers_no_place_when_empty) {
  Ticket a = settled("a");
  line_.place_freed();
  line_.place_freed();
  a.reset();
  const Ticket b = settled("b"), c = enter("c");
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, wakes_a_looking_request_again_for_a_place) {
  const Ticket a = enter("a"), b = enter("b");
  line_.place_freed();
  EXPECT_THAT(calls(), ElementsAre("a", "a"));
}

TEST_F(SharedQueueTest, wakes_all_when_a_peer_comes_back) {
  const Ticket a = settled("a"), b = settled("b");
  line_.place_freed();
  line_.wake_all();
  EXPECT_THAT(calls(), ElementsAre("a", "a", "b"));
}

TEST_F(SharedQueueTest, never_wakes_a_request_that_left) {
  Ticket a = settled("a");
  a.reset();
  line_.place_freed();
  line_.wake_all();
  EXPECT_THAT(calls(), IsEmpty());
}

TEST_F(SharedQueueTest, shrinks_without_refusing_queued_requests) {
  Ticket a = settled("a"), b = settled("b"), c = settled("c");
  line_.configure(1);
  EXPECT_EQ(line_.waiting(), 3U);
  b.reset();
  c.reset();
  EXPECT_EQ(enter("d"), nullptr);
  line_.configure(2);
  EXPECT_NE(enter("d"), nullptr);
}

TEST(SharedQueue, ticket_may_outlive_it) {
  Ticket ticket;
  {
    SharedQueue line(1);
    ticket = line.enter([] {});
  }
  ticket->pass_on();
  ticket.reset();
}

TEST(SharedQueue, wake_up_may_destroy_a_ticket) {
  SharedQueue line(2);
  auto inner = std::make_shared<Ticket>(line.enter([] {}));
  Ticket outer = line.enter([inner] {});
  inner.reset();
  outer.reset();  // its call held the last of `inner`
  EXPECT_EQ(line.waiting(), 0U);
}

// A worker in small: functions run in order of posting.
class Mailbox {
 public:
  void post(std::function<void()> fn) {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(fn));
    ready_.notify_one();
  }
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return !posted_.empty(); });
      const auto fn = std::move(posted_.front());
      posted_.pop_front();
      if (!fn) return;
      lock.unlock();
      fn();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> posted_;
};

// Requests of one worker over one peer with max_conns=2, each in the manner of an exchange: pick, else line up and pick
// when called. Every seventh gives up when it is called.
class Requests {
 public:
  static constexpr uint32_t kMost = 2;

  Requests(SharedQueue& line, policy::PeerState& peer, std::atomic<int>& open, Mailbox& mailbox)
      : line_(line), peer_(peer), open_(open), mailbox_(mailbox) {}

  void begin(int number) {
    if (!line_.has_waiting() && peer_.acquire(kMost)) return serve();
    auto waiting = std::make_shared<Waiting>();
    waiting->number = number;
    waiting->ticket = line_.enter([this, one = std::weak_ptr<Waiting>(waiting)] {
      mailbox_.post([this, one] {
        if (const auto still = one.lock()) called(*still);
      });
    });
    ASSERT_NE(waiting->ticket, nullptr);
    waiting_.push_back(std::move(waiting));
  }

 private:
  struct Waiting {
    int number = 0;
    Ticket ticket;
  };
  void called(Waiting& waiting) {
    const bool gives_up = waiting.number % 7 == 0;
    const bool served = !gives_up && peer_.acquire(kMost);
    if (!gives_up && !served) return waiting.ticket->pass_on();
    std::erase_if(waiting_, [&](const auto& each) { return each.get() == &waiting; });
    if (served)
      serve();
    else
      ended();
  }
  void serve() {
    EXPECT_LE(peer_.inflight.load(), kMost);
    mailbox_.post([this] {
      peer_.release();
      line_.place_freed();
      ended();
    });
  }
  void ended() {
    if (--open_ == 0) all_ended();
  }
  void all_ended();

  SharedQueue& line_;
  policy::PeerState& peer_;
  std::atomic<int>& open_;
  Mailbox& mailbox_;
  std::vector<std::shared_ptr<Waiting>> waiting_;

 public:
  std::vector<Mailbox*> to_stop;
};

void Requests::all_ended() {
  for (Mailbox* mailbox : to_stop) mailbox->post(nullptr);
}

// It ends only if nobody waits for ever.
TEST(SharedQueue, serves_all_within_max_conns_over_four_workers) {
  constexpr int kWorkers = 4, kEach = 500;
  SharedQueue line(kWorkers * kEach);
  const auto owned = std::make_unique<policy::PeerState>(policy::PassiveOptions{});  // on the heap, as everywhere
  policy::PeerState& peer = *owned;
  std::atomic<int> open{kWorkers * kEach};
  std::vector<std::unique_ptr<Mailbox>> mailboxes;
  std::vector<std::unique_ptr<Requests>> workers;
  for (int i = 0; i < kWorkers; ++i) {
    mailboxes.push_back(std::make_unique<Mailbox>());
    workers.push_back(std::make_unique<Requests>(line, peer, open, *mailboxes.back()));
  }
  for (const auto& worker : workers)
    for (const auto& mailbox : mailboxes) worker->to_stop.push_back(mailbox.get());
  std::vector<std::thread> threads;
  for (int i = 0; i < kWorkers; ++i) {
    Requests& worker = *workers[static_cast<size_t>(i)];
    Mailbox& mailbox = *mailboxes[static_cast<size_t>(i)];
    for (int n = 0; n < kEach; ++n) mailbox.post([&worker, n] { worker.begin(n); });
    threads.emplace_back([&mailbox] { mailbox.run(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(open.load(), 0);
  EXPECT_EQ(peer.inflight.load(), 0U);
  EXPECT_EQ(line.waiting(), 0U);
}

}  // namespace
}  // namespace weir::runtime
