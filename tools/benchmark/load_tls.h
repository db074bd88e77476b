// The load's side of TLS: OpenSSL on the socket itself, for a client that verifies nobody. All proxies shake hands by the
// same words: X25519, and AES-128-GCM in either version.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include <string>

class TlsClients {
 public:
  // `resumes`: each connection goes on with the newest session that is known.
  TlsClients(bool resumes, bool tls12, std::string server_name)
      : server_name_(std::move(server_name)), context_(SSL_CTX_new(TLS_client_method())) {
    const int version = tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_cipher_list(context_, "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set1_groups_list(context_, "X25519");
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(context_, 0, this);
    if (resumes)
      SSL_CTX_sess_set_new_cb(context_, [](SSL* of, SSL_SESSION* made) {
        auto* self = static_cast<TlsClients*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(of), 0));
        SSL_SESSION_free(self->session_);
        self->session_ = made;
        return 1;
      });
  }
  TlsClients(const TlsClients&) = delete;
  TlsClients& operator=(const TlsClients&) = delete;

  SSL* begin(int fd) {
    SSL* made = SSL_new(context_);
    if (made == nullptr || SSL_set_fd(made, fd) != 1) abort();
    if (!server_name_.empty()) SSL_set_tlsext_host_name(made, server_name_.c_str());
    if (session_ != nullptr) SSL_set_session(made, session_);
    SSL_set_connect_state(made);
    return made;
  }
  enum class State { kDone, kReads, kWrites, kFailed };
  State shake(SSL* tls) {
    ERR_clear_error();
    const int n = SSL_do_handshake(tls);
    if (n == 1) {
      ++(SSL_session_reused(tls) == 1 ? resumed : full);
      return State::kDone;
    }
    switch (SSL_get_error(tls, n)) {
      case SSL_ERROR_WANT_READ: return State::kReads;
      case SSL_ERROR_WANT_WRITE: return State::kWrites;
      default: return State::kFailed;
    }
  }
  // As send(2) and read(2): -1 with EAGAIN for later, with EPROTO where it is broken; 0 at the end.
  static ssize_t put(SSL* tls, const char* bytes, size_t size) {
    ERR_clear_error();
    size_t n = 0;
    return SSL_write_ex(tls, bytes, size, &n) == 1 ? static_cast<ssize_t>(n) : settle(tls);
  }
  // As many records as have come and fit: whole ones, as the socket says nothing of a part that is left in the object.
  static ssize_t get(SSL* tls, char* into, size_t room) {
    size_t all = 0;
    while (room - all >= SSL3_RT_MAX_PLAIN_LENGTH) {
      ERR_clear_error();
      size_t n = 0;
      if (SSL_read_ex(tls, into + all, room - all, &n) != 1) return all > 0 ? static_cast<ssize_t>(all) : settle(tls);
      all += n;
    }
    return static_cast<ssize_t>(all);
  }
  // The socket is the caller's. A connection that ends without a goodbye is no reason to forget its session.
  static void end(SSL* tls) {
    SSL_set_shutdown(tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls);
  }

  uint64_t full = 0, resumed = 0;  // handshakes

 private:
  static ssize_t settle(SSL* tls) {
    switch (SSL_get_error(tls, -1)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
      case SSL_ERROR_ZERO_RETURN: return 0;
      default: errno = EPROTO; return -1;
    }
  }
  const std::string server_name_;
  SSL_CTX* const context_;
  SSL_SESSION* session_ = nullptr;
};
