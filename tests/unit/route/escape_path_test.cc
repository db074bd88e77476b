#include <gtest/gtest.h>

#include "route/location_table.h"

namespace weir::route {
namespace {

TEST(EscapePath, encodes_bytes_that_would_split_a_target) {
  Arena arena;
  EXPECT_EQ(escape_path("/a/b.c-d_e~f", arena), "/a/b.c-d_e~f");
  EXPECT_EQ(escape_path("/a b?c#d%e", arena), "/a%20b%3Fc%23d%25e");
  EXPECT_EQ(escape_path(std::string_view("/\r\n\0\xff", 5), arena), "/%0D%0A%00%FF");
  EXPECT_EQ(escape_path("", arena), "");
}

TEST(EscapePath, encodes_the_bytes_that_nginx_encodes) {
  Arena arena;
  EXPECT_EQ(escape_path("|<>^`{}\"\\", arena), "%7C%3C%3E%5E%60%7B%7D%22%5C");
  EXPECT_EQ(escape_path("/!$&'()*+,-.09:;=@AZ[]_az~", arena), "/!$&'()*+,-.09:;=@AZ[]_az~");
}

}  // namespace
}  // namespace weir::route
