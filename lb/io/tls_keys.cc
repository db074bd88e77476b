#include "io/tls_keys.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <utility>

#include "io/tls_openssl.h"
#include "io/tls_pem.h"

namespace weir::io {
namespace {

constexpr const char* kCurve = "P-256";
constexpr int kCoordinate = 32;
constexpr const char* kAcmeIdentifier = "1.3.6.1.5.5.7.1.31";  // RFC 8737 3

using OwnedRequest = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using OwnedExtension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using OwnedName = std::unique_ptr<X509_NAME, Freed<X509_NAME_free>>;
using OwnedSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using OwnedDigest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using OwnedNames = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

Unexpected<std::string> failed(const char* what) {
  return Unexpected{std::string(what) + ": " + take_tls_error()};
}

// Built as a value, never from a line of text: a name cannot add others of its own.
OwnedExtension alternative_names(const std::vector<std::string>& names) {
  const OwnedNames all(GENERAL_NAMES_new());
  for (const std::string& each : names) {
    unsigned char address[16];
    const int size = inet_pton(AF_INET, each.c_str(), address) == 1    ? 4
                     : inet_pton(AF_INET6, each.c_str(), address) == 1 ? 16
                                                                       : 0;
    GENERAL_NAME* name = GENERAL_NAME_new();
    if (size > 0) {
      ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
      ASN1_OCTET_STRING_set(value, address, size);
      GENERAL_NAME_set0_value(name, GEN_IPADD, value);
    } else {
      ASN1_IA5STRING* value = ASN1_IA5STRING_new();
      ASN1_STRING_set(value, each.data(), static_cast<int>(each.size()));
      GENERAL_NAME_set0_value(name, GEN_DNS, value);
    }
    sk_GENERAL_NAME_push(all.get(), name);
  }
  return OwnedExtension(X509V3_EXT_i2d(NID_subject_alt_name, 0, all.get()));
}

OwnedExtension acme_identifier(const std::string& digest) {
  // The extension's value is the DER of an octet string.
  std::string der{'\x04', static_cast<char>(digest.size())};
  der += digest;
  const std::unique_ptr<ASN1_OCTET_STRING, Freed<ASN1_OCTET_STRING_free>> value(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(der.data()), static_cast<int>(der.size()));
  const std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>> id(OBJ_txt2obj(kAcmeIdentifier, 1));
  return OwnedExtension(X509_EXTENSION_create_by_OBJ(nullptr, id.get(), 1, value.get()));
}

bool add_plain(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const OwnedExtension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// At most 64 characters fit there; the alternative names are what counts.
OwnedName common_name(const std::string& name) {
  constexpr size_t kMost = 64;
  OwnedName made(X509_NAME_new());
  if (!name.empty() && name.size() <= kMost)
    X509_NAME_add_entry_by_txt(made.get(), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                               static_cast<int>(name.size()), -1, 0);
  return made;
}

bool set_random_serial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] = static_cast<unsigned char>(bytes[0] & 0x7f);  // positive
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

}  // namespace

SigningKey::SigningKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {}

Result<SigningKey> SigningKey::make() {
  ERR_clear_error();
  EVP_PKEY* key = EVP_EC_gen(kCurve);
  if (key == nullptr) return failed("no key could be made");
  return SigningKey(key);
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  auto key = read_key(pem, {});
  if (!key) return Unexpected{key.error()};
  char group[64] = {};
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key->get(), group, sizeof group, &size) != 1 ||
      OBJ_txt2nid(group) != NID_X9_62_prime256v1) {
    ERR_clear_error();
    return Unexpected{std::string("it is no ECDSA P-256 key")};
  }
  return SigningKey(key->release());
}

std::string SigningKey::pem() const {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

SigningKey::Point SigningKey::point() const {
  Point point;
  const std::pair<const char*, std::string*> parts[] = {{OSSL_PKEY_PARAM_EC_PUB_X, &point.x},
                                                        {OSSL_PKEY_PARAM_EC_PUB_Y, &point.y}};
  for (const auto& [name, into] : parts) {
    BIGNUM* number = nullptr;
    into->assign(kCoordinate, '\0');
    if (EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1)
      BN_bn2binpad(number, reinterpret_cast<unsigned char*>(into->data()), kCoordinate);
    BN_free(number);
  }
  return point;
}

Result<std::string> SigningKey::sign_es256(std::string_view text) const {
  ERR_clear_error();
  const OwnedDigest context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  unsigned char der[256];
  size_t size = sizeof der;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der, &size, bytes, text.size()) != 1)
    return failed("not signed");
  const unsigned char* at = der;
  const OwnedSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::string out(static_cast<size_t>(2 * kCoordinate), '\0');
  auto* into = reinterpret_cast<unsigned char*>(out.data());
  if (signature == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), into, kCoordinate) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), into + kCoordinate, kCoordinate) < 0)
    return failed("not signed");
  return out;
}

Result<std::string> SigningKey::request(const std::vector<std::string>& names) const {
  ERR_clear_error();
  const OwnedRequest request(X509_REQ_new());
  const OwnedExtension extension = alternative_names(names);
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  sk_X509_EXTENSION_push(extensions, extension.get());
  const bool made = extension != nullptr && X509_REQ_set_version(request.get(), 0) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
                    X509_REQ_add_extensions(request.get(), extensions) == 1 &&
                    X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) > 0;
  sk_X509_EXTENSION_free(extensions);
  unsigned char* der = nullptr;
  const int size = made ? i2d_X509_REQ(request.get(), &der) : 0;
  if (size <= 0) return failed("no certificate request could be made");
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

Result<std::string> SigningKey::certificate(const OwnCertificate& wish) const {
  ERR_clear_error();
  const OwnedCertificate made(X509_new());
  X509* x = made.get();
  const OwnedName name = common_name(wish.names.empty() ? std::string() : wish.names.front());
  const OwnedExtension names = alternative_names(wish.names);
  bool fine = X509_set_version(x, 2) == 1 && set_random_serial(x) && X509_set_pubkey(x, key_.get()) == 1 &&
              ASN1_TIME_set(X509_getm_notBefore(x), wish.not_before) != nullptr &&
              ASN1_TIME_set(X509_getm_notAfter(x), wish.not_after) != nullptr &&
              X509_set_subject_name(x, name.get()) == 1 && X509_set_issuer_name(x, name.get()) == 1 &&
              names != nullptr && X509_add_ext(x, names.get(), -1) == 1;
  if (wish.acme_digest.empty()) {
    fine = fine && add_plain(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_plain(x, NID_key_usage, "critical,digitalSignature") && add_plain(x, NID_ext_key_usage, "serverAuth");
  } else {
    const OwnedExtension identifier = acme_identifier(wish.acme_digest);
    fine = fine && identifier != nullptr && X509_add_ext(x, identifier.get(), -1) == 1;
  }
  if (!fine || X509_sign(x, key_.get(), EVP_sha256()) == 0) return failed("no certificate could be made");
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x);
  return text_of(bio.get());
}

bool SigningKey::belongs_to(std::string_view certificate_pem) const {
  const auto chain = read_certificates(certificate_pem);
  const bool fits = chain && X509_check_private_key(chain->front().get(), key_.get()) == 1;
  ERR_clear_error();
  return fits;
}

std::string sha256(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

}  // namespace weir::io
