// location matching: nginx's documented examples, nesting, and ten thousand locations against a plain search.
#include "route/location_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace weir::route {
namespace {

using enum LocationKind;

std::string error_of(Status<> status) {
  return status ? "" : status.error();
}

class Locations {
 public:
  Locations& add(LocationKind kind, std::string_view pattern, int index, const LocationTable* nested = nullptr) {
    EXPECT_TRUE(table_.add(kind, pattern, index, nested)) << pattern;
    return *this;
  }
  const LocationTable& frozen() {
    table_.freeze();
    return table_;
  }

 private:
  LocationTable table_;
};

// The example of nginx's documentation of `location`.
TEST(LocationTable, nginx_documentation_example) {
  Locations locations;
  locations.add(kExact, "/", 'A').add(kPrefix, "/", 'B').add(kPrefix, "/documents/", 'C');
  locations.add(kPrefixFinal, "/images/", 'D').add(kRegexNoCase, "\\.(gif|jpg|jpeg)$", 'E');
  const LocationTable& table = locations.frozen();
  EXPECT_EQ(table.find("/").index, 'A');
  EXPECT_EQ(table.find("/index.html").index, 'B');
  EXPECT_EQ(table.find("/documents/document.html").index, 'C');
  EXPECT_EQ(table.find("/images/1.gif").index, 'D');
  EXPECT_EQ(table.find("/documents/1.jpg").index, 'E');
  EXPECT_EQ(table.find("/documents/1.JPG").index, 'E');
}

TEST(LocationTable, failed_regex_leaves_no_location) {
  LocationTable inner;
  ASSERT_TRUE(inner.add(kRegex, "^/in/(a+)+$", 5));
  inner.freeze();
  Locations locations;
  locations.add(kPrefix, "/", 1).add(kPrefix, "/in/", 2, &inner).add(kRegex, "^/(a+)+$", 3).add(kRegex, "!", 4);
  const LocationTable& table = locations.frozen();
  const std::string hard = std::string(60, 'a') + "!";
  for (const auto& [path, pattern] : {std::pair("/" + hard, "^/(a+)+$"), std::pair("/in/" + hard, "^/in/(a+)+$")}) {
    const LocationMatch match = table.find(path);
    EXPECT_EQ(match.index, -1) << path;
    ASSERT_NE(match.regex, nullptr) << path;
    EXPECT_EQ(match.regex->pattern(), pattern);
  }
  EXPECT_EQ(table.find("/a!").index, 4);
}

TEST(LocationTable, nothing_matches_in_an_empty_table) {
  LocationTable table;
  table.freeze();
  EXPECT_EQ(table.find("/").index, -1);
  EXPECT_TRUE(table.empty());
}

TEST(LocationTable, nothing_matches_outside_of_the_prefixes) {
  Locations locations;
  locations.add(kPrefix, "/b/", 1).add(kExact, "/c", 2);
  const LocationTable& table = locations.frozen();
  for (const char* path : {"/", "/a", "/b", "/bb", "/cc", "/c/", "*", ""})
    EXPECT_EQ(table.find(path).index, -1) << path;
  EXPECT_EQ(table.find("/b/").index, 1);
  EXPECT_EQ(table.find("/c").index, 2);
}

TEST(LocationTable, prefixes_are_strings_not_segments) {
  Locations locations;
  locations.add(kPrefix, "/app", 1).add(kPrefix, "/", 0);
  EXPECT_EQ(locations.frozen().find("/apple").index, 1);
}

TEST(LocationTable, longest_prefix_wins_behind_later_neighbours) {
  Locations locations;
  locations.add(kPrefix, "/", 0).add(kPrefix, "/a", 1).add(kPrefix, "/a/b", 2).add(kPrefix, "/a/b/c/d", 3);
  locations.add(kPrefix, "/a/b/c/x", 4).add(kExact, "/a/b/c", 5);
  const LocationTable& table = locations.frozen();
  EXPECT_EQ(table.find("/a/b/c/zzz").index, 2);
  EXPECT_EQ(table.find("/a/b/c").index, 5);
  EXPECT_EQ(table.find("/a/b/c/").index, 2);
  EXPECT_EQ(table.find("/a/b/c/d").index, 3);
  EXPECT_EQ(table.find("/a/b").index, 2);
  EXPECT_EQ(table.find("/a/").index, 1);
  EXPECT_EQ(table.find("/b").index, 0);
}

TEST(LocationTable, prefixes_know_case) {
  Locations locations;
  locations.add(kPrefix, "/App", 1);
  EXPECT_EQ(locations.frozen().find("/app").index, -1);
}

TEST(LocationTable, regexes_are_tried_in_order_and_give_captures) {
  Locations locations;
  locations.add(kPrefix, "/", 0).add(kRegex, "^/u/(?<id>\\d+)", 1).add(kRegex, "^/u/", 2).add(kRegex, "\\.PHP$", 3);
  const LocationTable& table = locations.frozen();
  RegexMatch captures;
  const LocationMatch first = table.find("/u/42/x", &captures);
  EXPECT_EQ(first.index, 1);
  ASSERT_NE(first.regex, nullptr);
  EXPECT_EQ(captures.count, 2);
  EXPECT_EQ(captures.group[1], "42");
  EXPECT_EQ(table.find("/u/x").index, 2);
  EXPECT_EQ(table.find("/x.php").index, 0);
  EXPECT_EQ(table.find("/x.php").regex, nullptr);
}

TEST(LocationTable, final_prefix_skips_regexes_only_when_longest) {
  Locations locations;
  locations.add(kPrefixFinal, "/static/", 1).add(kPrefix, "/static/app/", 2).add(kRegex, "\\.js$", 3);
  const LocationTable& table = locations.frozen();
  EXPECT_EQ(table.find("/static/a.js").index, 1);
  EXPECT_EQ(table.find("/static/app/a.js").index, 3);
}

TEST(LocationTable, refuses_duplicates_and_bad_regexes) {
  LocationTable table;
  ASSERT_TRUE(table.add(kPrefix, "/a", 1));
  ASSERT_TRUE(table.add(kExact, "/a", 2));
  ASSERT_TRUE(table.add(kNamed, "@x", 3));
  EXPECT_EQ(error_of(table.add(kPrefix, "/a", 4)), "duplicate location \"/a\"");
  EXPECT_EQ(error_of(table.add(kPrefixFinal, "/a", 4)), "duplicate location \"/a\"");
  EXPECT_EQ(error_of(table.add(kExact, "/a", 4)), "duplicate location \"/a\"");
  EXPECT_EQ(error_of(table.add(kNamed, "@x", 4)), "duplicate location \"@x\"");
  EXPECT_TRUE(error_of(table.add(kRegex, "(", 4)).starts_with("invalid regex in location \"(\": "));
  table.freeze();
  EXPECT_EQ(table.find("/a").index, 2);
  EXPECT_EQ(table.find("/ab").index, 1);
}

TEST(LocationTable, named_locations_are_found_by_name_only) {
  Locations locations;
  locations.add(kNamed, "@fallback", 7);
  const LocationTable& table = locations.frozen();
  EXPECT_EQ(table.find_named("@fallback"), 7);
  EXPECT_EQ(table.find_named("@other"), -1);
  EXPECT_EQ(table.find("@fallback").index, -1);
}

TEST(LocationTable, nested_location_refines_its_parent) {
  Locations inner;
  inner.add(kPrefix, "/a/b/", 11).add(kExact, "/a/x", 12);
  Locations outer;
  outer.add(kPrefix, "/a/", 1, &inner.frozen()).add(kPrefix, "/", 0);
  const LocationTable& table = outer.frozen();
  EXPECT_EQ(table.find("/a/b/c").index, 11);
  EXPECT_EQ(table.find("/a/x").index, 12);
  EXPECT_EQ(table.find("/a/y").index, 1);
  EXPECT_EQ(table.find("/b/").index, 0);
}

TEST(LocationTable, nested_regexes_come_before_outer_ones) {
  Locations inner;
  inner.add(kRegex, "\\.js$", 11);
  Locations outer;
  outer.add(kRegex, "\\.(js|css)$", 2).add(kPrefix, "/a/", 1, &inner.frozen());
  const LocationTable& table = outer.frozen();
  EXPECT_EQ(table.find("/a/x.js").index, 11);
  EXPECT_EQ(table.find("/a/x.css").index, 2);
  EXPECT_EQ(table.find("/x.js").index, 2);
}

TEST(LocationTable, outer_regex_beats_nested_prefix_of_a_plain_parent) {
  Locations inner;
  inner.add(kPrefixFinal, "/a/b/", 11);
  const LocationTable& nested = inner.frozen();
  Locations plain;
  plain.add(kRegex, "\\.js$", 2).add(kPrefix, "/a/", 1, &nested);
  EXPECT_EQ(plain.frozen().find("/a/b/x.js").index, 2);
  Locations final_parent;
  final_parent.add(kRegex, "\\.js$", 2).add(kPrefixFinal, "/a/", 1, &nested);
  EXPECT_EQ(final_parent.frozen().find("/a/b/x.js").index, 11);
}

TEST(LocationTable, nested_regex_replaces_captures_and_nested_prefix_keeps_them) {
  Locations inner;
  inner.add(kPrefix, "/u/1/", 11).add(kRegex, "([a-z]+)\\.png$", 12);
  Locations outer;
  outer.add(kRegex, "^/u/(\\d+)/", 1, &inner.frozen());
  const LocationTable& table = outer.frozen();
  RegexMatch captures;
  const LocationMatch prefix = table.find("/u/1/x", &captures);
  EXPECT_EQ(prefix.index, 11);
  EXPECT_EQ(captures.group[1], "1");
  const LocationMatch regex = table.find("/u/2/cat.png", &captures);
  EXPECT_EQ(regex.index, 12);
  EXPECT_EQ(captures.group[1], "cat");
  const LocationMatch parent = table.find("/u/3/x", &captures);
  EXPECT_EQ(parent.index, 1);
  EXPECT_EQ(captures.group[1], "3");
}

TEST(LocationTable, path_without_the_final_slash_is_redirected) {
  LocationTable table;
  ASSERT_TRUE(table.add(kPrefix, "/", 0));
  ASSERT_TRUE(table.add(kPrefix, "/user/", 1, nullptr, true));
  ASSERT_TRUE(table.add(kPrefix, "/both/", 2, nullptr, true));
  ASSERT_TRUE(table.add(kPrefix, "/both", 3));
  ASSERT_TRUE(table.add(kPrefix, "/exact/", 4, nullptr, true));
  ASSERT_TRUE(table.add(kExact, "/exact", 5));
  ASSERT_TRUE(table.add(kRegex, "^/user", 6));
  ASSERT_TRUE(table.add(kPrefix, "/plain/", 7));
  table.freeze();
  EXPECT_EQ(table.find("/user").index, 1);
  EXPECT_TRUE(table.find("/user").add_slash);
  EXPECT_EQ(table.find("/user/").index, 6);
  EXPECT_FALSE(table.find("/user/").add_slash);
  EXPECT_EQ(table.find("/users").index, 6);
  EXPECT_EQ(table.find("/both").index, 3);
  EXPECT_EQ(table.find("/exact").index, 5);
  EXPECT_EQ(table.find("/plain").index, 0);
  EXPECT_EQ(table.find("/use").index, 0);
}

TEST(LocationTable, ten_thousand_locations_are_all_found) {
  LocationTable table;
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(table.add(kPrefix, "/svc/" + std::to_string(i) + "/", i));
  table.freeze();
  for (int i = 0; i < 10000; ++i) ASSERT_EQ(table.find("/svc/" + std::to_string(i) + "/x").index, i);
  EXPECT_EQ(table.find("/svc/10000/x").index, -1);
  EXPECT_EQ(table.find("/svc/1").index, -1);
}

// Random prefixes and exact paths, against a search of all of them.
void check_against_linear_search(std::string_view alphabet, uint32_t longest_piece) {
  Rng rng(7);
  const auto random_path = [&](uint32_t most) {
    std::string path = "/";
    for (uint64_t n = rng.below(most); n > 0; --n)
      path.append(1 + rng.below(2) * (longest_piece - 1), alphabet[rng.below(alphabet.size())]);
    return path;
  };
  for (int round = 0; round < 50; ++round) {
    LocationTable table;
    std::vector<std::pair<std::string, int>> prefixes;
    std::vector<std::pair<std::string, int>> exacts;
    for (int i = 0; i < 60; ++i) {
      const std::string path = random_path(14);
      const bool exact = rng.below(3) == 0;
      if (table.add(exact ? kExact : kPrefix, path, i)) (exact ? exacts : prefixes).emplace_back(path, i);
    }
    table.freeze();
    for (int i = 0; i < 400; ++i) {
      const std::string path = random_path(18);
      int expected = -1;
      size_t longest = 0;
      for (const auto& [text, index] : prefixes)
        if (path.starts_with(text) && text.size() > longest) expected = index, longest = text.size();
      for (const auto& [text, index] : exacts)
        if (path == text) expected = index;
      ASSERT_EQ(table.find(path).index, expected) << path;
    }
  }
}

TEST(LocationTable, agrees_with_a_linear_search_over_deep_trees) {
  check_against_linear_search("ab/\xff", 1);
}

TEST(LocationTable, agrees_with_a_linear_search_over_wide_nodes) {
  check_against_linear_search(std::string_view("\0abcdefghijklmnopqrstuvwxyz/\xff", 29), 1);
}

TEST(LocationTable, agrees_with_a_linear_search_over_long_pieces) {
  for (const uint32_t longest : {2, 3, 5, 8, 15, 16, 29, 60}) check_against_linear_search("ab", longest);
}

TEST(LocationTable, path_that_ends_inside_a_label_does_not_match) {
  Locations locations;
  locations.add(kPrefix, "/a-label-that-is-longer-than-a-node-holds/", 1).add(kPrefix, "/", 0);
  const LocationTable& table = locations.frozen();
  const std::string whole = "/a-label-that-is-longer-than-a-node-holds/";
  for (size_t n = 1; n < whole.size(); ++n) {
    EXPECT_EQ(table.find(whole.substr(0, n)).index, 0) << n;
    std::string other = whole + "x";
    other[n] = '#';
    EXPECT_EQ(table.find(other).index, 0) << n;
  }
  EXPECT_EQ(table.find(whole + "x").index, 1);
}

TEST(LocationTable, frozen_twice_is_the_same) {
  Locations locations;
  locations.add(kPrefix, "/a/", 1);
  locations.frozen();
  EXPECT_EQ(locations.frozen().find("/a/b").index, 1);
}

}  // namespace
}  // namespace weir::route
