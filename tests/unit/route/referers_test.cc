// valid_referers.
#include "route/referers.h"

#include <gtest/gtest.h>

namespace weir::route {
namespace {

Referers made(const RefererOptions& options, const std::vector<std::string>& own = {}) {
  auto referers = Referers::make(options, own);
  EXPECT_TRUE(referers) << referers.error();
  return std::move(*referers);
}

TEST(Referers, hosts_and_wildcards_are_known) {
  const Referers referers = made({.words = {"example.com", "*.example.org", "mail.*", "with.path/here"}});
  EXPECT_TRUE(referers.is_valid("http://example.com/x"));
  EXPECT_TRUE(referers.is_valid("HTTPS://EXAMPLE.com:8443/x"));
  EXPECT_FALSE(referers.is_valid("http://www.example.com/"));
  EXPECT_TRUE(referers.is_valid("http://www.example.org"));
  EXPECT_TRUE(referers.is_valid("http://mail.anything/"));
  EXPECT_TRUE(referers.is_valid("http://with.path/here/and/there"));
  EXPECT_FALSE(referers.is_valid("http://with.path/there"));
  EXPECT_FALSE(referers.is_valid("http://with.path"));
  EXPECT_FALSE(referers.is_valid("http://other.example/?http://example.com/"));
}

TEST(Referers, missing_and_hidden_referers_have_words_of_their_own) {
  const Referers strict = made({.words = {"example.com"}});
  EXPECT_FALSE(strict.is_valid(std::nullopt));
  EXPECT_FALSE(strict.is_valid("hidden"));
  EXPECT_FALSE(strict.is_valid(""));
  const Referers lenient = made({.words = {"example.com"}, .none = true, .blocked = true});
  EXPECT_TRUE(lenient.is_valid(std::nullopt));
  EXPECT_TRUE(lenient.is_valid("hidden"));
  EXPECT_TRUE(lenient.is_valid("ftp://example.net/"));
  EXPECT_FALSE(lenient.is_valid("http://example.net/"));
}

TEST(Referers, regex_sees_the_address_behind_the_scheme) {
  const Referers referers = made({.words = {"~^(www\\.)?search\\..*/find"}});
  EXPECT_TRUE(referers.is_valid("http://www.SEARCH.example/find?q"));
  EXPECT_FALSE(referers.is_valid("http://search.example/other"));
}

TEST(Referers, names_of_the_server_are_valid_when_asked_for) {
  const std::vector<std::string> own = {"own.example", "", "~^re\\d\\.example$"};
  const Referers referers = made({.words = {"own.example/only"}, .server_names = true}, own);
  EXPECT_TRUE(referers.is_valid("http://re1.example/"));
  EXPECT_FALSE(referers.is_valid("http://own.example/other"));
  EXPECT_TRUE(referers.is_valid("http://own.example/only"));
}

TEST(Referers, wrong_words_are_refused) {
  for (const char* word : {"~(", "/path", "a.*.b", "*", "example.com"})
    EXPECT_FALSE(Referers::make({.words = {"example.com", word}}, {})) << word;
}

TEST(Referers, list_without_hosts_lets_all_pass) {
  EXPECT_TRUE(made({.words = {}, .none = true}).is_valid("http://anywhere.example/"));
}

}  // namespace
}  // namespace weir::route
