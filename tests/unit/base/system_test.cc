// Words for errors of the operating system.
#include "base/system.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace weir {
namespace {

TEST(System, failed_call_is_named_with_number_and_text) {
  EXPECT_EQ(call_failed("open() \"x.conf\"", ENOENT), "open() \"x.conf\" failed (2: No such file or directory)");
  EXPECT_EQ(call_failed("read()", 99999), "read() failed (99999: Unknown error 99999)");
}

TEST(System, host_name_is_never_empty) {
  EXPECT_NE(host_name(), "");
}

}  // namespace
}  // namespace weir
