// Values as bytes and back, and bytes that break off.
#include "base/packing.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Packing, values_come_back_and_short_bytes_fail) {
  Packer out;
  out.u8(7);
  out.u32(0xdeadbeef);
  out.u64(1ULL << 63);
  out.i64(-5);
  out.text("text");
  Unpacker in(out.bytes());
  EXPECT_EQ(in.u8(), 7);
  EXPECT_EQ(in.u32(), 0xdeadbeef);
  EXPECT_EQ(in.u64(), 1ULL << 63);
  EXPECT_EQ(in.i64(), -5);
  EXPECT_EQ(in.text(), "text");
  EXPECT_TRUE(in.done());
  for (size_t size = 0; size < out.bytes().size(); ++size) {
    Unpacker cut(std::string_view(out.bytes()).substr(0, size));
    cut.u8(), cut.u32(), cut.u64(), cut.i64();
    EXPECT_EQ(cut.text(), "") << size;
    EXPECT_TRUE(cut.failed()) << size;
    EXPECT_EQ(cut.u64(), 0U) << size;
  }
}

}  // namespace
}  // namespace weir
