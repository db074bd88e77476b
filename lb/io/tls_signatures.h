// Which signatures a handshake was made with. Private to io/tls*.
#pragma once
#include <string>

struct ssl_st;

namespace weir::io {

// By TLS's names, like "ecdsa_secp256r1_sha256", of static storage: what the server has signed its part with, and what
// the client its own, if it has shown a certificate. Empty: nothing was signed, as in a resumed handshake.
const char* own_signature(ssl_st* ssl);
const char* peer_signature(ssl_st* ssl);
// What the client has offered, in its order: "0x0403:0x0804".
std::string offered_signatures(ssl_st* ssl);

}  // namespace weir::io
