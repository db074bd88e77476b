// A database that another one replaces while weir runs.
#include "base/geo_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace weir {
namespace {

// The types of MaxMind's format (MaxMind DB File Format Specification 2.0).
std::string text(const std::string& of) {
  return static_cast<char>(2 << 5 | of.size()) + of;
}
std::string number(int type, uint8_t value) {
  const std::string control =
      type <= 7 ? std::string{static_cast<char>(type << 5 | 1)} : std::string{1, static_cast<char>(type - 7)};
  return control + static_cast<char>(value);
}

// One node, and behind it no network.
std::string database(uint8_t built) {
  constexpr int kUint16 = 5, kUint32 = 6, kUint64 = 9;
  const std::string nothing("\0\0\1", 3);
  std::string out = nothing + nothing + std::string(16, '\0') + "\xab\xcd\xefMaxMind.com";
  out += static_cast<char>(7 << 5 | 9);
  out += text("binary_format_major_version") + number(kUint16, 2);
  out += text("binary_format_minor_version") + number(kUint16, 0);
  out += text("build_epoch") + number(kUint64, built);
  out += text("database_type") + text("Test");
  out += text("description") + static_cast<char>(7 << 5);
  out += text("ip_version") + number(kUint16, 4);
  out += text("languages") + std::string("\0\4", 2);
  out += text("node_count") + number(kUint32, 1);
  out += text("record_size") + number(kUint16, 24);
  return out;
}

class GeoFileTest : public ::testing::Test {
 protected:
  ~GeoFileTest() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  // In one step, as whoever updates databases does it.
  void put(const std::string& content) const {
    std::ofstream(path_ + ".new", std::ios::binary) << content;
    ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }

  std::string directory_ = [] {
    std::string name = ::testing::TempDir() + "weir-geo-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    return name;
  }();
  const std::string path_ = directory_ + "/a.mmdb";
};

// No file can be opened in its scope.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(GeoFileTest, database_that_opens_later_is_taken) {
  put(database(1));
  auto file = GeoFile::open(path_, Millis(1));
  ASSERT_TRUE(file) << file.error();
  put(database(2));
  {
    const NoDescriptors none;
    const auto first = (*file)->refresh();
    EXPECT_FALSE(first) << "it cannot be opened";
    const auto second = (*file)->refresh();
    ASSERT_TRUE(second) << "told again: " << second.error();
    EXPECT_FALSE(*second);
  }
  EXPECT_EQ((*file)->built(), 1U);
  const auto taken = (*file)->refresh();  // nobody has touched the file
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_TRUE(*taken);
  EXPECT_EQ((*file)->built(), 2U);
  const auto again = (*file)->refresh();
  ASSERT_TRUE(again) << again.error();
  EXPECT_FALSE(*again) << "it is in force already";
}

TEST_F(GeoFileTest, every_broken_database_is_one_error) {
  put(database(1));
  auto file = GeoFile::open(path_, Millis(1));
  ASSERT_TRUE(file) << file.error();
  for (const char* broken : {"no database", "none either, and longer"}) {
    put(broken);
    EXPECT_FALSE((*file)->refresh()) << broken;
    const auto again = (*file)->refresh();
    ASSERT_TRUE(again) << again.error();
    EXPECT_FALSE(*again);
  }
  EXPECT_EQ((*file)->built(), 1U);
}

}  // namespace
}  // namespace weir
