#include "io/tls_sessions.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <utility>

#include "base/clock.h"

namespace weir::io {
namespace {

using Holder = std::shared_ptr<TlsShared>;

int shared_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Holder*>(data); });
  return index;
}

TlsShared* shared_of(SSL_CTX* context) {
  auto* holder = static_cast<Holder*>(SSL_CTX_get_ex_data(context, shared_index()));
  return holder != nullptr ? holder->get() : nullptr;
}

bool set_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "sha256";
  OSSL_PARAM params[3] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()), key.mac_bytes),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

const EVP_CIPHER* cipher_of(const TicketKey& key) {
  return key.cipher_bytes == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1 error, 0 not ours or none to be had, 1 fine, 2 fine and to be renewed.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypt) {
  TlsShared* shared = shared_of(SSL_get_SSL_CTX(ssl));
  const std::shared_ptr<TicketKeys> keys = shared != nullptr ? shared->get_tickets() : nullptr;
  if (keys == nullptr) return 0;  // no ticket
  if (encrypt != 0) {
    const auto key = keys->current(monotonic_ms());
    if (!key) return 0;
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_of(*key))) != 1) return -1;
    std::copy(key->name.begin(), key->name.end(), name);
    return EVP_EncryptInit_ex(cipher, cipher_of(*key), nullptr, key->cipher.data(), iv) == 1 && set_mac(mac, *key) ? 1
                                                                                                                   : -1;
  }
  const auto found = keys->find(name, monotonic_ms());
  if (!found) return 0;
  const TicketKey& key = found->key;
  if (!set_mac(mac, key) || EVP_DecryptInit_ex(cipher, cipher_of(key), nullptr, key.cipher.data(), iv) != 1) return -1;
  // In TLS 1.3 each is to be used once: the client gets another.
  return found->newest && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

std::string_view id_of(const SSL_SESSION* session) {
  unsigned size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  return {reinterpret_cast<const char*>(id), size};
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  TlsShared* shared = shared_of(SSL_get_SSL_CTX(ssl));
  const auto cache = shared != nullptr ? shared->get_cache() : nullptr;
  const int size = cache != nullptr ? i2d_SSL_SESSION(session, nullptr) : 0;
  if (size > 0) {
    std::string text(static_cast<size_t>(size), '\0');
    auto* at = reinterpret_cast<unsigned char*>(text.data());
    i2d_SSL_SESSION(session, &at);
    cache->put(id_of(session), std::move(text), monotonic_ms() + SSL_SESSION_get_timeout(session) * 1000);
  }
  return 0;  // no reference is kept
}

SSL_SESSION* find_session(SSL* ssl, const unsigned char* id, int size, int* copy) {
  *copy = 0;  // the reference is the library's
  TlsShared* shared = shared_of(SSL_get_SSL_CTX(ssl));
  const auto cache = shared != nullptr ? shared->get_cache() : nullptr;
  if (cache == nullptr || size <= 0) return nullptr;
  const auto text = cache->find({reinterpret_cast<const char*>(id), static_cast<size_t>(size)}, monotonic_ms());
  if (!text) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(text->data());
  return d2i_SSL_SESSION(nullptr, &at, static_cast<long>(text->size()));
}

void on_bad_session(SSL_CTX* context, SSL_SESSION* session) {
  TlsShared* shared = shared_of(context);
  if (const auto cache = shared != nullptr ? shared->get_cache() : nullptr) cache->remove(id_of(session));
}

// Whatever is missing, the handshake goes on.
int on_status(SSL* ssl, void*) {
  TlsShared* shared = shared_of(SSL_get_SSL_CTX(ssl));
  const X509* certificate = SSL_get_certificate(ssl);
  if (shared == nullptr || certificate == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const std::string digest = certificate_digest(certificate);
  const int64_t now = wall_us() / 1'000'000;
  std::shared_ptr<const Staple> staple = shared->fixed_staples.find(digest, now);
  if (const auto book = shared->get_staples(); staple == nullptr && book != nullptr) staple = book->find(digest, now);
  if (staple == nullptr) return SSL_TLSEXT_ERR_NOACK;
  auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(staple->answer.data(), staple->answer.size()));
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple->answer.size()));  // the library's
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void use_shared(SSL_CTX* context, std::shared_ptr<TlsShared> shared) {
  SSL_CTX_set_ex_data(context, shared_index(), new Holder(std::move(shared)));
}

void use_tickets(SSL_CTX* context) {
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

void use_session_cache(SSL_CTX* context) {
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  SSL_CTX_sess_set_get_cb(context, find_session);
  SSL_CTX_sess_set_remove_cb(context, on_bad_session);
}

void use_staples(SSL_CTX* context) {
  SSL_CTX_set_tlsext_status_cb(context, on_status);
}

}  // namespace weir::io
