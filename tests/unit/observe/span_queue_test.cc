// The queue of spans: its bound, its batches, who is woken.
#include "observe/span_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::observe {
namespace {

std::vector<Span> named(std::initializer_list<const char*> names) {
  std::vector<Span> spans;
  for (const char* name : names) spans.emplace_back().name = name;
  return spans;
}

TEST(SpanQueueTest, full_queue_drops_whole_requests) {
  SpanQueue queue;
  queue.configure(2, 3);
  EXPECT_TRUE(queue.push(named({"a", "b"})));
  EXPECT_FALSE(queue.push(named({"c", "d"})));
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_TRUE(queue.push(named({"e"})));
  EXPECT_EQ(queue.waiting(), 3u);
}

TEST(SpanQueueTest, empty_queue_takes_a_request_beyond_its_bound) {
  SpanQueue queue;
  queue.configure(1, 1);
  EXPECT_TRUE(queue.push(named({"a", "b", "c"})));
  EXPECT_FALSE(queue.push(named({"d"})));
  EXPECT_EQ(queue.dropped(), 1u);
  EXPECT_EQ(queue.take(Millis(0)).front().name, "a");
  EXPECT_FALSE(queue.push(named({"e"}))) << "two wait";
}

TEST(SpanQueueTest, batches_come_in_order) {
  SpanQueue queue;
  queue.configure(2, 10);
  queue.push(named({"a", "b", "c"}));
  const auto first = queue.take(Millis(60'000));  // is due: it does not wait
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].name, "a");
  const auto rest = queue.take_now();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].name, "c");
  EXPECT_TRUE(queue.take_now().empty());
}

TEST(SpanQueueTest, sleeper_is_woken_by_a_batch_and_by_the_end) {
  SpanQueue queue;
  queue.configure(1, 10);
  (void)queue.take(Millis(0));  // configure() has woken it
  std::vector<Span> got;
  std::thread sleeper([&] {
    got = queue.take(Millis(600'000));
    EXPECT_TRUE(queue.take(Millis(600'000)).empty());
  });
  queue.push(named({"a"}));
  queue.end();
  sleeper.join();
  ASSERT_EQ(got.size(), 1u);
}

TEST(SpanQueueTest, queue_without_bound_takes_nothing) {
  SpanQueue queue;
  EXPECT_FALSE(queue.is_on());
  EXPECT_FALSE(queue.push(named({"a"})));
  queue.configure(1, 4);
  EXPECT_TRUE(queue.is_on());
  queue.configure(1, 0);
  EXPECT_FALSE(queue.is_on());
  EXPECT_FALSE(queue.push(named({"b"})));
}

}  // namespace
}  // namespace weir::observe
