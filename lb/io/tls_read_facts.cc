#include "io/tls_read_facts.h"

#include <openssl/pem.h>

#include <cstdio>

#include "base/bytes.h"
#include "io/tls_certificate.h"
#include "io/tls_signatures.h"

namespace weir::io {
namespace {

std::string hex_of(const unsigned char* bytes, size_t size) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

std::string legacy_name(const X509_NAME* name) {
  char* line = X509_NAME_oneline(name, nullptr, 0);
  std::string text = line != nullptr ? line : "";
  OPENSSL_free(line);
  return text;
}

std::string time_text(const ASN1_TIME* time) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  return text_of(bio.get());
}

std::unique_ptr<const ClientCertificate> client_certificate(X509* certificate) {
  auto client = std::make_unique<ClientCertificate>();
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  client->pem = text_of(bio.get());
  const CertificateFacts facts = certificate_facts(certificate, {});
  client->subject = facts.subject;
  client->issuer = facts.issuer;
  client->serial = facts.serial;
  client->not_after_seconds = facts.not_after;
  client->subject_legacy = legacy_name(X509_get_subject_name(certificate));
  client->issuer_legacy = legacy_name(X509_get_issuer_name(certificate));
  client->not_before = time_text(X509_get0_notBefore(certificate));
  client->not_after = time_text(X509_get0_notAfter(certificate));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha1(), digest, &size) == 1) client->fingerprint = hex_of(digest, size);
  return client;
}

// As nginx's ngx_ssl_verify_error_optional.
bool is_forgivable(long error) {
  return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || error == X509_V_ERR_CERT_UNTRUSTED ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

void add_offer(SSL* ssl, TlsFacts& facts) {
  facts.signature = own_signature(ssl);
  facts.client_signature = peer_signature(ssl);
  facts.signatures = offered_signatures(ssl);
  const unsigned char* raw = nullptr;
  const long bytes = SSL_get0_raw_cipherlist(ssl, nullptr) > 0 ? SSL_get0_raw_cipherlist(ssl, &raw) : 0;
  const auto size = static_cast<size_t>(bytes);
  for (size_t i = 0; i + 1 < size; i += 2) {
    if (!facts.ciphers.empty()) facts.ciphers += ':';
    const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, raw + i);
    facts.ciphers += cipher != nullptr ? std::string(SSL_CIPHER_get_name(cipher)) : "0x" + hex_of(raw + i, 2);
  }
  int* none = nullptr;
  const long count = SSL_get1_groups(ssl, none);
  if (count <= 0) return;
  std::string groups(static_cast<size_t>(count) * sizeof(int), '\0');
  auto* ids = reinterpret_cast<int*>(groups.data());
  SSL_get1_groups(ssl, ids);
  for (long i = 0; i < count; ++i) {
    if (!facts.curves.empty()) facts.curves += ':';
    if ((ids[i] & TLSEXT_nid_unknown) != 0) {
      char number[16];
      std::snprintf(number, sizeof number, "0x%04x", static_cast<unsigned>(ids[i] & 0xffff));
      facts.curves += number;
    } else {
      facts.curves += OBJ_nid2sn(ids[i]);
    }
  }
}

const char* curve_of(SSL* ssl) {
  const int id = static_cast<int>(SSL_get_negotiated_group(ssl));
  if (id == NID_undef || (id & TLSEXT_nid_unknown) != 0) return "";
  return OBJ_nid2sn(id);
}

}  // namespace

std::shared_ptr<TlsFacts> tls_facts(SSL* ssl, bool with_offer) {
  auto facts = std::make_shared<TlsFacts>();
  facts->protocol = SSL_get_version(ssl);
  facts->cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  facts->curve = curve_of(ssl);
  facts->resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn != nullptr) facts->alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (const SSL_SESSION* session = SSL_get0_session(ssl)) {
    unsigned size = 0;
    const unsigned char* id = SSL_SESSION_get_id(session, &size);
    facts->session_id = hex_of(id, size);
  }
  if (with_offer) add_offer(ssl, *facts);
  if (X509* certificate = SSL_get0_peer_certificate(ssl)) {
    facts->client = client_certificate(certificate);
    const long result = SSL_get_verify_result(ssl);
    facts->verified = result == X509_V_OK;
    facts->verify_optional = is_forgivable(result);
    if (!facts->verified) facts->verify_error = X509_verify_cert_error_string(result);
  }
  ERR_clear_error();
  return facts;
}

}  // namespace weir::io
