// Where root makes what it gives to another user.
#include "base/root_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/temp_dir.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kOther = 65534;

// As the user's own directory: root's tests give it away, those of anybody else have it.
void own(const std::string& path) {
  if (::geteuid() != 0) return;
  ASSERT_EQ(::lchown(path.c_str(), kOther, kOther), 0);
}

struct stat look_at(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

bool is_place(const Result<RootPlace>& place, const std::string& directory) {
  struct stat info {};
  return place && ::fstat(place->directory.get(), &info) == 0 && info.st_ino == look_at(directory).st_ino;
}

TEST(RootPlace, is_found_where_there_is_no_link) {
  const TempDir dir;
  dir.write("a/b/file", "");
  for (const char* path : {"a/b/file", "a//b/./file", "a/../a/b/none", "a/b/file/"})
    EXPECT_TRUE(is_place(find_root_place(dir / path), dir / "a/b")) << path;
  EXPECT_EQ(find_root_place(dir / "a/b/file")->name, "file");
  EXPECT_EQ(find_root_place(dir / "a/b/")->name, "b");
  EXPECT_TRUE(is_place(find_root_place("file"), std::filesystem::current_path()));
}

TEST(RootPlace, missing_directory_is_none) {
  const TempDir dir;
  dir.write("file", "");
  for (const std::string& path : {dir / "none/file", dir / "file/file", dir / "..", std::string("/"), std::string()}) {
    const Result<RootPlace> place = find_root_place(path);
    ASSERT_TRUE(place) << place.error();
    EXPECT_LT(place->directory.get(), 0) << path;
  }
}

TEST(RootPlace, link_in_a_directory_of_another_is_refused) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "elsewhere");
  std::filesystem::create_directories(dir / "logs");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "logs/app");
  own(dir / "logs");  // the link stays root's: its place decides
  const Result<RootPlace> place = find_root_place(dir / "logs/app/file");
  ASSERT_FALSE(place);
  EXPECT_THAT(place.error(), HasSubstr("\"app\""));
}

TEST(RootPlace, link_of_another_is_refused) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "elsewhere");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "app");
  own(dir / "app");
  EXPECT_FALSE(find_root_place(dir / "app/file"));
}

TEST(RootPlace, link_of_roots_is_followed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  std::filesystem::create_directories(dir / "data/log");
  std::filesystem::create_symlink(dir / "data", dir / "absolute");
  std::filesystem::create_symlink("absolute/../data/log", dir / "relative");
  std::filesystem::create_symlink("circle", dir / "circle");
  EXPECT_TRUE(is_place(find_root_place(dir / "absolute/log/file"), dir / "data/log"));
  EXPECT_TRUE(is_place(find_root_place(dir / "relative/file"), dir / "data/log"));
  const Result<RootPlace> circle = find_root_place(dir / "circle/file");
  ASSERT_TRUE(circle);
  EXPECT_LT(circle->directory.get(), 0);
}

TEST(MakeDirectoryFor, makes_it_with_its_parents) {
  const TempDir dir;
  const uid_t uid = ::geteuid() == 0 ? kOther : ::geteuid();
  const gid_t gid = ::geteuid() == 0 ? kOther : ::getegid();
  ASSERT_TRUE(make_directory_for(dir / "a/b/c", uid, gid, MissingParents::kMade));
  EXPECT_EQ(look_at(dir / "a/b/c").st_uid, uid);
  EXPECT_EQ(look_at(dir / "a/b/c").st_mode & 0777U, 0700U);
  EXPECT_EQ(look_at(dir / "a/b").st_uid, ::geteuid());
  ASSERT_TRUE(make_directory_for(dir / "x/y", uid, gid, MissingParents::kLeft));
  EXPECT_FALSE(dir.exists("x"));
}

TEST(MakeDirectoryFor, leaves_to_its_owner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir dir;
  std::filesystem::create_directories(dir / "there");
  std::filesystem::create_directories(dir / "elsewhere");
  std::filesystem::create_directories(dir / "state");
  std::filesystem::create_symlink(dir / "elsewhere", dir / "state/link");
  own(dir / "state");
  EXPECT_TRUE(make_directory_for(dir / "there", kOther, kOther, MissingParents::kMade));
  EXPECT_EQ(look_at(dir / "there").st_uid, 0U);
  EXPECT_FALSE(make_directory_for(dir / "state/link/acme", kOther, kOther, MissingParents::kMade));
  EXPECT_FALSE(dir.exists("elsewhere/acme"));
}

}  // namespace
}  // namespace weir
