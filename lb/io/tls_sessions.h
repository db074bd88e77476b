// How a context resumes, and staples: the callbacks that encrypt tickets, keep sessions and show OCSP answers. Private
// to io/tls*.
#pragma once
#include <memory>
#include <mutex>

#include "io/tls_ocsp.h"
#include "io/tls_openssl.h"
#include "io/tls_session_cache.h"
#include "io/tls_tickets.h"

namespace weir::io {

// What a context's callbacks look up. Every SSL_CTX holds a reference: connections that go on with one that was swapped
// out still end in it.
struct TlsShared {
  std::mutex mutex;
  std::shared_ptr<TicketKeys> tickets;
  std::shared_ptr<TlsSessionCache> cache;
  bool fixed_tickets = false;  // of the options' files: share() leaves them
  bool shared = false;
  std::shared_ptr<StapleBook> staples;  // of all contexts; null: none
  StapleBook fixed_staples;             // of the options' file

  std::shared_ptr<TicketKeys> get_tickets() {
    const std::lock_guard lock(mutex);
    return tickets;
  }
  std::shared_ptr<TlsSessionCache> get_cache() {
    const std::lock_guard lock(mutex);
    return cache;
  }
  std::shared_ptr<StapleBook> get_staples() {
    const std::lock_guard lock(mutex);
    return staples;
  }
};

void use_shared(SSL_CTX* context, std::shared_ptr<TlsShared> shared);
void use_tickets(SSL_CTX* context);        // needs use_shared()
void use_session_cache(SSL_CTX* context);  // likewise
void use_staples(SSL_CTX* context);        // likewise

}  // namespace weir::io
