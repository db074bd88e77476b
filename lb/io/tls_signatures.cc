#include "io/tls_signatures.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "io/tls_openssl.h"

namespace weir::io {
namespace {

struct Signature {
  int type, hash;  // OpenSSL's numbers
  const char* name;
  const char* of_pss_key;  // with a key that is for RSA-PSS alone
};

// RFC 8446 4.2.3. OpenSSL says the names itself from 3.5 on.
constexpr Signature kSignatures[] = {
    {EVP_PKEY_EC, NID_sha256, "ecdsa_secp256r1_sha256", nullptr},
    {EVP_PKEY_EC, NID_sha384, "ecdsa_secp384r1_sha384", nullptr},
    {EVP_PKEY_EC, NID_sha512, "ecdsa_secp521r1_sha512", nullptr},
    {EVP_PKEY_EC, NID_sha1, "ecdsa_sha1", nullptr},
    {EVP_PKEY_ED25519, NID_undef, "ed25519", nullptr},
    {EVP_PKEY_ED448, NID_undef, "ed448", nullptr},
    {EVP_PKEY_RSA_PSS, NID_sha256, "rsa_pss_rsae_sha256", "rsa_pss_pss_sha256"},
    {EVP_PKEY_RSA_PSS, NID_sha384, "rsa_pss_rsae_sha384", "rsa_pss_pss_sha384"},
    {EVP_PKEY_RSA_PSS, NID_sha512, "rsa_pss_rsae_sha512", "rsa_pss_pss_sha512"},
    {EVP_PKEY_RSA, NID_sha256, "rsa_pkcs1_sha256", nullptr},
    {EVP_PKEY_RSA, NID_sha384, "rsa_pkcs1_sha384", nullptr},
    {EVP_PKEY_RSA, NID_sha512, "rsa_pkcs1_sha512", nullptr},
    {EVP_PKEY_RSA, NID_sha1, "rsa_pkcs1_sha1", nullptr},
};

const char* name_of(int type, int hash, X509* certificate) {
  const auto* const known = std::find_if(std::begin(kSignatures), std::end(kSignatures),
                                         [&](const Signature& each) { return each.type == type && each.hash == hash; });
  if (known == std::end(kSignatures)) return "";
  const EVP_PKEY* key = certificate != nullptr ? X509_get0_pubkey(certificate) : nullptr;
  const bool is_pss = key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS;
  return is_pss && known->of_pss_key != nullptr ? known->of_pss_key : known->name;
}

}  // namespace

const char* own_signature(SSL* ssl) {
  int type = NID_undef, hash = NID_undef;
  if (SSL_get_signature_type_nid(ssl, &type) != 1) return "";
  SSL_get_signature_nid(ssl, &hash);  // that of Ed25519 has none
  return name_of(type, hash, SSL_get_certificate(ssl));
}

const char* peer_signature(SSL* ssl) {
  int type = NID_undef, hash = NID_undef;
  if (SSL_get_peer_signature_type_nid(ssl, &type) != 1) return "";
  SSL_get_peer_signature_nid(ssl, &hash);
  return name_of(type, hash, SSL_get0_peer_certificate(ssl));
}

std::string offered_signatures(SSL* ssl) {
  std::string out;
  const int count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
  for (int i = 0; i < count; ++i) {
    unsigned char signature = 0, hash = 0;
    SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &signature, &hash);
    std::array<char, 8> code{};
    std::snprintf(code.data(), code.size(), "0x%02x%02x", hash, signature);
    out.append(out.empty() ? "" : ":").append(code.data());
  }
  return out;
}

}  // namespace weir::io
