// What ACME servers answer, and what makes no sense.
#include "acme/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::acme {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Answers, directory_names_its_urls) {
  const auto read = read_directory(
      R"({"newNonce":"https://ca/n","newAccount":"https://ca/a","newOrder":"https://ca/o","x":{"y":[1]},
          "meta":{"termsOfService":"https://ca/terms","externalAccountRequired":true}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->new_nonce, "https://ca/n");
  EXPECT_EQ(read->new_order, "https://ca/o");
  EXPECT_EQ(read->terms, "https://ca/terms");
  EXPECT_TRUE(read->external_account_required);
}

TEST(Answers, nonsense_is_no_directory) {
  for (const char* text :
       {"", "{", "[]", "null", "1", "{}", R"({"newNonce":1,"newAccount":{},"newOrder":[]})",
        R"({"newNonce":"ftp://ca/n","newAccount":"https://ca/a","newOrder":"https://ca/o"})",
        "{\"newNonce\":\"https://ca/\\n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://o\"}"})
    EXPECT_FALSE(read_directory(text)) << text;
}

TEST(Answers, order_is_read_whole) {
  const auto read =
      read_order(R"({"status":"ready","authorizations":["https://ca/1",7,"https://ca/2"],"finalize":"https://ca/f"})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->standing, Standing::kReady);
  EXPECT_THAT(read->authorizations, ElementsAre("https://ca/1", "https://ca/2"));
  EXPECT_EQ(read->certificate, "");
  EXPECT_FALSE(read_order(R"({"status":"odd","finalize":"https://ca/f"})"));
  EXPECT_FALSE(read_order(R"({"status":"ready"})"));
  const auto failed = read_order(
      R"({"status":"invalid","finalize":"https://ca/f","error":{"type":"urn:ietf:params:acme:error:caa","detail":"no"}})");
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->problem.type, "caa");
}

TEST(Answers, authorization_lists_challenges_that_weir_knows) {
  const auto read = read_authorization(
      R"({"status":"pending","identifier":{"type":"dns","value":"A.test"},"challenges":[
          {"type":"dns-01","url":"https://ca/d","token":"abc","status":"pending"},
          {"type":"http-01","url":"https://ca/h","token":"../../etc","status":"pending"},
          {"type":"http-01","url":"https://ca/h","token":"ab_-9","status":"pending"},
          {"type":"tls-alpn-01","url":"https://ca/t","token":"t","status":"invalid",
           "error":{"type":"urn:ietf:params:acme:error:tls","detail":"bad\nline"}}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "a.test");
  ASSERT_EQ(read->challenges.size(), 2U);
  EXPECT_EQ(read->challenges[0].token, "ab_-9");
  EXPECT_EQ(read->challenges[1].kind, ChallengeKind::kTlsAlpn);
  EXPECT_EQ(read->challenges[1].problem.text, "bad?line");
}

TEST(Answers, problem_lists_its_subproblems) {
  const auto read = read_problem(
      R"({"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"some","subproblems":[
          {"identifier":{"value":"a.test"},"detail":"forbidden"}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, "rejectedIdentifier");
  EXPECT_EQ(read->text, "some; a.test: forbidden");
  EXPECT_FALSE(read_problem("<html>"));
  EXPECT_FALSE(read_problem("{}"));
}

TEST(Answers, retry_after_is_seconds_or_a_date) {
  EXPECT_EQ(read_retry_after("", 0), std::nullopt);
  EXPECT_EQ(read_retry_after("soon", 0), std::nullopt);
  EXPECT_EQ(read_retry_after("120", 0), 120);
  EXPECT_EQ(read_retry_after("99999999999999999999999", 0), 7 * 86'400);
  EXPECT_EQ(read_retry_after("-5", 0), std::nullopt);
  EXPECT_EQ(read_retry_after("Thu, 01 Jan 1970 01:00:00 GMT", 600), 3'000);
  EXPECT_EQ(read_retry_after("Thu, 01 Jan 1970 01:00:00 GMT", 7'200), 0);
}

TEST(Answers, token_is_safe_as_a_file_name) {
  EXPECT_TRUE(is_token("abc-_09AZ"));
  for (const char* text : {"", "a/b", "..", "a.b", "a b", "a\n"}) EXPECT_FALSE(is_token(text)) << text;
  EXPECT_FALSE(is_token(std::string(129, 'a')));
}

}  // namespace
}  // namespace weir::acme
