// nginx's lexer and grammar, and its errors with positions.
#include <gtest/gtest.h>

#include "config_text.h"

namespace weir::config {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  const ReadText read = nginx_text(text);
  EXPECT_EQ(read.errors(), "") << text;
  std::vector<std::string> out;
  if (read.directives.empty()) return out;
  out.push_back(read.directives[0].name);
  for (const Argument& argument : read.directives[0].args) out.push_back(argument.text);
  return out;
}
using Words = std::vector<std::string>;

TEST(NginxReader, splits_a_statement_at_blanks_and_lines) {
  EXPECT_EQ(words_of("listen 80;"), (Words{"listen", "80"}));
  EXPECT_EQ(words_of(" a\tb\r\n  c\n;"), (Words{"a", "b", "c"}));
  EXPECT_EQ(words_of("a;"), (Words{"a"}));
}

TEST(NginxReader, removes_quotes_and_keeps_their_content) {
  EXPECT_EQ(words_of(R"(a "b c;{}#" 'd "e"' "";)"), (Words{"a", "b c;{}#", "d \"e\"", ""}));
  EXPECT_EQ(words_of("a b\"c d'e;"), (Words{"a", "b\"c", "d'e"}));
  EXPECT_EQ(words_of("a \"two\nlines\";"), (Words{"a", "two\nlines"}));
}

TEST(NginxReader, replaces_only_the_escapes_that_nginx_replaces) {
  EXPECT_EQ(words_of(R"(a "\"\'\\\t\r\n\.\d";)"), (Words{"a", "\"'\\\t\r\n\\.\\d"}));
  EXPECT_EQ(words_of(R"(a b\;c d\ e \{;)"), (Words{"a", "b\\;c", "d\\ e", "\\{"}));
  EXPECT_EQ(words_of(R"(location ~ \.php$ {})"), (Words{"location", "~", "\\.php$"}));
}

TEST(NginxReader, a_braced_variable_does_not_begin_a_block) {
  EXPECT_EQ(words_of("a ${b}c x${d};"), (Words{"a", "${b}c", "x${d}"}));
  const ReadText read = nginx_text("a b{ c d; }");
  ASSERT_EQ(read.directives.size(), 1U);
  EXPECT_EQ(read.directives[0].arg(0), "b");
  EXPECT_TRUE(read.directives[0].block.has_value());
}

TEST(NginxReader, comment_begins_only_between_tokens) {
  EXPECT_EQ(words_of("# one\na b#c # two ; {\n d;"), (Words{"a", "b#c", "d"}));
}

TEST(NginxReader, a_closing_bracket_may_follow_a_quote) {
  EXPECT_EQ(words_of("if ($a = \"b\") {}"), (Words{"if", "($a", "=", "b", ")"}));
}

TEST(NginxReader, keeps_position_and_quotes_of_every_token) {
  const ReadText read = nginx_text("http {\r\n  listen \"80\"\n    default_server;\r\n}\n");
  ASSERT_EQ(read.directives.size(), 1U);
  ASSERT_TRUE(read.directives[0].block.has_value());
  const Directive& listen = read.directives[0].block->at(0);
  EXPECT_EQ(listen.at.to_string(), "t.conf:2:3");
  EXPECT_EQ(listen.args[0].at.to_string(), "t.conf:2:10");
  EXPECT_TRUE(listen.args[0].quoted);
  EXPECT_EQ(listen.args[1].at.to_string(), "t.conf:3:5");
  EXPECT_FALSE(listen.args[1].quoted);
}

TEST(NginxReader, accepts_a_byte_order_mark_and_an_empty_file) {
  EXPECT_EQ(words_of("\xef\xbb\xbf"
                     "a b;"),
            (Words{"a", "b"}));
  EXPECT_EQ(nginx_text("").errors(), "");
  EXPECT_EQ(nginx_text("# only a comment").errors(), "");
}

TEST(NginxReader, refuses_a_nul_byte) {
  EXPECT_EQ(nginx_text(std::string("a b;\nc \0 d;", 11)).errors(), "t.conf:2:3: error: the file contains a NUL byte\n");
}

TEST(NginxReader, reports_where_a_semicolon_or_brace_is_missing) {
  EXPECT_EQ(nginx_text("a b").errors(), "t.conf:1:4: error: unexpected end of file, expecting \";\" or \"}\"\n");
  EXPECT_EQ(nginx_text("a {\n b;\n").errors(),
            "t.conf:3:1: error: unexpected end of file, expecting \"}\" for the block \"a\" of line 1\n");
  EXPECT_EQ(nginx_text("a { b c }").errors(), "t.conf:1:9: error: unexpected \"}\", expecting \";\" after \"c\"\n");
}

TEST(NginxReader, reports_the_unexpected_character) {
  EXPECT_EQ(nginx_text("}").errors(), "t.conf:1:1: error: unexpected \"}\"\n");
  EXPECT_EQ(nginx_text("a;;").errors(), "t.conf:1:3: error: unexpected \";\"\n");
  EXPECT_EQ(nginx_text("{ }").errors(), "t.conf:1:1: error: unexpected \"{\"\n");
  EXPECT_EQ(nginx_text("a \"b\"c;").errors(), "t.conf:1:6: error: unexpected \"c\" after a quoted word\n");
}

TEST(NginxReader, unclosed_quote_is_reported_at_its_begin) {
  EXPECT_EQ(nginx_text("a b;\nc \"d;\ne f;\n").errors(),
            "t.conf:2:3: error: unexpected end of file, missing terminating \"\"\" character\n");
  EXPECT_EQ(nginx_text("a 'b;\n" + std::string(5000, 'x')).errors(),
            "t.conf:1:3: error: too long parameter, probably missing terminating \"'\" character\n");
  EXPECT_EQ(nginx_text("a " + std::string(5000, 'x') + ";").errors(),
            "t.conf:1:3: error: too long parameter \"xxxxxxxxxx...\" started\n");
}

TEST(NginxReader, reports_all_errors_of_a_file_and_reads_the_rest) {
  const ReadText read = nginx_text("a { b c }\n}\nd;;\n{ x; }\ne \"f\"g;\nh i;\n");
  EXPECT_EQ(read.diagnostics.errors(), 5U) << read.errors();
  EXPECT_EQ(read.nginx(), "a {\n    b c;\n}\nd;\ne f g;\nh i;\n");
}

TEST(NginxReader, stops_at_blocks_nested_too_deep) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a {";
  EXPECT_NE(nginx_text(text).errors().find("nested more than 64 deep"), std::string::npos);
}

}  // namespace
}  // namespace weir::config
