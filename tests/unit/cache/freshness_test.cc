// RFC 9111's MUSTs and nginx's words, as a table.
#include "cache/freshness.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace weir::cache {
namespace {

constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* kNowText = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kTenBefore = "Sun, 06 Nov 1994 08:49:27 GMT";
constexpr const char* kMinuteLater = "Sun, 06 Nov 1994 08:50:37 GMT";
constexpr int64_t kNever = -1;  // not kept

using Fields = std::vector<std::pair<std::string, std::string>>;

void fill(http::FieldList& list, const Fields& fields) {
  for (const auto& [name, value] : fields) list.add(name, value, http::header_token(name), false);
}

struct Row {
  const char* what;
  int status;
  Fields answer;
  int64_t fresh_for;  // seconds from now
  Fields request = {};
};

class Judge : public testing::Test {
 protected:
  Freshness judge_one(const Row& row, IgnoredFields ignored = {}, bool key_has_credentials = false, int64_t delay = 0) {
    http::RequestHead request;
    http::ResponseHead response;
    fill(request.fields, row.request);
    fill(response.fields, row.answer);
    response.status = row.status;
    return judge(request, response, {rules_, ignored, key_has_credentials}, kNow - delay, kNow);
  }
  void check(const std::vector<Row>& rows, IgnoredFields ignored = {}) {
    for (const Row& row : rows) {
      const Freshness made = judge_one(row, ignored);
      EXPECT_EQ(made.is_kept ? made.until - kNow : kNever, row.fresh_for) << row.what;
    }
  }
  std::vector<ValidRule> rules_;
};

TEST_F(Judge, lifetimes_come_from_the_fields_in_order) {
  check({
      {"nothing is said: no heuristics", 200, {{"Last-Modified", kTenBefore}}, kNever},
      {"max-age", 200, {{"Cache-Control", "max-age=60"}}, 60},
      {"s-maxage before max-age", 200, {{"Cache-Control", "max-age=60, s-maxage=30"}}, 30},
      {"max-age before Expires", 200, {{"Cache-Control", "max-age=30"}, {"Expires", kMinuteLater}}, 30},
      {"Expires", 200, {{"Expires", kMinuteLater}}, 60},
      {"Expires in the past", 200, {{"Expires", kTenBefore}}, kNever},
      {"Expires that is no date", 200, {{"Expires", "0"}}, kNever},
      {"X-Accel-Expires before all", 200, {{"Cache-Control", "no-store"}, {"X-Accel-Expires", "7"}}, 7},
      {"X-Accel-Expires as a time", 200, {{"X-Accel-Expires", "@784111787"}}, 10},
      {"X-Accel-Expires 0", 200, {{"Cache-Control", "max-age=60"}, {"X-Accel-Expires", "0"}}, kNever},
      {"X-Accel-Expires off", 200, {{"Cache-Control", "max-age=60"}, {"X-Accel-Expires", "off"}}, kNever},
      {"X-Accel-Expires that is not understood", 200, {{"Cache-Control", "max-age=60"}, {"X-Accel-Expires", "x"}}, 60},
      {"quoted number", 200, {{"Cache-Control", "max-age=\"60\""}}, 60},
      {"max-age=0", 200, {{"Cache-Control", "max-age=0"}}, kNever},
      {"a number that is too large", 200, {{"Cache-Control", "max-age=99999999999999999999"}}, 1 << 30},
      {"no number is stale", 200, {{"Cache-Control", "max-age=1h"}, {"Expires", kMinuteLater}}, kNever},
      {"the first of two", 200, {{"Cache-Control", "max-age=60, max-age=5"}}, 60},
      {"names know no case", 200, {{"cache-control", "MAX-AGE=60"}}, 60},
      {"several fields are one list", 200, {{"Cache-Control", "public"}, {"Cache-Control", "max-age=60"}}, 60},
      {"commas in quotes part nothing", 200, {{"Cache-Control", "ext=\"no-store, x\", max-age=60"}}, 60},
  });
}

TEST_F(Judge, answers_that_forbid_it_are_not_kept) {
  check({
      {"no-store", 200, {{"Cache-Control", "no-store, max-age=60"}}, kNever},
      {"private", 200, {{"Cache-Control", "private, max-age=60"}}, kNever},
      {"private with names", 200, {{"Cache-Control", "private=\"x-user, y\", max-age=60"}}, kNever},
      {"no-cache", 200, {{"Cache-Control", "no-cache, max-age=60"}}, kNever},
      {"no-cache in another field", 200, {{"Cache-Control", "max-age=60"}, {"Cache-Control", "no-cache"}}, kNever},
      {"the request says no-store", 200, {{"Cache-Control", "max-age=60"}}, kNever, {{"Cache-Control", "no-store"}}},
      {"the request says no-cache", 200, {{"Cache-Control", "max-age=60"}}, 60, {{"Cache-Control", "no-cache"}}},
      {"a part", 206, {{"Cache-Control", "max-age=60"}}, kNever},
      {"no answer of its own", 304, {{"Cache-Control", "max-age=60"}}, kNever},
      {"any other status", 404, {{"Cache-Control", "max-age=60"}}, 60},
      {"Vary: *", 200, {{"Cache-Control", "max-age=60"}, {"Vary", "Accept, *"}}, kNever},
      {"Set-Cookie", 200, {{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}}, kNever},
  });
}

TEST_F(Judge, authorized_answers_are_kept_where_they_allow_it) {
  const Fields user{{"Authorization", "Basic eDp5"}};
  check({
      {"max-age alone", 200, {{"Cache-Control", "max-age=60"}}, kNever, user},
      {"public", 200, {{"Cache-Control", "public, max-age=60"}}, 60, user},
      {"s-maxage", 200, {{"Cache-Control", "s-maxage=60"}}, 60, user},
      {"must-revalidate", 200, {{"Cache-Control", "must-revalidate, max-age=60"}}, 60, user},
      {"the peer says it to the cache", 200, {{"X-Accel-Expires", "60"}}, 60, user},
  });
  rules_ = {{{}, 60}};
  check({{"what the operator says is no word of the answer", 200, {}, kNever, user}});
  EXPECT_TRUE(judge_one({"", 200, {}, 0, user}, {}, true).is_kept) << "the key keeps users apart";
}

TEST_F(Judge, age_counts_from_when_the_answer_was_made) {
  check({
      {"Age", 200, {{"Cache-Control", "max-age=60"}, {"Age", "20"}}, 40},
      {"Age beyond the lifetime", 200, {{"Cache-Control", "max-age=60"}, {"Age", "60"}}, kNever},
      {"Date", 200, {{"Cache-Control", "max-age=60"}, {"Date", kTenBefore}}, 50},
      {"the larger of both", 200, {{"Cache-Control", "max-age=60"}, {"Date", kTenBefore}, {"Age", "5"}}, 50},
      {"Date of now", 200, {{"Cache-Control", "max-age=60"}, {"Date", kNowText}}, 60},
      {"Date in the future", 200, {{"Cache-Control", "max-age=60"}, {"Date", kMinuteLater}}, 60},
  });
  const Row row{"", 200, {{"Cache-Control", "max-age=60"}, {"Age", "10"}}, 0};
  EXPECT_EQ(judge_one(row, {}, false, 5).age, 15) << "what the answer took on its way";
  EXPECT_EQ(judge_one(row, {}, false, 5).until, kNow + 45);
}

TEST_F(Judge, configured_times_count_for_silent_answers) {
  rules_ = {{{200, 301, 302}, 600}, {{404}, 5}, {{}, 1}};
  check({
      {"200", 200, {}, 600},
      {"404", 404, {}, 5},
      {"any", 500, {}, 1},
      {"the answer goes before", 200, {{"Cache-Control", "max-age=60"}}, 60},
      {"even where it forbids", 200, {{"Cache-Control", "private"}}, kNever},
      {"a part all the same", 206, {}, kNever},
  });
}

TEST_F(Judge, ignored_fields_are_not_read) {
  rules_ = {{{}, 600}};
  check({{"Cache-Control", 200, {{"Cache-Control", "no-store"}}, 600}}, {.cache_control = true});
  check({{"Expires", 200, {{"Expires", "0"}}, 600}}, {.expires = true});
  check({{"X-Accel-Expires", 200, {{"X-Accel-Expires", "0"}}, 600}}, {.accel_expires = true});
  check({{"Set-Cookie", 200, {{"Set-Cookie", "a=b"}}, 600}}, {.set_cookie = true});
  check({{"Vary", 200, {{"Vary", "*"}}, 600}}, {.vary = true});
}

TEST_F(Judge, directives_about_stale_answers_are_read) {
  const auto said = [&](const char* text) { return judge_one({"", 200, {{"Cache-Control", text}}, 0}); };
  EXPECT_FALSE(said("max-age=1").must_revalidate);
  EXPECT_TRUE(said("max-age=1, must-revalidate").must_revalidate);
  EXPECT_TRUE(said("max-age=1, proxy-revalidate").must_revalidate);
  EXPECT_TRUE(said("s-maxage=1").must_revalidate) << "RFC 9111 5.2.2.10";
  EXPECT_EQ(said("max-age=1, stale-while-revalidate=30, stale-if-error=40").stale_while_updating, 30);
  EXPECT_EQ(said("max-age=1, stale-while-revalidate=30, stale-if-error=40").stale_if_error, 40);
}

TEST(Vary, names_are_the_same_in_any_order) {
  http::FieldList fields;
  const Fields said{{"Vary", "Accept-Encoding, Accept"}, {"vary", "ACCEPT,, x"}};
  fill(fields, said);
  EXPECT_EQ(vary_names(fields), "accept,accept-encoding,x");
  EXPECT_EQ(vary_names(http::FieldList()), "");
}

TEST(Vary, variants_differ_where_requests_do) {
  const auto variant = [](const Fields& request) {
    http::FieldList fields;
    fill(fields, request);
    return variant_of("accept,accept-encoding", fields);
  };
  EXPECT_EQ(variant({{"Accept", "a, b"}}), variant({{"accept", "a,b"}, {"Other", "x"}})) << "blanks say nothing";
  EXPECT_EQ(variant({{"Accept", "a"}, {"Accept", "b"}}), variant({{"Accept", "a, b"}})) << "a list in two fields";
  EXPECT_NE(variant({{"Accept", "a"}}), variant({{"Accept", "b"}}));
  EXPECT_NE(variant({{"Accept", ""}}), variant({})) << "empty is not absent";
  EXPECT_NE(variant({{"Accept", "a"}}), variant({{"Accept-Encoding", "a"}}));
}

}  // namespace
}  // namespace weir::cache
