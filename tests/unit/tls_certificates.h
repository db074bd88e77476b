// Keys and certificates made on the spot: nothing that expires lies in the tree.
#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

struct TestCertificate {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  std::string pem() const {
    return written([this](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
  }
  std::string key_pem() const {
    return written(
        [this](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  std::string encrypted_key_pem(std::string_view password) const {
    return written([&](BIO* bio) {
      PEM_write_bio_PKCS8PrivateKey(bio, key.get(), EVP_aes_256_cbc(), password.data(),
                                    static_cast<int>(password.size()), nullptr, nullptr);
    });
  }

 private:
  template <class Write>
  static std::string written(Write&& write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  }
};

struct CertificateWish {
  std::vector<std::string> names = {"weir.test"};  // the first is the common name too; all are DNS names
  std::vector<std::string> addresses = {};
  const TestCertificate* issuer = nullptr;  // null: self-signed
  bool authority = false;
  int rsa_bits = 0;      // 0: a key of `curve`
  bool ed25519 = false;  // its signatures are all of one length
  const char* curve = "P-256";
  long from_s = -3600, until_s = 90 * 86'400;
};

inline TestCertificate make_certificate(const CertificateWish& wish = {}) {
  static long serial = 1000;
  TestCertificate made;
  made.key.reset(wish.ed25519        ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                 : wish.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(wish.rsa_bits))
                                     : EVP_EC_gen(wish.curve),
                 EVP_PKEY_free);
  made.certificate.reset(X509_new(), X509_free);
  X509* x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.from_s);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.until_s);
  X509_set_pubkey(x, made.key.get());
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.names.front().c_str()), -1, -1, 0);
  X509_set_issuer_name(x, wish.issuer != nullptr ? X509_get_subject_name(wish.issuer->certificate.get()) : name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, wish.issuer != nullptr ? wish.issuer->certificate.get() : x, x, nullptr, nullptr, 0);
  const auto add = [&](int id, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    if (extension == nullptr) std::abort();
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (wish.authority) {
    add(NID_basic_constraints, "critical,CA:TRUE");
  } else {
    std::string names;
    for (const std::string& each : wish.names) names += (names.empty() ? "DNS:" : ",DNS:") + each;
    for (const std::string& each : wish.addresses) names += ",IP:" + each;
    add(NID_subject_alt_name, names);
  }
  EVP_PKEY* signer = (wish.issuer != nullptr ? *wish.issuer : made).key.get();
  if (X509_sign(x, signer, EVP_PKEY_is_a(signer, "ED25519") == 1 ? nullptr : EVP_sha256()) == 0) std::abort();
  return made;
}

// PEM; valid for a day.
inline std::string make_crl(const TestCertificate& issuer, const std::vector<const TestCertificate*>& revoked) {
  X509_CRL* crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.certificate.get()));
  ASN1_TIME* time = X509_gmtime_adj(nullptr, -3600);
  X509_CRL_set1_lastUpdate(crl, time);
  for (const TestCertificate* each : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
  }
  X509_gmtime_adj(time, 86'400);
  X509_CRL_set1_nextUpdate(crl, time);
  ASN1_TIME_free(time);
  X509_CRL_sort(crl);
  if (X509_CRL_sign(crl, issuer.key.get(), EVP_sha256()) == 0) std::abort();
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, crl);
  X509_CRL_free(crl);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace weir::test
