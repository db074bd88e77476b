// Work off the loop, files found and read, links.
#include "io/file_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "io/loop_impl.h"
#include "unit/io/harness.h"
#include "unit/temp_dir.h"

namespace weir::io {
namespace {

using Want = FileReader::Want;

class Count final : public OffLoop::Work {
 public:
  explicit Count(std::atomic<int>& runs) : runs_(runs) {}
  void run() override { ++runs_; }

 private:
  std::atomic<int>& runs_;
};

struct Recorder final : OffLoop::Handler, FileReader::Handler {
  void on_work_done(std::unique_ptr<OffLoop::Work>) override { ++works; }
  void on_file_ready() override { ++files; }
  int works = 0;
  int files = 0;
};

TEST(OffLoop, work_runs_once_and_comes_back) {
  Loop loop;
  Recorder told;
  std::atomic<int> runs{0};
  OffLoop off(loop, told);
  off.start(std::make_unique<Count>(runs));
  EXPECT_TRUE(off.is_busy());
  EXPECT_EQ(told.works, 0);
  ASSERT_TRUE(test::until(loop, [&] { return told.works == 1; }));
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(off.is_busy());
}

TEST(OffLoop, cancelled_work_never_comes_back) {
  Recorder told;
  std::atomic<int> runs{0};
  {
    Loop loop;
    OffLoop off(loop, told);
    off.start(std::make_unique<Count>(runs));
    off.cancel();
    EXPECT_FALSE(off.is_busy());
    off.start(std::make_unique<Count>(runs));
  }  // the second is under way when all ends
  EXPECT_EQ(told.works, 0);
  EXPECT_LE(runs, 2);
}

// Each with the kernel's caches first, and without.
class Files : public testing::TestWithParam<bool> {
 protected:
  Files() {
    dir_.write("a.txt", "abcdefgh");
    loop_.impl().caches_patience_us = INT64_MAX;  // a busy machine is no slow file system
  }
  bool find(std::initializer_list<FileReader::Candidate> candidates, const FileReader::Search& search = {}) {
    const int before = told_.files;
    if (!reader_.find({candidates.begin(), candidates.size()}, search)) {
      EXPECT_TRUE(test::until(loop_, [&] { return told_.files == before + 1; }));
    }
    return reader_.found() >= 0;
  }
  std::string read(int64_t offset, size_t most) {
    const int before = told_.files;
    if (!reader_.read(offset, most)) {
      EXPECT_TRUE(test::until(loop_, [&] { return told_.files == before + 1; }));
    }
    return std::string(reader_.bytes());
  }

  TempDir dir_;
  Loop loop_;
  Recorder told_;
  FileReader reader_{loop_, told_, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Caches, Files, testing::Bool());

TEST_P(Files, first_candidate_that_fits_is_found) {
  const std::string file = dir_ / "a.txt", none = dir_ / "none", directory = dir_.path();
  ASSERT_TRUE(find({{none, Want::kFile}, {directory, Want::kFile}, {file, Want::kDirectory}, {file, Want::kFile}},
                   {.read_ahead = 100}));
  EXPECT_EQ(reader_.found(), 3);
  EXPECT_EQ(reader_.path(), file);
  EXPECT_EQ(reader_.facts().kind, FileFacts::Kind::kRegular);
  EXPECT_EQ(reader_.facts().size, 8);
  EXPECT_GT(reader_.facts().modified, 0);
  EXPECT_TRUE(reader_.is_open());
  EXPECT_EQ(reader_.bytes(), "abcdefgh");
  ASSERT_TRUE(find({{directory, Want::kDirectory}}));
  EXPECT_FALSE(reader_.is_open());
}

TEST_P(Files, missing_one_has_an_error) {
  const std::string none = dir_ / "none", below = dir_ / "a.txt/b";
  EXPECT_FALSE(find({{none, Want::kOpened}}));
  EXPECT_EQ(reader_.error(), -ENOENT);
  EXPECT_EQ(reader_.path(), none);
  EXPECT_FALSE(find({{below, Want::kAnything}}));
  EXPECT_EQ(reader_.error(), -ENOTDIR);
  EXPECT_EQ(reader_.facts().kind, FileFacts::Kind::kNothing);
}

TEST_P(Files, parts_are_read_where_they_stand) {
  const std::string file = dir_ / "a.txt";
  ASSERT_TRUE(find({{file, Want::kOpened}}));
  EXPECT_EQ(reader_.bytes(), "");
  EXPECT_EQ(read(2, 3), "cde");
  EXPECT_EQ(reader_.bytes_at(), 2);
  EXPECT_EQ(read(6, 100), "gh");
  EXPECT_EQ(read(8, 100), "");
  EXPECT_EQ(reader_.error(), 0);
}

TEST_P(Files, read_ahead_ends_at_its_limit) {
  const std::string file = dir_ / "a.txt";
  ASSERT_TRUE(find({{file, Want::kOpened}}, {.read_ahead = 3}));
  EXPECT_EQ(reader_.bytes(), "abc");
  reader_.close();
  EXPECT_EQ(reader_.bytes(), "");
  EXPECT_EQ(reader_.found(), -1);
}

TEST_P(Files, larger_file_is_not_read_ahead_from_the_caches) {
  const std::string file = dir_ / "a.txt";
  ASSERT_TRUE(find({{file, Want::kOpened}}, {.read_ahead = 100, .most_read_ahead = 8}));
  EXPECT_EQ(reader_.bytes(), "abcdefgh");
  ASSERT_TRUE(find({{file, Want::kOpened}}, {.read_ahead = 100, .most_read_ahead = 7}));
  EXPECT_TRUE(reader_.is_open());
  EXPECT_EQ(reader_.error(), 0);
  // Where the file system cannot say what is cached, the pool has opened and read it.
  if (reader_.cached(0, 8) > 0) {
    EXPECT_EQ(reader_.bytes(), "");
  }
  EXPECT_EQ(read(0, 100), "abcdefgh");
}

TEST_P(Files, cached_part_ends_with_the_file) {
  const std::string large(300'000, 'l');
  dir_.write("large", large);
  const std::string file = dir_ / "large";
  ASSERT_TRUE(find({{file, Want::kOpened}}));
  EXPECT_GE(reader_.fd(), 0);
  EXPECT_EQ(read(0, 300'000), large);
  char byte = 0;
  const bool is_told = GetParam() && read_file(reader_.fd(), &byte, 1, 0, Reach::kCached) == 1;
  EXPECT_EQ(reader_.cached(0, 1'000'000), is_told ? 300'000U : 0U);
  EXPECT_EQ(reader_.cached(1, 131'072), is_told ? 131'072U : 0U);
  EXPECT_EQ(reader_.cached(299'999, 100), is_told ? 1U : 0U);
  EXPECT_EQ(reader_.cached(300'000, 100), 0U);
  reader_.close();
  EXPECT_EQ(reader_.fd(), -1);
}

TEST_P(Files, fifo_is_opened_without_waiting) {
  const std::string fifo = dir_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_TRUE(find({{fifo, Want::kOpened}}, {.read_ahead = 100}));
  EXPECT_EQ(reader_.facts().kind, FileFacts::Kind::kOther);
  EXPECT_EQ(reader_.bytes(), "");
  EXPECT_FALSE(find({{fifo, Want::kRegular}}));
}

TEST_P(Files, links_are_followed_or_refused) {
  dir_.write("real/b.txt", "b");
  ASSERT_EQ(::symlink("real", (dir_ / "link").c_str()), 0);
  ASSERT_EQ(::symlink("a.txt", (dir_ / "a.link").c_str()), 0);
  const std::string through = dir_ / "link/b.txt", last = dir_ / "a.link", plain = dir_ / "real/b.txt";
  EXPECT_TRUE(find({{through, Want::kOpened}}));
  for (const std::string& path : {through, last}) {
    EXPECT_FALSE(find({{path, Want::kOpened}}, {.links = Links::kRefuse})) << path;
    EXPECT_EQ(reader_.error(), -ELOOP) << path;
    EXPECT_FALSE(find({{path, Want::kAnything}}, {.links = Links::kRefuse})) << path;
    EXPECT_TRUE(find({{path, Want::kOpened}}, {.links = Links::kSameOwner})) << path;
  }
  EXPECT_TRUE(find({{plain, Want::kOpened}}, {.links = Links::kRefuse, .read_ahead = 9}));
  EXPECT_EQ(reader_.bytes(), "b");
  const std::string trusted = dir_ / "link";
  EXPECT_TRUE(find({{through, Want::kOpened}}, {.links = Links::kRefuse, .trusted = trusted.size()}));
  EXPECT_TRUE(find({{dir_.path(), Want::kDirectory}}, {.links = Links::kRefuse}));
}

TEST_P(Files, link_of_another_owner_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string link = dir_ / "a.link";
  ASSERT_EQ(::symlink("a.txt", link.c_str()), 0);
  ASSERT_EQ(::lchown(link.c_str(), 12345, 12345), 0);
  EXPECT_FALSE(find({{link, Want::kOpened}}, {.links = Links::kSameOwner}));
  EXPECT_EQ(reader_.error(), -ELOOP);
}

TEST_P(Files, directory_is_listed_without_hidden_names) {
  dir_.write(".hidden", "");
  dir_.write("sub/x", "");
  ASSERT_EQ(::symlink("nowhere", (dir_ / "broken").c_str()), 0);
  std::vector<DirectoryEntry> entries;
  ASSERT_EQ(list_directory(dir_.path().c_str(), entries), 0);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a.txt");
  EXPECT_EQ(entries[0].facts.size, 8);
  EXPECT_EQ(entries[1].name, "broken");
  EXPECT_EQ(entries[2].facts.kind, FileFacts::Kind::kDirectory);
  EXPECT_EQ(list_directory((dir_ / "none").c_str(), entries), -ENOENT);
}

}  // namespace
}  // namespace weir::io
