// Hashes of password files. The expected ones were made by openssl(1) and libxcrypt's crypt(3).
#include "base/password_hash.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/digest.h"

namespace weir {
namespace {

struct Vector {
  const char* password;
  const char* hash;
};
constexpr Vector kVectors[] = {
    {"a", "$apr1$abcdefgh$G8IsPsylW5ROvIKsQMRG61"},
    {"secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"},
    {"a much longer password than sixteen bytes, really", "$apr1$abcdefgh$OfkUMneMP.xEgrYf8VYmr."},
    {"secret", "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"},
    {"secret", "$y$j75$abcdefgh./$UKD0bxrZjn0VG/G1qIrDvuwSk7xU04/YlYIuxyzoTf6"},
    {"secret", "abNANd1rDfiNc"},
    {"secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"},
    {"secret", "$5$rounds=1000$abcdefgh$XIppta5rT8zJUu4vAOKQXrwq9uY4Ijlz6VjyOmkx5i4"},
    {"secret",
     "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1"},
    {"secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="},
    {"secret", "{SSHA}Wcm1xEisNjqp921ALcHfuQ7avFdzYWx0MTIzNA=="},
    {"secret", "{PLAIN}secret"},
};

TEST(PasswordHash, right_password_is_known_in_every_form) {
  for (const Vector& each : kVectors)
    EXPECT_EQ(check_password(each.password, each.hash), PasswordVerdict::kRight) << each.hash;
}

TEST(PasswordHash, wrong_password_is_refused_in_every_form) {
  for (const Vector& each : kVectors) {
    EXPECT_EQ(check_password("Secret", each.hash), PasswordVerdict::kWrong) << each.hash;
    EXPECT_EQ(check_password("", each.hash), PasswordVerdict::kWrong) << each.hash;
  }
}

TEST(PasswordHash, zero_byte_does_not_cut_a_password) {
  for (const Vector& each : kVectors)
    EXPECT_EQ(check_password(std::string(each.password) + '\0' + "x", each.hash), PasswordVerdict::kWrong) << each.hash;
}

TEST(PasswordHash, damaged_hash_fits_no_password) {
  for (const char* hash : {"", "*", "!", "x", "$9$abc$def", "$2y$05$short", "{SSHA}", "{SSHA}not base64!", "{MD5}abc"})
    for (const char* password : {"", "secret", "x", "*0", "*1"})
      EXPECT_EQ(check_password(password, hash), PasswordVerdict::kUnknownHash) << hash;
}

TEST(PasswordHash, short_salts_of_apr1_stay_short) {
  EXPECT_EQ(apr1_hash("secret", "$apr1$ab$"), apr1_hash("secret", "ab"));
  EXPECT_TRUE(apr1_hash("secret", "$apr1$ab$").starts_with("$apr1$ab$"));
}

TEST(Base64, rfc_vectors_pass_both_ways) {
  constexpr std::pair<const char*, const char*> kPairs[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : kPairs) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
}

TEST(Base64, damaged_text_is_refused) {
  for (const char* text : {"Z", "Zg===", "Zg=x", "Zm9v!", "Zm 9v", "Zm9v\n", "-_-_"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  EXPECT_EQ(base64_decode("Zg"), "f");
}

TEST(Digest, compare_sees_every_difference) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace weir
