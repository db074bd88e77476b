// normalise_path: what nginx makes of a path, and hostile ones (path confusion).
#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"
#include "route/location_table.h"

namespace weir::route {
namespace {

std::string normal(std::string_view raw) {
  Arena arena;
  return std::string(normalise_path(raw, arena));
}

TEST(NormalisePath, a_clean_path_is_its_own_view) {
  Arena arena;
  const std::string_view raw = "/api/v1/users.json";
  EXPECT_EQ(normalise_path(raw, arena).data(), raw.data());
  EXPECT_EQ(arena.heap_bytes(), 0u);
}

TEST(NormalisePath, empty_path_is_the_root) {
  EXPECT_EQ(normal(""), "/");
}

TEST(NormalisePath, the_asterisk_stays) {
  EXPECT_EQ(normal("*"), "*");
}

TEST(NormalisePath, slashes_are_merged) {
  EXPECT_EQ(normal("//admin"), "/admin");
  EXPECT_EQ(normal("/a///b//"), "/a/b/");
  EXPECT_EQ(normal("/a/%2F/b"), "/a/b");
}

TEST(NormalisePath, dot_segments_are_removed) {
  EXPECT_EQ(normal("/./a/./b/."), "/a/b/");
  EXPECT_EQ(normal("/a/b/../c"), "/a/c");
  EXPECT_EQ(normal("/a/b/.."), "/a/");
  EXPECT_EQ(normal("/a/.."), "/");
  EXPECT_EQ(normal("/a/b/../../c"), "/c");
  EXPECT_EQ(normal("/a//../b"), "/b");
  EXPECT_EQ(normal("/."), "/");
}

TEST(NormalisePath, escapes_are_decoded_before_dots_and_slashes_are_looked_at) {
  EXPECT_EQ(normal("/%61dmin"), "/admin");
  EXPECT_EQ(normal("/x/%2e%2e/admin"), "/admin");
  EXPECT_EQ(normal("/x/%2E./admin"), "/admin");
  EXPECT_EQ(normal("/x%2f..%2Fadmin"), "/admin");
  EXPECT_EQ(normal("/a%20b"), "/a b");
  EXPECT_EQ(normal("/%e4%bd%a0"), "/\xe4\xbd\xa0");
  EXPECT_EQ(normal("/%5c..%5cadmin"), "/\\..\\admin");  // a backslash is no slash
}

TEST(NormalisePath, escapes_are_decoded_once) {
  EXPECT_EQ(normal("/%252e%252e/admin"), "/%2e%2e/admin");
  EXPECT_EQ(normal("/%25"), "/%");
}

TEST(NormalisePath, encoded_question_mark_or_hash_belongs_to_the_path) {
  EXPECT_EQ(normal("/a%3Fb"), "/a?b");
  EXPECT_EQ(normal("/a%23b"), "/a#b");
  EXPECT_EQ(normal("/a/..%3f/b"), "/a/..?/b");
}

TEST(NormalisePath, dots_that_are_no_segment_stay) {
  EXPECT_EQ(normal("/a/..;/admin"), "/a/..;/admin");
  EXPECT_EQ(normal("/.hidden"), "/.hidden");
  EXPECT_EQ(normal("/..."), "/...");
  EXPECT_EQ(normal("/a../b"), "/a../b");
  EXPECT_EQ(normal("/a/..b/c"), "/a/..b/c");
}

TEST(NormalisePath, climbing_above_the_root_is_refused) {
  for (const char* raw : {"/..", "/../", "/../a", "/a/../..", "/a/../../b", "/%2e%2e/", "/%2e%2e%2f", "/./..", "//.."})
    EXPECT_EQ(normal(raw), "") << raw;
}

TEST(NormalisePath, broken_and_null_escapes_are_refused) {
  for (const char* raw : {"/%", "/%4", "/%zz", "/%4g", "/a%00b", "/%%61"}) EXPECT_EQ(normal(raw), "") << raw;
}

TEST(NormalisePath, an_overlong_encoding_of_a_dot_stays_bytes) {
  EXPECT_EQ(normal("/%c0%ae%c0%ae/a"), "/\xc0\xae\xc0\xae/a");
}

// For any path of these pieces: the outcome has no dot segment and no empty one, and is normal already.
TEST(NormalisePath, the_outcome_of_any_mixture_is_normal) {
  const std::string pieces[] = {"/", ".", "..", "a", "%2f", "%2e", "%61", "//"};
  size_t kept = 0;
  for (unsigned n = 0; n < 8u * 8 * 8 * 8 * 8; ++n) {
    std::string raw = "/";
    for (unsigned rest = n, i = 0; i < 5; ++i, rest /= 8) raw += pieces[rest % 8];
    const std::string once = normal(raw);
    if (once.empty()) continue;
    ++kept;
    ASSERT_EQ(once.front(), '/') << raw;
    const std::string framed = once + "/";
    ASSERT_EQ(once.find("//"), std::string::npos) << raw;
    ASSERT_EQ(framed.find("/./"), std::string::npos) << raw;
    ASSERT_EQ(framed.find("/../"), std::string::npos) << raw;
    ASSERT_EQ(normal(once), once) << raw;
  }
  EXPECT_GT(kept, 10000u);
}

// What needs no change is told by a fast look; a '?' behind the path sends the same path through the machine.
TEST(NormalisePath, look_ahead_never_changes_the_verdict) {
  Rng rng(5);
  for (int i = 0; i < 50'000; ++i) {
    std::string path = "/";
    for (uint64_t n = rng.below(70); n > 0; --n) {
      const uint64_t what = rng.below(60);
      path += what == 0   ? '/'
              : what == 1 ? '.'
              : what == 2 ? '%'
              : what < 10 ? '/'
                          : static_cast<char>('a' + what % 26);
    }
    ASSERT_EQ(normal(path), normal(path + "?")) << path;
  }
}

TEST(NormalisePath, finds_changes_at_every_position) {
  for (size_t at = 2; at < 70; ++at) {
    std::string path = "/" + std::string(80, 'x');
    path.replace(at, 3, "%41");
    EXPECT_EQ(normal(path)[at], 'A') << at;
    path.replace(at, 3, "//y");
    EXPECT_EQ(normal(path).substr(at, 2), "/y") << at;
    path.replace(at, 3, "/./");
    EXPECT_EQ(normal(path).substr(at, 2), "/x") << at;
    path.replace(at, 3, "#zz");
    EXPECT_EQ(normal(path).size(), at) << at;
  }
}

}  // namespace
}  // namespace weir::route
