// What a TLS connection is, as its handshake has settled it: told once, the same for as long as it lives.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace weir::io {

struct ClientCertificate {
  std::string pem;
  std::string subject, issuer;                // RFC 2253
  std::string subject_legacy, issuer_legacy;  // "/C=DE/CN=me"
  std::string serial, fingerprint;            // hex; SHA-1 as nginx's
  std::string not_before, not_after;          // as OpenSSL prints them
  int64_t not_after_seconds = 0;
};

struct TlsFacts {
  const char* protocol = "";  // "TLSv1.3"; of OpenSSL, for good
  const char* cipher = "";
  const char* curve = "";
  const char* signature = "";         // the server's, "ecdsa_secp256r1_sha256"
  const char* client_signature = "";  // where it has shown a certificate. Both only where the options ask for it
  bool resumed = false;
  bool verified = false;         // the client has shown a certificate and it is good
  bool verify_optional = false;  // what is wrong with it is its unknown issuer: optional_no_ca lets it pass
  std::string server_name;       // that the client asked for, lower case
  std::string alpn;
  std::string session_id;                           // hex
  std::string ciphers, curves, signatures;          // that the client offered, "a:b"; only where the options ask for it
  std::string verify_error;                         // of a certificate that is not good
  std::unique_ptr<const ClientCertificate> client;  // null: it has shown none
};

}  // namespace weir::io
