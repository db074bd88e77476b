// map { }: keys, hostnames, regexes with captures, defaults.
#include "route/map.h"

#include <gtest/gtest.h>

#include "unit/route/fake_source.h"

namespace weir::route {
namespace {

Template text(std::string_view source, const VariableNames& names = {}) {
  auto compiled = Template::compile(source, names);
  EXPECT_TRUE(compiled) << source;
  return compiled ? std::move(*compiled) : Template();
}

std::string error_of(Status<> status) {
  return status ? "" : status.error();
}

std::string look(const Map& map, std::string host) {
  FakeSource source;
  source.set(Var::kHost, std::move(host)).set(Var::kScheme, "https").capture(1, "outer");
  Arena arena;
  return std::string(map.lookup(source, arena));
}

TEST(Map, finds_exact_keys_without_case) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("Upgrade", text("yes")));
  ASSERT_TRUE(map.add("", text("none")));
  map.set_default(text("no"));
  EXPECT_EQ(look(map, "upgrade"), "yes");
  EXPECT_EQ(look(map, "UPGRADE"), "yes");
  EXPECT_EQ(look(map, "upgraded"), "no");
  EXPECT_EQ(look(map, ""), "none");
}

TEST(Map, capture_is_that_of_the_regex_that_matches) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("~^(?<Lang>[a-z]{2})\\.", text("1")));
  ASSERT_TRUE(map.add("~x(?<rest>.*)$", text("2")));
  ASSERT_TRUE(map.add("de.exact", text("3")));
  const auto capture = [&](const char* host, const char* name) {
    FakeSource source;
    source.set(Var::kHost, host);
    Arena arena;
    const VariableValue value = map.capture(name, source, arena);
    return value.found ? std::string(value.text) : "-";
  };
  EXPECT_EQ(capture("de.example", "lang"), "de");
  EXPECT_EQ(capture("de.example", "rest"), "-");
  EXPECT_EQ(capture("0x17", "rest"), "17");
  EXPECT_EQ(capture("de.exact", "lang"), "-");
  EXPECT_EQ(capture("", "lang"), "-");
}

TEST(Map, failed_regex_is_named_beside_the_default) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("~^(?<word>(a+)+)$", text("1")));
  ASSERT_TRUE(map.add("~!", text("2")));
  map.set_default(text("none"));
  FakeSource source;
  source.set(Var::kHost, std::string(60, 'a') + "!");
  Arena arena;
  const Regex* failed = nullptr;
  EXPECT_EQ(map.lookup(source, arena, &failed), "none");
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->pattern(), "^(?<word>(a+)+)$");
  failed = nullptr;
  EXPECT_FALSE(map.capture("word", source, arena, &failed).found);
  EXPECT_NE(failed, nullptr);
  failed = nullptr;
  source.set(Var::kHost, "a!");
  EXPECT_EQ(map.lookup(source, arena, &failed), "2");
  EXPECT_EQ(failed, nullptr);
}

TEST(Map, value_without_a_default_is_empty) {
  const Map map(text("$host"), false, false);
  EXPECT_EQ(look(map, "x"), "");
}

TEST(Map, values_are_templates) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("a", text("$scheme://$host")));
  EXPECT_EQ(look(map, "a"), "https://a");
}

TEST(Map, exact_keys_come_before_regexes_and_regexes_in_order) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("~^a", text("first")));
  ASSERT_TRUE(map.add("~b$", text("second")));
  ASSERT_TRUE(map.add("ab", text("exact")));
  ASSERT_TRUE(map.add("~*^C", text("no case")));
  EXPECT_EQ(look(map, "ab"), "exact");
  EXPECT_EQ(look(map, "axb"), "first");
  EXPECT_EQ(look(map, "xb"), "second");
  EXPECT_EQ(look(map, "AX"), "");
  EXPECT_EQ(look(map, "cx"), "no case");
}

TEST(Map, an_empty_value_is_not_given_to_regexes) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("~.*", text("any")));
  EXPECT_EQ(look(map, ""), "");
  EXPECT_EQ(look(map, "x"), "any");
}

TEST(Map, captures_of_its_regex_are_visible_to_the_value) {
  VariableNames names;
  names.declare_capture("year");
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("~^(\\w+)-(?<year>\\d+)$", text("$year/$1/$scheme/$9", names)));
  map.set_default(text("$1"));
  EXPECT_EQ(look(map, "log-2026"), "2026/log/https/");
  EXPECT_EQ(look(map, "none"), "outer");
}

TEST(Map, hostnames_match_as_server_names_do) {
  Map map(text("$host"), true, false);
  ASSERT_TRUE(map.add("a.example.org", text("exact")));
  ASSERT_TRUE(map.add("*.example.org", text("leading")));
  ASSERT_TRUE(map.add(".example.net", text("dot")));
  ASSERT_TRUE(map.add("mail.*", text("trailing")));
  ASSERT_TRUE(map.add("~^www\\d", text("regex")));
  map.set_default(text("default"));
  EXPECT_EQ(look(map, "A.example.org"), "exact");
  EXPECT_EQ(look(map, "a.example.org."), "exact");
  EXPECT_EQ(look(map, "b.example.org"), "leading");
  EXPECT_EQ(look(map, "example.org"), "default");
  EXPECT_EQ(look(map, "example.net"), "dot");
  EXPECT_EQ(look(map, "x.example.net"), "dot");
  EXPECT_EQ(look(map, "mail.x"), "trailing");
  EXPECT_EQ(look(map, "www1.x"), "regex");
}

TEST(Map, stars_are_text_without_hostnames) {
  Map map(text("$host"), false, false);
  ASSERT_TRUE(map.add("*.example.org", text("text")));
  EXPECT_EQ(look(map, "a.example.org"), "");
  EXPECT_EQ(look(map, "*.example.org"), "text");
}

TEST(Map, a_backslash_escapes_the_special_names) {
  for (const bool hostnames : {false, true}) {
    Map map(text("$host"), hostnames, false);
    ASSERT_TRUE(map.add("\\default", text("the word")));
    ASSERT_TRUE(map.add("\\~x", text("tilde")));
    ASSERT_TRUE(map.add("default", text("otherwise")));
    EXPECT_EQ(look(map, "default"), "the word");
    EXPECT_EQ(look(map, "~x"), "tilde");
    EXPECT_EQ(look(map, "x"), "otherwise");
  }
}

TEST(Map, refuses_duplicates_and_bad_patterns) {
  Map map(text("$host"), true, false);
  ASSERT_TRUE(map.add("a", text("1")));
  ASSERT_TRUE(map.add(".b", text("1")));
  ASSERT_TRUE(map.add("default", text("1")));
  EXPECT_EQ(error_of(map.add("A", text("2"))), "conflicting parameter \"A\"");
  EXPECT_EQ(error_of(map.add("b", text("2"))), "conflicting parameter \"b\"");
  EXPECT_EQ(error_of(map.add("*.b", text("2"))), "conflicting parameter \"*.b\"");
  EXPECT_EQ(error_of(map.add("a*b", text("2"))), "invalid hostname or wildcard \"a*b\"");
  EXPECT_EQ(error_of(map.add("default", text("2"))), "duplicate default map parameter");
  EXPECT_EQ(error_of(map.add("~", text("2"))), "empty regex in map parameter \"~\"");
  EXPECT_TRUE(error_of(map.add("~*(", text("2"))).starts_with("invalid regex in map parameter \"~*(\": "));
  EXPECT_EQ(look(map, "a"), "1");
}

TEST(Map, value_may_use_a_second_map) {
  const auto inner = std::make_shared<Map>(text("$host"), false, false);
  ASSERT_TRUE(inner->add("a", text("A")));
  VariableNames names;
  names.declare_map("inner", inner);
  Map through(text("$inner", names), false, false);
  ASSERT_TRUE(through.add("a", text("<$inner$inner>", names)));
  EXPECT_EQ(look(through, "a"), "<AA>");
}

TEST(Map, a_circle_of_maps_ends) {
  VariableNames names;
  const auto one = std::make_shared<Map>(text("$host"), false, false);
  const auto two = std::make_shared<Map>(text("$host"), false, false);
  names.declare_map("one", one);
  names.declare_map("two", two);
  one->set_default(text("1$two$two", names));
  two->set_default(text("2$one$one", names));
  EXPECT_EQ(look(*one, "x"), "122");
  one->set_default(Template());  // else the two keep each other alive
}

}  // namespace
}  // namespace weir::route
