// The regular expression wrapper: captures, errors that help, and limits that hold.
#include "base/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"

namespace weir {
namespace {

Regex regex(std::string_view pattern, bool ignore_case = false) {
  auto compiled = Regex::compile(pattern, ignore_case);
  EXPECT_TRUE(compiled.has_value()) << pattern;
  return std::move(compiled).value();
}

TEST(Regex, matches_anywhere_unless_anchored) {
  EXPECT_TRUE(regex("b+").matches("abbbc"));
  EXPECT_FALSE(regex("^b+$").matches("abbbc"));
  EXPECT_TRUE(regex("").matches(""));
  EXPECT_TRUE(regex("^$").matches(std::string_view()));
}

TEST(Regex, ignores_case_with_its_flag) {
  EXPECT_TRUE(regex("\\.PHP$", true).matches("/index.php"));
  EXPECT_FALSE(regex("\\.PHP$").matches("/index.php"));
}

TEST(Regex, captures_are_views_into_the_subject) {
  const std::string subject = "/api/v2/users";
  RegexMatch match;
  ASSERT_TRUE(regex("/(v(\\d+))/(x)?").match(subject, &match));
  EXPECT_EQ(match.group[0], "/v2/");
  EXPECT_EQ(match.group[0].data(), subject.data() + 4);
  EXPECT_EQ(match.group[1], "v2");
  EXPECT_EQ(match.group[2], "2");
  EXPECT_EQ(match.count, 3);
}

TEST(Regex, a_match_clears_the_captures_of_the_one_before) {
  const Regex r = regex("(a)?(b)");
  RegexMatch match;
  ASSERT_TRUE(r.match("ab", &match));
  EXPECT_EQ(match.group[1], "a");
  ASSERT_TRUE(r.match("b", &match));
  EXPECT_EQ(match.group[1], "");
  EXPECT_EQ(match.group[2], "b");
}

TEST(Regex, keeps_every_group_of_a_dozen) {
  const Regex r = regex("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)");
  EXPECT_EQ(r.groups(), 12);
  RegexMatch match;
  ASSERT_TRUE(r.match("abcdefghijkl", &match));
  EXPECT_EQ(match.count, 13);
  EXPECT_EQ(match.group[9], "i");
  EXPECT_EQ(match.group[12], "l");
}

TEST(Regex, lists_the_names_of_its_groups) {
  const Regex r = regex("(?<tenant>[a-z]+)/(\\d+)/(?P<app>.*)");
  std::vector<std::pair<std::string, int>> names = r.names();
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0], (std::pair<std::string, int>("app", 3)));
  EXPECT_EQ(names[1], (std::pair<std::string, int>("tenant", 1)));
}

TEST(Regex, an_error_names_the_fault_and_its_offset) {
  const auto broken = Regex::compile("ab(c", false);
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error(), "missing closing parenthesis at offset 4");
  EXPECT_FALSE(Regex::compile("*a", false).has_value());
  EXPECT_FALSE(Regex::compile("a\\C", false).has_value());
}

TEST(Regex, an_exploding_pattern_is_no_match_instead_of_a_stall) {
  const std::string subject(40, 'a');
  EXPECT_FALSE(regex("^(a+)+$").matches(subject + "!"));
  EXPECT_FALSE(regex("^(([a-z])+.)+[A-Z]([a-z])+$").matches(subject));
  EXPECT_FALSE(regex("^(?:(?:a?){30}){30}b").matches(subject));
  EXPECT_TRUE(regex("^a+$").matches(subject)) << "and the next match is as good as ever";
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Regex, failed_match_is_not_taken_for_none) {
  using enum Regex::Outcome;
  const Regex r = regex("^(a+)+$");
  EXPECT_EQ(r.run(std::string(60, 'a') + "!", nullptr), kFailed);
  EXPECT_EQ(r.run("b", nullptr), kNo);
  EXPECT_EQ(r.run("aa", nullptr), kYes);
  EXPECT_EQ(r.pattern(), "^(a+)+$");
}

TEST(Regex, padding_makes_no_match_none) {
  struct Case {
    const char* pattern;
    bool ignore_case;
    const char* subject;
    const char* padding;
  };
  constexpr Case kCases[] = {
      {"^/api/.*/users/.*/keys", false, "/api/x/users/y/keys", "/users/"},
      {"select.*from.*where", false, "a=select+from+where", "&select=from"},
      {"/admin/.*token=.*debug", true, "/admin/?token=debug", "&token=/admin/"},
      {"(bot|spider).*(evil|bad).*x", true, "bot evil x", " bot bad"},
  };
  for (const Case& each : kCases) {
    const Regex r = regex(each.pattern, each.ignore_case);
    for (const int times : {0, 30, 300, 1000})
      EXPECT_NE(r.run(each.subject + repeated(each.padding, times), nullptr), Regex::Outcome::kNo)
          << each.pattern << " with " << times;
  }
}

// Each place that it may begin at takes some ten thousand steps, there are as many.
TEST(Regex, long_subject_has_no_more_work_than_a_short) {
  EXPECT_EQ(regex("a.*b.").run(std::string(8'000, 'a') + "b", nullptr), Regex::Outcome::kFailed);
}

TEST(Regex, captures_are_those_of_a_match_with_many_steps) {
  const std::string subject = "/api/x/users/y/keys" + repeated("/users/", 300);
  RegexMatch match;
  ASSERT_TRUE(regex("^/api/(.*)/users/(?<who>.*)/keys").match(subject, &match));
  ASSERT_EQ(match.count, 3);
  EXPECT_EQ(match.group[0], "/api/x/users/y/keys");
  EXPECT_EQ(match.group[1], "x");
  EXPECT_EQ(match.group[2].data(), subject.data() + 13);
}

TEST(Regex, deep_recursion_is_no_match_instead_of_a_crash) {
  std::string nested(100'000, '(');
  EXPECT_FALSE(regex("^(\\((?1)*\\))$").matches(nested));
}

TEST(Regex, survives_k_that_turns_a_match_around) {
  RegexMatch match;
  const auto r = Regex::compile("(?=ab\\K)", false);  // PCRE2 from 10.38 on refuses it outright
  EXPECT_TRUE(!r.has_value() || !r->match("ab", &match) || match.group[0].empty());
}

TEST(Regex, takes_any_byte) {
  EXPECT_TRUE(regex("\\x00.\\xff").matches(std::string_view("\0a\xff", 3)));
  EXPECT_TRUE(regex("^.$").matches("\x80"));
}

TEST(Regex, is_shared_by_threads) {
  const Regex r = regex("^/(\\d+)$");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&r, t] {
      const std::string subject = "/" + std::to_string(t * 1111);
      for (int i = 0; i < 1000; ++i) {
        RegexMatch match;
        ASSERT_TRUE(r.match(subject, &match));
        ASSERT_EQ(match.group[1], subject.substr(1));
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(Regex, can_be_moved) {
  Regex a = regex("a");
  Regex b = std::move(a);
  EXPECT_TRUE(b.matches("a"));
  b = regex("b");
  EXPECT_TRUE(b.matches("b"));
}

TEST(Regex, named_groups_are_kept_up_to_the_last) {
  std::string pattern;
  std::string subject;
  for (int i = 1; i < RegexMatch::kMost; ++i) {
    pattern += "(?<g" + std::to_string(i) + ">.)";
    subject += static_cast<char>('0' + i);
  }
  const auto kept = Regex::compile(pattern, false);
  ASSERT_TRUE(kept) << kept.error();
  RegexMatch match;
  ASSERT_TRUE(kept->match(subject, &match));
  for (const auto& [name, index] : kept->names())
    EXPECT_EQ(match.group[index], std::string(1, static_cast<char>('0' + index))) << name;
  const auto more = Regex::compile(pattern + "(?<late>.)", false);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error(), "group \"late\" is number 32, no more than 31 are kept");
  EXPECT_TRUE(Regex::compile(pattern + "(.)", false)) << "a group without a name is nobody's loss";
}

TEST(Regex, fixed_beginning_refuses_as_the_pattern_does) {
  struct Case {
    const char* pattern;
    const char* subject;
    bool is;
  };
  // A quantifier takes the character before it back, an alternative all of it.
  constexpr Case kCases[] = {{"^/a/b", "/a/c", false},
                             {"^/a/b", "/a/bc", true},
                             {"^/ab?c", "/ac", true},
                             {"^/ab*", "/a", true},
                             {"^/ab{0,1}c", "/ac", true},
                             {"^/ab+", "/a", false},
                             {"^/ab+", "/abb", true},
                             {"^/a|/b", "/b", true},
                             {"^/a\\.b", "/a.b", true},
                             {"^/a\\.b", "/axb", false},
                             {"^/a\\d", "/a7", true},
                             {"^/(a|b)/", "/b/", true},
                             {"^/a[|]b|c", "c", true},
                             {"^/a[]|(]b|c", "c", true},
                             {"^/a\\||c", "c", true},
                             {"^/a\\Q(\\E|c", "c", true},
                             {"^/a(?x)(#)\n)|c", "c", true},
                             {"^/a(?#()|c", "c", true},
                             {"^/a[[:alpha:]|]", "/a|", true},
                             // PCRE2 skips these: the quantifier is the b's.
                             {"^/ab(?#x)?c", "/ac", true},
                             {"^/ab\\E?c", "/ac", true},
                             {"^/ab\\Q\\E?c", "/ac", true},
                             // None of these brackets is one.
                             {"^/a[[:]b|c[:]", "c:", true},
                             {"^/a\\c[|b", "b", true},
                             {"^/a(*MARK:()|b", "b", true},
                             {"^/a[\\Q]\\E(]|b", "b", true},
                             {"^/a[\\c](]|b", "b", true},
                             {"^/a[\\E](]|b", "b", true},
                             {"^/a{b", "/a{b", true},
                             {"^", "", true},
                             {"^a", "", false},
                             {"^/a$", "/a", true},
                             {"^/a\\/b", "/a/b", true}};
  for (const Case& each : kCases)
    EXPECT_EQ(regex(each.pattern).matches(each.subject), each.is) << each.pattern << " on " << each.subject;
}

// In a group nothing is known of a pattern's beginning.
TEST(Regex, random_patterns_match_as_they_do_in_a_group) {
  Rng rng(20);
  constexpr std::string_view kPattern = "^ab/ab|()[]*?+{}\\\\.$:0QEc#", kSubject = "ab/.0|(c:";
  // What chance alone seldom puts together.
  constexpr std::string_view kPieces[] = {"(?#b)", "\\E?", "\\Q\\E?",   "[[:",   "[:]",
                                          "\\c[",  "\\c]", "(*MARK:()", "[\\E]", "|b"};
  const auto text = [&rng](std::string_view of, size_t most) {
    std::string out;
    for (size_t left = rng.below(most + 1); left > 0; --left) out += of[rng.below(of.size())];
    return out;
  };
  int compared = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern = "^" + text(kPattern, 8);
    if (i % 2 != 0)
      for (size_t left = rng.below(3); left > 0; --left)
        pattern.insert(1 + rng.below(pattern.size()), kPieces[rng.below(std::size(kPieces))]);
    const auto plain = Regex::compile(pattern, false), grouped = Regex::compile("(?:" + pattern + ")", false);
    if (!plain || !grouped) continue;
    for (int j = 0; j < 10; ++j, ++compared) {
      const std::string subject = text(kSubject, 5);
      ASSERT_EQ(plain->matches(subject), grouped->matches(subject)) << pattern << " on " << subject;
    }
  }
  EXPECT_GT(compared, 10'000);
}

}  // namespace
}  // namespace weir
