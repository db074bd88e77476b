#include "io/tls_peer_sessions.h"

#include <utility>

#include "io/tls_openssl.h"

namespace weir::io {

void TlsPeerSessions::forget() {
  SSL_SESSION_free(std::exchange(newest_, nullptr));
}

void TlsPeerSessions::keep(SSL_SESSION* session) {
  forget();
  newest_ = session;
}

SSL_SESSION* TlsPeerSessions::find(int64_t now) {
  if (newest_ == nullptr) return nullptr;
  const X509* certificate = SSL_SESSION_get0_peer(newest_);
  const bool old = SSL_SESSION_get_time(newest_) + SSL_SESSION_get_timeout(newest_) <= now ||
                   (certificate != nullptr && X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0);
  if (old || SSL_SESSION_is_resumable(newest_) != 1) forget();
  return newest_;
}

}  // namespace weir::io
