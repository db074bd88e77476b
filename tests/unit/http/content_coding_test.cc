// Accept-Encoding, with nginx's verdicts.
#include "http/content_coding.h"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

TEST(ContentCoding, coding_without_weight_is_taken_whole) {
  for (const char* list : {"gzip", "gzip,deflate", "gzip, deflate, br", "deflate, gzip", "br ,\tgzip", "GZip",
                           "x-gzip, gzip", "deflate;q=0, gzip", ",, gzip", "gzip;", "gzip ; "})
    EXPECT_EQ(coding_weight(list, "gzip"), 1000) << list;
}

TEST(ContentCoding, coding_without_a_name_is_not_taken) {
  for (const char* list :
       {"", "*", "identity", "deflate, br", "gzipped", "x-gzip", "gzi", "*;q=1", "g zip", "gzip2, br"})
    EXPECT_EQ(coding_weight(list, "gzip"), 0) << list;
}

TEST(ContentCoding, weight_is_read_in_thousandths) {
  EXPECT_EQ(coding_weight("gzip;q=1", "gzip"), 1000);
  EXPECT_EQ(coding_weight("gzip;q=1.000", "gzip"), 1000);
  EXPECT_EQ(coding_weight("gzip ; Q=0.5, br", "gzip"), 500);
  EXPECT_EQ(coding_weight("br;q=0.25,gzip;q=0.001", "gzip"), 1);
  EXPECT_EQ(coding_weight("br;q=0.25,gzip;q=0.001", "br"), 250);
  EXPECT_EQ(coding_weight("gzip;q=1.", "gzip"), 1000);
  EXPECT_EQ(coding_weight("gzip;q=0.5 ", "gzip"), 500);
}

TEST(ContentCoding, weight_of_nothing_or_no_weight_refuses) {
  for (const char* list :
       {"gzip;q=0", "gzip;q=0.", "gzip;q=0.0", "gzip;q=0.000", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.0001",
        "gzip;q=", "gzip;q", "gzip;x=1", "gzip;q=a", "gzip;q=.5", "gzip;q=0,5", "gzip;q=0.5x", "gzip;q=-1"})
    EXPECT_EQ(coding_weight(list, "gzip"), 0) << list;
}

TEST(ContentCoding, first_mention_decides) {
  EXPECT_EQ(coding_weight("gzip;q=0, gzip", "gzip"), 0);
  EXPECT_EQ(coding_weight("gzip;q=0.2, gzip;q=0.9", "gzip"), 200);
}

}  // namespace
}  // namespace weir::http
