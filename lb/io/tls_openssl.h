// OpenSSL's objects as owned values, and its errors as text. Private to io/tls*.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace weir::io {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using OwnedBio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using OwnedSsl = std::unique_ptr<SSL, Freed<SSL_free>>;
using OwnedSslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using OwnedCertificate = std::unique_ptr<X509, Freed<X509_free>>;

// A read-only view; `text` outlives it.
inline OwnedBio bio_of(std::string_view text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

// Takes this thread's queue of errors empty; what the last of them says, or `otherwise`.
inline std::string take_tls_error(const char* otherwise = "unknown error") {
  const char* reason = nullptr;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error())
    if (const char* text = ERR_reason_error_string(code)) reason = text;
  return reason != nullptr ? reason : otherwise;
}

}  // namespace weir::io
