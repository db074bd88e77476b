#include "base/start_thread.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "unit/no_threads.h"

namespace weir {
namespace {

// Whether a thread that is begun so is sent SIGHUP.
bool is_sent_signals(Result<std::thread> (*start)(std::function<void()>)) {
  sigset_t blocked;
  sigemptyset(&blocked);
  Result<std::thread> thread = start([&blocked] { pthread_sigmask(SIG_SETMASK, nullptr, &blocked); });
  EXPECT_TRUE(thread) << thread.error();
  thread->join();
  return sigismember(&blocked, SIGHUP) == 0;
}

TEST(StartThread, only_some_threads_are_sent_signals) {
  EXPECT_TRUE(is_sent_signals(start_thread));
  EXPECT_FALSE(is_sent_signals(start_thread_without_signals));
  EXPECT_TRUE(is_sent_signals(start_thread)) << "its maker's mask is as before";
}

TEST(StartThread, want_of_a_thread_is_an_error) {
  const NoThreads none;
  ASSERT_TRUE(none.good());
  for (const auto start : {start_thread, start_thread_without_signals}) {
    bool ran = false;
    const Result<std::thread> thread = start([&ran] { ran = true; });
    ASSERT_FALSE(thread);
    EXPECT_EQ(thread.error().rfind("no thread: ", 0), 0U) << thread.error();
    EXPECT_FALSE(ran);
  }
}

}  // namespace
}  // namespace weir
