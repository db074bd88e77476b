// The pid file: when it appears, whom it refuses, what it leaves.
#include "process/pid_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::HasSubstr;

TEST(PidFile, appears_only_when_published) {
  const TempDir dir;
  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  EXPECT_FALSE(dir.exists("weir.pid"));
  ASSERT_TRUE(file.publish());
  EXPECT_EQ(dir.read("weir.pid"), std::to_string(::getpid()) + "\n");
  EXPECT_EQ(dir.files(), 1U);
}

TEST(PidFile, is_removed_at_the_end) {
  const TempDir dir;
  {
    PidFile file(dir / "weir.pid");
    ASSERT_TRUE(file.prepare());
    ASSERT_TRUE(file.publish());
  }
  EXPECT_EQ(dir.files(), 0U);
}

TEST(PidFile, leaves_nothing_when_it_was_never_published) {
  const TempDir dir;
  {
    PidFile file(dir / "weir.pid");
    ASSERT_TRUE(file.prepare());
  }
  EXPECT_EQ(dir.files(), 0U);
}

TEST(PidFile, refuses_while_another_instance_holds_the_lock) {
  const TempDir dir;
  PidFile first(dir / "weir.pid");
  ASSERT_TRUE(first.prepare());
  ASSERT_TRUE(first.publish());
  PidFile second(dir / "weir.pid");
  const Status<> refused = second.prepare();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            "another instance runs (pid " + std::to_string(::getpid()) + "): " + (dir / "weir.pid") + " is locked");
  EXPECT_EQ(dir.files(), 1U);
}

TEST(PidFile, replaces_a_stale_one) {
  const TempDir dir;
  dir.write("weir.pid", "999999\n");
  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  EXPECT_EQ(dir.read("weir.pid"), "999999\n");
  ASSERT_TRUE(file.publish());
  EXPECT_EQ(dir.read("weir.pid"), std::to_string(::getpid()) + "\n");
}

TEST(PidFile, admits_a_single_start_over_a_stale_file) {
  const TempDir dir;
  dir.write("weir.pid", "999999\n");
  PidFile first(dir / "weir.pid"), second(dir / "weir.pid");
  ASSERT_TRUE(first.prepare());
  EXPECT_FALSE(second.prepare());
  EXPECT_TRUE(first.publish());
}

TEST(PidFile, admits_a_single_start_without_a_file) {
  const TempDir dir;
  PidFile first(dir / "weir.pid");
  ASSERT_TRUE(first.prepare());
  {
    PidFile second(dir / "weir.pid");
    ASSERT_TRUE(second.prepare());
    ASSERT_TRUE(second.publish());
    const Status<> refused = first.publish();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error(), HasSubstr("another instance runs"));
  }
}

TEST(PidFile, does_not_remove_a_file_that_is_not_its_own) {
  const TempDir dir;
  {
    PidFile file(dir / "weir.pid");
    ASSERT_TRUE(file.prepare());
    ASSERT_TRUE(file.publish());
    ASSERT_EQ(::unlink((dir / "weir.pid").c_str()), 0);
    dir.write("weir.pid", "1\n");
  }
  EXPECT_EQ(dir.read("weir.pid"), "1\n");
}

TEST(PidFile, reports_why_it_cannot_be_created) {
  PidFile file("/nonexistent/weir.pid");
  const Status<> refused = file.prepare();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("failed (2: No such file or directory)"));
}

TEST(PidFile, running_instance_differs_from_a_stale_file) {
  const TempDir dir;
  dir.write("stale.pid", "4711\n");
  const Result<RunningInstance> stale = read_pid_file(dir / "stale.pid");
  ASSERT_TRUE(stale);
  EXPECT_EQ(stale->pid, 4711);
  EXPECT_FALSE(stale->alive);

  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  ASSERT_TRUE(file.publish());
  const Result<RunningInstance> running = read_pid_file(dir / "weir.pid");
  ASSERT_TRUE(running);
  EXPECT_EQ(running->pid, ::getpid());
  EXPECT_TRUE(running->alive);
}

TEST(PidFile, only_the_lock_holder_may_be_signalled) {
  const TempDir dir;
  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  ASSERT_TRUE(file.publish());
  EXPECT_TRUE(check_is_weir(*read_pid_file(dir / "weir.pid")));
  RunningInstance other;
  other.pid = 1;
  other.alive = true;
  other.holder = ::getpid();
  const Status<> refused = check_is_weir(other);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("names process 1, but process " + std::to_string(::getpid())));
}

TEST(PidFile, other_program_is_not_weir) {
  RunningInstance parent;
  parent.pid = ::getppid();
  parent.alive = true;
  const Status<> refused = check_is_weir(parent);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("is not weir"));
}

TEST(PidFile, outcome_of_a_signalled_reload_stands_behind_the_number) {
  const TempDir dir;
  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  ASSERT_TRUE(file.publish());
  auto last = read_signalled_reload(dir / "weir.pid");
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->failed);
  for (const bool ok : {true, true, false, false, true}) {
    file.note_reload(ok);
    const auto next = read_signalled_reload(dir / "weir.pid");
    ASSERT_TRUE(next);
    EXPECT_NE(*next, *last);
    EXPECT_EQ(next->failed, !ok);
    EXPECT_EQ(read_pid_file(dir / "weir.pid")->pid, ::getpid());
    last = next;
  }
  EXPECT_FALSE(read_signalled_reload(dir / "none.pid"));
}

TEST(PidFile, removed_file_is_restored) {
  const TempDir dir;
  {
    PidFile file(dir / "weir.pid");
    ASSERT_TRUE(file.prepare());
    ASSERT_TRUE(file.publish());
    EXPECT_TRUE(file.restore()) << "nothing to do";
    std::filesystem::remove(dir / "weir.pid");
    ASSERT_TRUE(file.restore());
    EXPECT_EQ(dir.read("weir.pid"), std::to_string(::getpid()) + "\n");
    EXPECT_TRUE(read_pid_file(dir / "weir.pid")->alive) << "locked as before";
    EXPECT_EQ(dir.files(), 1U);
  }
  EXPECT_EQ(dir.files(), 0U);
}

TEST(PidFile, file_of_another_process_is_not_replaced) {
  const TempDir dir;
  PidFile file(dir / "weir.pid");
  ASSERT_TRUE(file.prepare());
  ASSERT_TRUE(file.publish());
  std::filesystem::remove(dir / "weir.pid");
  dir.write("weir.pid", "4711\n");
  EXPECT_FALSE(file.restore());
  EXPECT_EQ(dir.read("weir.pid"), "4711\n");
}

TEST(PidFile, content_without_a_number_is_an_error) {
  const TempDir dir;
  dir.write("weir.pid", "none\n");
  EXPECT_FALSE(read_pid_file(dir / "weir.pid"));
  for (const char* text : {"", "\n", "0", "-1", "2147483648", "99999999999999999999", "12x", "x12", "1 2", "0x10"}) {
    dir.write("weir.pid", text);
    EXPECT_FALSE(read_pid_file(dir / "weir.pid")) << '"' << text << '"';
  }
  dir.write("weir.pid", "2147483647\r\n");
  EXPECT_EQ(read_pid_file(dir / "weir.pid")->pid, 2147483647);
  const Result<RunningInstance> missing = read_pid_file(dir / "missing.pid");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error(), HasSubstr("(2: No such file or directory)"));
}

TEST(PidFile, goes_to_a_successor_with_its_lock) {
  const TempDir dir;
  const std::string path = dir / "weir.pid";
  auto before = std::make_unique<PidFile>(path);
  ASSERT_TRUE(before->prepare());
  ASSERT_TRUE(before->publish());
  before->note_reload(true);  // a longer text
  PidFile after(path);
  ASSERT_TRUE(after.inherit(before->duplicate()));
  EXPECT_TRUE(read_pid_file(path)->alive);
  ASSERT_TRUE(after.publish());
  before->hand_over();
  before->note_reload(false);  // not its file any more
  before.reset();
  EXPECT_EQ(dir.read("weir.pid"), std::to_string(::getpid()) + "\n");
  const auto running = read_pid_file(path);
  ASSERT_TRUE(running);
  EXPECT_TRUE(running->alive) << "the lock is held all the time";
  EXPECT_TRUE(running->holder == 0 || running->holder == ::getpid());
  EXPECT_TRUE(after.restore());
}

TEST(PidFile, stays_when_the_successor_comes_to_nothing) {
  const TempDir dir;
  const std::string path = dir / "weir.pid";
  PidFile before(path);
  ASSERT_TRUE(before.prepare());
  ASSERT_TRUE(before.publish());
  {
    PidFile after(path);
    ASSERT_TRUE(after.inherit(before.duplicate()));
  }
  EXPECT_TRUE(read_pid_file(path)->alive);
  dir.write("weir.pid", "1\n");
  before.reclaim();
  EXPECT_EQ(dir.read("weir.pid"), std::to_string(::getpid()) + "\n");
}

TEST(PidFile, replaced_file_is_not_inherited) {
  const TempDir dir;
  const std::string path = dir / "weir.pid";
  PidFile before(path);
  ASSERT_TRUE(before.prepare());
  ASSERT_TRUE(before.publish());
  std::filesystem::remove(path);
  PidFile after(path);
  EXPECT_FALSE(after.inherit(before.duplicate()));
  EXPECT_TRUE(after.prepare());
}

}  // namespace
}  // namespace weir::process
