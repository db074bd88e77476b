// The hashes against published vectors.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

TEST(Crc32, agrees_with_published_values) {
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926U);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339U);
  EXPECT_EQ(crc32(std::string(32, '\0')), 0x190a55adU);
  EXPECT_EQ(crc32(std::string(32, '\xff')), 0xff6cab0bU);
}

TEST(Crc32, running_form_does_not_care_where_the_bytes_are_cut) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>(i * 37);
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(Crc32().update(bytes.substr(0, cut)).update(bytes.substr(cut)).value(), crc32(bytes));
}

std::string counting_bytes(int n) {
  std::string s;
  for (int i = 0; i < n; ++i) s += static_cast<char>(i);
  return s;
}

// Key 00..0f, input 00..n-1: the vectors of the reference implementation.
TEST(SipHash, agrees_with_the_reference_vectors) {
  constexpr uint64_t kKey0 = 0x0706050403020100;
  constexpr uint64_t kKey1 = 0x0f0e0d0c0b0a0908;
  constexpr uint64_t kVectors[] = {0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
                                   0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
                                   0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
                                   0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5};
  int n = 0;
  for (const uint64_t expected : kVectors) {
    EXPECT_EQ(siphash(counting_bytes(n), kKey0, kKey1), expected) << n << " bytes";
    ++n;
  }
}

TEST(SipHash, depends_on_both_halves_of_the_key) {
  EXPECT_NE(siphash("weir", 1, 2), siphash("weir", 2, 2));
  EXPECT_NE(siphash("weir", 1, 2), siphash("weir", 1, 3));
}

std::string hex(const std::array<uint8_t, 32>& bytes) {
  std::string out;
  for (const uint8_t b : bytes) {
    out += "0123456789abcdef"[b >> 4];
    out += "0123456789abcdef"[b & 15];
  }
  return out;
}

TEST(HmacSha256, agrees_with_rfc_4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, takes_an_empty_key_and_message) {
  EXPECT_EQ(hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(StringHash, is_the_same_for_equal_strings_within_a_process) {
  EXPECT_EQ(StringHash()("host"), StringHash()(std::string("host")));
  EXPECT_NE(StringHash()("host"), StringHash()("hosu"));
}

}  // namespace
}  // namespace weir
