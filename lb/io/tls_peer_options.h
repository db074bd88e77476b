// What a location says of TLS to its peers. This struct is all there is of it, from the directive to the handshake; the
// name of a peer is a request's.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "io/tls_options.h"

namespace weir::io {

struct TlsPeerOptions {
  bool verify = true;
  bool server_name = true;          // the peer's name is sent (SNI)
  std::string trusted_certificate;  // CAs that peers are checked with; empty: the system's
  int verify_depth = 3;             // intermediate CAs between a peer's certificate and a trusted one
  std::string crl;                  // of every CA in the chain
  TlsCertificateFiles certificate;  // weir's own; empty: it shows none
  std::string password_file;
  bool tls12 = true, tls13 = true;
  std::string ciphers = "DEFAULT";                                 // of TLS 1.2
  std::vector<std::pair<std::string, std::string>> conf_commands;  // SSL_CONF_cmd(3)
};

}  // namespace weir::io
