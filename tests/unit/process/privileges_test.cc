// What root gives to the user that it becomes.
#include "process/privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534;
const Account kAccount{"nobody", kNobody, kNobody};

uid_t owner_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_uid;
}

TEST(GiveFile, log_is_made_and_given) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  EXPECT_TRUE(give_file(dir / "access.log", kAccount));
  EXPECT_EQ(owner_of(dir / "access.log"), kNobody);
  EXPECT_TRUE(give_file(dir / "none/access.log", kAccount));
  EXPECT_FALSE(dir.exists("none"));
}

TEST(GiveFile, file_behind_a_linked_directory_stays_roots) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  std::filesystem::create_directories(dir / "log");
  dir.write("elsewhere/access.log", "of root's");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "log/app");
  ASSERT_EQ(::lchown((dir / "log/app").c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(::chown((dir / "log").c_str(), kNobody, kNobody), 0);
  const Status<> given = give_file(dir / "log/app/access.log", kAccount);
  ASSERT_FALSE(given);
  EXPECT_THAT(given.error(), HasSubstr("not given to user \"nobody\""));
  EXPECT_EQ(owner_of(dir / "elsewhere/access.log"), 0U);
  ASSERT_EQ(::chown((dir / "elsewhere/access.log").c_str(), kNobody, kNobody), 0);
  EXPECT_TRUE(give_file(dir / "log/app/access.log", kAccount)) << "it is the user's already";
}

}  // namespace
}  // namespace weir::process
