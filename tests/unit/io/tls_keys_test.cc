// Keys and certificates of weir's own.
#include "io/tls_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "io/tls_certificate.h"
#include "io/tls_self_signed.h"
#include "unit/tls_certificates.h"

namespace weir::io {
namespace {

using testing::ElementsAre;

TEST(SigningKeyTest, key_is_read_back) {
  const auto key = SigningKey::make();
  ASSERT_TRUE(key);
  const auto again = SigningKey::from_pem(key->pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->point().x, key->point().x);
  EXPECT_EQ(key->point().x.size(), 32U);
  EXPECT_EQ(key->point().y.size(), 32U);
  EXPECT_FALSE(SigningKey::from_pem("nothing"));
  EXPECT_FALSE(SigningKey::from_pem(weir::test::make_certificate({.rsa_bits = 2048}).key_pem()));
}

TEST(SigningKeyTest, signature_is_verified_by_openssl) {
  const auto key = SigningKey::make();
  ASSERT_TRUE(key);
  const auto signature = key->sign_es256("some text");
  ASSERT_TRUE(signature);
  ASSERT_EQ(signature->size(), 64U);
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature->data());
  ECDSA_SIG* parts = ECDSA_SIG_new();
  ECDSA_SIG_set0(parts, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts, &der);
  const std::string pem = key->pem();
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* raw = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, raw);
  EXPECT_EQ(
      EVP_DigestVerify(context, der, static_cast<size_t>(size), reinterpret_cast<const unsigned char*>("some text"), 9),
      1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(raw);
  BIO_free(bio);
  OPENSSL_free(der);
  ECDSA_SIG_free(parts);
}

TEST(SigningKeyTest, certificate_has_its_names_alone) {
  const auto key = SigningKey::make();
  const auto pem = key->certificate({{"a.test,DNS:evil.test", "*.b.test", "10.0.0.1", "::1"}, 1'000, 2'000, {}});
  ASSERT_TRUE(pem);
  const auto facts = certificate_facts_of_pem(*pem, "here");
  ASSERT_TRUE(facts);
  EXPECT_THAT(facts->names, ElementsAre("a.test,dns:evil.test", "*.b.test", "10.0.0.1", "::1"));
  EXPECT_EQ(facts->not_before, 1'000);
  EXPECT_EQ(facts->not_after, 2'000);
  EXPECT_EQ(facts->key, "EC prime256v1");
  EXPECT_TRUE(key->belongs_to(*pem));
  EXPECT_FALSE(SigningKey::make()->belongs_to(*pem));
}

TEST(SelfSignedBookTest, certificate_is_kept_until_its_last_month) {
  SelfSignedBook book;
  const auto now = static_cast<int64_t>(std::time(nullptr));
  const auto first = book.find({"a.test"}, now);
  ASSERT_TRUE(first);
  EXPECT_EQ(book.find({"a.test"}, now + 300 * SelfSignedBook::kDay)->certificate, first->certificate);
  EXPECT_NE(book.find({"b.test"}, now)->certificate, first->certificate);
  EXPECT_NE(book.find({"a.test"}, now + 380 * SelfSignedBook::kDay)->certificate, first->certificate);
}

}  // namespace
}  // namespace weir::io
