// Dates that are received.
#include "http/date.h"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

constexpr int64_t kExample = 784'111'777;  // RFC 9110 5.6.7

TEST(ParseDate, three_forms_are_one_time) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), kExample);
}

TEST(ParseDate, written_date_is_read_back) {
  for (const int64_t seconds : {0LL, 86'399LL, 951'782'400LL, 1'709'164'800LL, 4'102'444'799LL, 253'402'300'799LL}) {
    DateText text;
    EXPECT_EQ(parse_date(imf_fixdate(seconds * 1'000'000, text)), seconds) << seconds;
  }
}

TEST(ParseDate, other_texts_are_none) {
  for (const char* text :
       {"", "0", "-1", "Sun", "Sun, ", "Sun, 06 Nov", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 084937 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 6 Nov 99994 08:49:37 GMT", "Sun Nov 6 08:49:37"})
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
}

}  // namespace
}  // namespace weir::http
