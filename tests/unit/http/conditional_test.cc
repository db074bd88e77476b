// Preconditions of requests.
#include "http/conditional.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::http {
namespace {

constexpr int64_t kTime = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kLater = "Mon, 07 Nov 1994 08:49:37 GMT";

using Fields = std::vector<std::pair<const char*, const char*>>;

RequestHead head_of(const Fields& fields) {
  RequestHead head;
  for (const auto& [name, value] : fields) head.fields.add(name, value, header_token(name), false);
  return head;
}

Precondition check(const Fields& fields, ModifiedSince rule = ModifiedSince::kExact, const char* etag = "\"a\"") {
  return check_preconditions(head_of(fields), {kTime, etag}, rule);
}

TEST(Precondition, holds_when_nothing_is_asked) {
  EXPECT_EQ(check({}), Precondition::kHolds);
  EXPECT_EQ(check({{"If-Modified-Since", "yesterday"}, {"If-Unmodified-Since", "never"}}), Precondition::kHolds);
}

TEST(Precondition, none_match_compares_weakly) {
  for (const char* list : {"\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b,\",\t\"a\"", "*", " , \"a\""})
    EXPECT_EQ(check({{"If-None-Match", list}}), Precondition::kNotModified) << list;
  for (const char* list : {"\"b\"", "a", "\"a", "", "W/a", "\"a, \"", "w/\"a\""})
    EXPECT_EQ(check({{"If-None-Match", list}}), Precondition::kHolds) << list;
  EXPECT_EQ(check({{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}}), Precondition::kNotModified);
}

TEST(Precondition, match_compares_strongly) {
  for (const char* list : {"\"a\"", "\"b\", \"a\"", "*"})
    EXPECT_EQ(check({{"If-Match", list}}), Precondition::kHolds) << list;
  for (const char* list : {"\"b\"", "W/\"a\"", "a", ""})
    EXPECT_EQ(check({{"If-Match", list}}), Precondition::kFailed) << list;
  EXPECT_EQ(check({{"If-Match", "\"a\""}}, ModifiedSince::kExact, ""), Precondition::kFailed);
}

TEST(Precondition, modified_since_follows_the_rule) {
  using enum ModifiedSince;
  const auto since = [](const char* date, ModifiedSince rule) { return check({{"If-Modified-Since", date}}, rule); };
  EXPECT_EQ(since(kDate, kExact), Precondition::kNotModified);
  EXPECT_EQ(since(kLater, kExact), Precondition::kHolds);
  EXPECT_EQ(since(kLater, kBefore), Precondition::kNotModified);
  EXPECT_EQ(since(kEarlier, kBefore), Precondition::kHolds);
  EXPECT_EQ(since(kDate, kOff), Precondition::kHolds);
}

TEST(Precondition, unmodified_since_fails_when_it_was_modified) {
  EXPECT_EQ(check({{"If-Unmodified-Since", kDate}}), Precondition::kHolds);
  EXPECT_EQ(check({{"If-Unmodified-Since", kLater}}), Precondition::kHolds);
  EXPECT_EQ(check({{"If-Unmodified-Since", kEarlier}}), Precondition::kFailed);
}

TEST(Precondition, tags_go_before_dates) {
  EXPECT_EQ(check({{"If-None-Match", "\"b\""}, {"If-Modified-Since", kDate}}), Precondition::kHolds);
  EXPECT_EQ(check({{"If-Match", "\"a\""}, {"If-Unmodified-Since", kEarlier}}), Precondition::kHolds);
  EXPECT_EQ(check({{"If-Match", "\"b\""}, {"If-None-Match", "\"a\""}}), Precondition::kFailed);
}

TEST(IfRange, names_the_same_by_tag_or_date) {
  const auto holds = [](const char* value, const char* etag = "\"a\"") {
    return if_range_holds(head_of({{"If-Range", value}}), {kTime, etag});
  };
  EXPECT_TRUE(if_range_holds(RequestHead(), {kTime, "\"a\""}));
  EXPECT_TRUE(holds("\"a\""));
  EXPECT_TRUE(holds(kDate));
  for (const char* value : {"\"b\"", "W/\"a\"", "a", "", kLater, kEarlier}) EXPECT_FALSE(holds(value)) << value;
  EXPECT_FALSE(holds("W/\"a\"", "W/\"a\""));
}

}  // namespace
}  // namespace weir::http
