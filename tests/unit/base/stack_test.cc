// Stacks of this and of other threads.
#include "base/stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

namespace weir::stack {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string described(const void* frame, size_t room = 96) {
  std::string text(room, '\0');
  text.resize(describe(frame, text));
  return text;
}

TEST(Stack, frame_is_a_place_in_its_file) {
  prepare();
  EXPECT_THAT(described(reinterpret_cast<const void*>(&described)), StartsWith("weir+0x"));
  EXPECT_THAT(described(reinterpret_cast<const void*>(&::getpid)), HasSubstr("+0x"));
  EXPECT_EQ(described(reinterpret_cast<const void*>(0x1f)), "?+0x1f");
  EXPECT_EQ(described(nullptr), "?+0x0");
}

TEST(Stack, text_is_cut_where_room_ends) {
  prepare();
  EXPECT_EQ(described(nullptr, 3), "?+0");
  EXPECT_EQ(described(nullptr, 0), "");
}

TEST(Stack, caller_has_frames) {
  std::array<void*, kMostFrames> frames{};
  EXPECT_GT(of_caller(frames), 1);
}

TEST(Stack, stack_of_other_thread_has_frames) {
  std::atomic<pid_t> id{0};
  std::atomic<bool> leave{false};
  std::thread other([&] {
    id = static_cast<pid_t>(::syscall(SYS_gettid));
    while (!leave) ::poll(nullptr, 0, 1);
  });
  while (id == 0) ::poll(nullptr, 0, 1);
  const auto first = of_thread(id, Millis(30'000));
  const auto second = of_thread(id, Millis(30'000));
  leave = true;
  other.join();
  ASSERT_TRUE(first) << first.error();
  ASSERT_TRUE(second) << second.error();
  EXPECT_GT(first->size(), 2U);
  EXPECT_THAT(*first, Each(HasSubstr("+0x")));
}

TEST(Stack, thread_that_has_ended_is_an_error) {
  std::atomic<pid_t> id{0};
  std::thread([&] { id = static_cast<pid_t>(::syscall(SYS_gettid)); }).join();
  // join() returns a little before the kernel has forgotten the thread.
  const std::string known = "/proc/self/task/" + std::to_string(id.load());
  while (::access(known.c_str(), F_OK) == 0) ::poll(nullptr, 0, 1);
  const auto none = of_thread(id, Millis(100));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error(), HasSubstr("tgkill()"));
}

TEST(Stack, blocked_signal_is_an_error_after_a_while) {
  std::atomic<pid_t> id{0};
  std::atomic<bool> leave{false};
  std::thread other([&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    id = static_cast<pid_t>(::syscall(SYS_gettid));
    while (!leave) ::poll(nullptr, 0, 1);
  });
  while (id == 0) ::poll(nullptr, 0, 1);
  const auto none = of_thread(id, Millis(20));
  leave = true;
  other.join();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), "the thread takes no signals");
}

}  // namespace
}  // namespace weir::stack
