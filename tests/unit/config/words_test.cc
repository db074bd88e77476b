// Words: splitting a YAML scalar, and quoting that reads back.
#include "config/words.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "config_text.h"

namespace weir::config {
namespace {

std::vector<std::string> split(std::string_view text) {
  auto words = split_words(text);
  std::vector<std::string> out;
  if (!words) return {"error: " + words.error()};
  for (const Word& word : *words) out.push_back(word.text);
  return out;
}
using Texts = std::vector<std::string>;

TEST(Words, split_like_a_statement) {
  EXPECT_EQ(split(" a  'b c' \"d\\\"e\" f;g{h}#i\\n "), (Texts{"a", "b c", "d\"e", "f;g{h}#i\n"}));
  EXPECT_EQ(split("($a = \"b\")"), (Texts{"($a", "=", "b", ")"}));
  EXPECT_EQ(split("a 'b"), (Texts{"error: missing terminating \"'\" character"}));
  EXPECT_EQ(split("'a'b"), (Texts{"error: unexpected \"b\" after a quoted word"}));
  EXPECT_EQ(split("a\\"), (Texts{"a\\"}));
}

TEST(Words, are_quoted_only_when_needed) {
  EXPECT_EQ(quote_word("/a/b.c?d=$e"), "/a/b.c?d=$e");
  EXPECT_EQ(quote_word("${a}b"), "${a}b");
  EXPECT_EQ(quote_word("\\.php$"), "\\.php$");
  EXPECT_EQ(quote_word(""), "\"\"");
  EXPECT_EQ(quote_word("a b"), "\"a b\"");
  EXPECT_EQ(quote_word("say \"x\""), "'say \"x\"'");
  EXPECT_EQ(quote_word("a\nb"), "\"a\\nb\"");
  EXPECT_EQ(quote_word("^/a{2}$"), "\"^/a{2}$\"");
  EXPECT_EQ(quote_word("a\\nb"), "a\\\\nb");
}

// Any text without NUL survives both writings.
TEST(Words, any_text_round_trips) {
  static constexpr std::string_view kAlphabet = "ab \\\\\\\"'${};#\t\r\nntr)~.\x01\xc3\xa9";
  uint64_t state = 88172645463325252U;
  const auto next = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint64_t n = next() % 9; n > 0; --n) text += kAlphabet[next() % kAlphabet.size()];
    const ReadText read = nginx_text("name " + quote_word(text) + " tail;");
    ASSERT_EQ(read.errors(), "") << quote_word(text);
    ASSERT_EQ(read.directives.at(0).args.size(), 2U) << quote_word(text);
    ASSERT_EQ(read.directives[0].arg(0), text) << quote_word(text);
    ASSERT_EQ(split(quote_yaml_word(text) + " tail"), (Texts{text, "tail"})) << quote_yaml_word(text);
  }
}

}  // namespace
}  // namespace weir::config
