// server_name matching against nginx's documented order, and its hostile ends.
#include "route/host_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::route {
namespace {

HostTable table_of(const std::vector<std::string>& names) {
  HostTable table;
  for (size_t i = 0; i < names.size(); ++i) EXPECT_TRUE(table.add(names[i], static_cast<int>(i))) << names[i];
  return table;
}

std::string error_of(HostTable& table, std::string_view name) {
  auto status = table.add(name, 99);
  return status ? "" : status.error();
}

TEST(HostTable, exact_before_leading_before_trailing_before_regex) {
  const HostTable table = table_of({"~^www\\.", "www.example.*", "*.example.org", "www.example.org"});
  EXPECT_EQ(table.find("www.example.org"), 3);
  EXPECT_EQ(table.find("api.example.org"), 2);
  EXPECT_EQ(table.find("www.example.net"), 1);
  EXPECT_EQ(table.find("www.other.net"), 0);
  EXPECT_EQ(table.find("other.net"), -1);
}

TEST(HostTable, leading_wildcard_matches_one_or_more_labels) {
  const HostTable table = table_of({"*.example.org"});
  EXPECT_EQ(table.find("a.example.org"), 0);
  EXPECT_EQ(table.find("a.b.c.example.org"), 0);
  EXPECT_EQ(table.find("example.org"), -1);
  EXPECT_EQ(table.find("anexample.org"), -1);
}

TEST(HostTable, a_leading_dot_stands_for_the_name_itself_too) {
  const HostTable table = table_of({".example.org"});
  EXPECT_EQ(table.find("example.org"), 0);
  EXPECT_EQ(table.find("a.example.org"), 0);
  EXPECT_EQ(table.find("anexample.org"), -1);
}

TEST(HostTable, the_longest_wildcard_wins_whatever_the_order) {
  const HostTable table = table_of({"*.org", "*.a.example.org", "*.example.org", "mail.*", "mail.eu.*"});
  EXPECT_EQ(table.find("x.a.example.org"), 1);
  EXPECT_EQ(table.find("x.b.example.org"), 2);
  EXPECT_EQ(table.find("a.example.org"), 2);
  EXPECT_EQ(table.find("x.org"), 0);
  EXPECT_EQ(table.find("mail.eu.example.net"), 4);
  EXPECT_EQ(table.find("mail.us.example.net"), 3);
  EXPECT_EQ(table.find("mail.eu"), 3);
  EXPECT_EQ(table.find("mail"), -1);
  EXPECT_EQ(table.find("amail.eu"), -1);
}

TEST(HostTable, the_first_regex_wins_and_gives_its_captures) {
  const HostTable table = table_of({"~^(?<user>[a-z]+)\\.users\\.example$", "~users"});
  RegexMatch match;
  const Regex* regex = nullptr;
  EXPECT_EQ(table.find("bob.users.example", &match, &regex), 0);
  ASSERT_NE(regex, nullptr);
  ASSERT_EQ(regex->names().size(), 1u);
  EXPECT_EQ(regex->names()[0].first, "user");
  EXPECT_EQ(match.group[regex->names()[0].second], "bob");
  EXPECT_EQ(table.find("users", &match, &regex), 1);
  EXPECT_EQ(table.find("other", &match, &regex), -1);
  EXPECT_EQ(regex, nullptr);
}

TEST(HostTable, a_regex_with_capitals_ignores_case) {
  const HostTable table = table_of({"~^WWW\\d+\\."});
  EXPECT_EQ(table.find("www12.example.org"), 0);
}

TEST(HostTable, empty_name_matches_only_requests_without_a_host) {
  const HostTable table = table_of({"", "_", "~.*"});
  EXPECT_EQ(table.find(""), 0);
  EXPECT_EQ(table.find("_"), 1);
  const HostTable without = table_of({"~.*", "a.*"});
  EXPECT_EQ(without.find(""), -1);
}

TEST(HostTable, names_are_lowered) {
  const HostTable table = table_of({"WWW.Example.ORG", "*.Example.ORG", "Mail.*"});
  EXPECT_EQ(table.find("www.example.org"), 0);
  EXPECT_EQ(table.find("a.example.org"), 1);
  EXPECT_EQ(table.find("mail.x"), 2);
}

TEST(HostTable, refuses_names_that_nginx_refuses) {
  HostTable table;
  for (const char* name : {"*", "*.", "*a.example", "a.*.example", "*.example.*", "www.*.", "a*", "a..b", ".", "w*w.x"})
    EXPECT_EQ(error_of(table, name), "invalid server name or wildcard \"" + std::string(name) + "\"");
  EXPECT_EQ(error_of(table, "~"), "empty regex in server name \"~\"");
  EXPECT_TRUE(error_of(table, "~(").starts_with("invalid regex in server name \"~(\": "));
  EXPECT_TRUE(table.empty());
}

TEST(HostTable, the_first_of_two_equal_names_stays) {
  HostTable table = table_of({"a.example", "*.b.example", ".c.example", "m.*"});
  EXPECT_EQ(error_of(table, "A.example"), "conflicting server name \"A.example\"");
  EXPECT_EQ(error_of(table, "*.b.example"), "conflicting server name \"*.b.example\"");
  EXPECT_EQ(error_of(table, ".b.example"), "conflicting server name \".b.example\"");
  EXPECT_EQ(error_of(table, "c.example"), "conflicting server name \"c.example\"");
  EXPECT_EQ(error_of(table, "m.*"), "conflicting server name \"m.*\"");
  EXPECT_EQ(table.find("a.example"), 0);
  EXPECT_EQ(table.find("x.b.example"), 1);
  EXPECT_EQ(table.find("b.example"), -1);  // the refused name left nothing behind
  EXPECT_TRUE(table.add("*.a.example", 7));
  EXPECT_EQ(table.find("x.a.example"), 7);
}

TEST(HostTable, ten_thousand_names_are_all_found) {
  HostTable table;
  for (int i = 0; i < 10000; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(table.add("host" + n + ".example.org", i * 3));
    ASSERT_TRUE(table.add("*.zone" + n + ".example.org", i * 3 + 1));
    ASSERT_TRUE(table.add("mail" + n + ".*", i * 3 + 2));
  }
  for (int i = 0; i < 10000; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_EQ(table.find("host" + n + ".example.org"), i * 3);
    ASSERT_EQ(table.find("a.b.zone" + n + ".example.org"), i * 3 + 1);
    ASSERT_EQ(table.find("mail" + n + ".example.net"), i * 3 + 2);
  }
  EXPECT_EQ(table.find("host10000.example.org"), -1);
}

TEST(HostTable, failed_regex_is_given_beside_no_index) {
  HostTable table;
  ASSERT_TRUE(table.add("~^(a+)+\\.[xy]$", 1));
  ASSERT_TRUE(table.add("~z", 2));
  const Regex* regex = nullptr;
  EXPECT_EQ(table.find(std::string(60, 'a') + ".z", nullptr, &regex), -1);
  ASSERT_NE(regex, nullptr);
  EXPECT_EQ(regex->pattern(), "^(a+)+\\.[xy]$");
  EXPECT_EQ(table.find("b", nullptr, &regex), -1);
  EXPECT_EQ(regex, nullptr);
  EXPECT_EQ(table.find("a.z", nullptr, &regex), 2);
}

TEST(HostTable, host_of_dots_is_not_found) {
  const HostTable table = table_of({"*.example.org", "mail.*", "a.b.c.*"});
  EXPECT_EQ(table.find(std::string(8000, '.')), -1);
  EXPECT_EQ(table.find("."), -1);
  std::string labels;
  for (int i = 0; i < 4000; ++i) labels += "a.";
  EXPECT_EQ(table.find(labels + "example.org"), 0);
  EXPECT_EQ(table.find("mail." + labels), 1);
}

// Every length from nothing up, in tables that grow from one name to many.
TEST(NameTable, finds_each_of_its_names_and_no_other) {
  NameTable table;
  for (int n = 0; n < 300; ++n) {
    const std::string name = n < 100 ? std::string(static_cast<size_t>(n), 'x') : "name-" + std::to_string(n);
    EXPECT_FALSE(table.contains(name));
    ASSERT_TRUE(table.add(name, n));
    EXPECT_FALSE(table.add(name, n + 1));
    for (int i = 0; i <= n; ++i) {
      const std::string known = i < 100 ? std::string(static_cast<size_t>(i), 'x') : "name-" + std::to_string(i);
      ASSERT_EQ(table.find(known), i);
      ASSERT_EQ(table.find(known + "y"), NameTable::kNone);
    }
  }
}

TEST(NameTable, finds_nothing_when_empty) {
  const NameTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_FALSE(table.contains(""));
  EXPECT_FALSE(table.contains("x"));
}

}  // namespace
}  // namespace weir::route
