// Reads what a handshake has settled off a TLS object. Private to io/tls*.
#pragma once
#include <memory>

#include "io/tls_facts.h"
#include "io/tls_openssl.h"

namespace weir::io {

std::shared_ptr<TlsFacts> tls_facts(SSL* ssl, bool with_offer);

}  // namespace weir::io
