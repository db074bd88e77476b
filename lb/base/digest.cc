#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

namespace weir {
namespace {

std::string digest_of(const EVP_MD* kind, std::initializer_list<std::string_view> pieces) {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (context == nullptr || EVP_DigestInit_ex(context.get(), kind, nullptr) != 1) return {};
  for (const std::string_view piece : pieces) EVP_DigestUpdate(context.get(), piece.data(), piece.size());
  EVP_DigestFinal_ex(context.get(), out, &length);
  return {reinterpret_cast<const char*>(out), length};
}

}  // namespace

std::string md5(std::initializer_list<std::string_view> pieces) {
  return digest_of(EVP_md5(), pieces);
}

std::string sha1(std::initializer_list<std::string_view> pieces) {
  return digest_of(EVP_sha1(), pieces);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace weir
