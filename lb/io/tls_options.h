// What a virtual server says of TLS. This struct is all there is of it, from the directive to the handshake.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace weir::io {

// Where PEM text is: a file's path, or the text itself behind "data:".
struct TlsCertificateFiles {
  std::string certificate;  // leaf first, then its chain
  std::string key;
  std::string label = {};       // how it is called where the text is weir's own; empty: by its file
  bool may_be_missing = false;  // handshakes are refused until it can be loaded
};

enum class VerifyClient : uint8_t { kOff, kOn, kOptional, kOptionalNoCa };
enum class TlsSessionCacheKind : uint8_t { kOff, kNone, kShared };

struct TlsOptions {
  // Mozilla's intermediate list without DHE; TLS 1.3 has its own.
  static constexpr const char* kCiphers =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

  std::vector<TlsCertificateFiles> certificates;  // of several key types; the client's offer decides
  std::string password_file;                      // passphrases of keys, one a line
  bool tls12 = true, tls13 = true;
  std::string ciphers = kCiphers;  // of TLS 1.2
  bool prefer_server_ciphers = false;
  std::vector<std::pair<std::string, std::string>> conf_commands;  // SSL_CONF_cmd(3)
  std::string dhparam;
  std::string curves = "auto";
  TlsSessionCacheKind cache = TlsSessionCacheKind::kNone;
  std::string cache_zone;  // of kShared
  int64_t cache_bytes = 0;
  bool tickets = true;
  std::vector<std::string> ticket_key_files;  // the first encrypts, all decrypt; none: weir makes and rotates its own
  Millis session_timeout{300'000};
  uint32_t record_bytes = 16 * 1024;  // the most of one record
  bool reject_handshake = false;
  VerifyClient verify_client = VerifyClient::kOff;
  std::string client_certificate;   // CAs that client certificates are checked with; their names are sent
  std::string trusted_certificate;  // the same, names not sent
  int verify_depth = 1;
  std::string crl;
  bool stapling = false;           // OCSP answers are shown
  bool stapling_verify = false;    // the chain of who has signed them, too
  std::string stapling_file;       // one in DER, instead of asking
  std::string stapling_responder;  // URL; empty: the certificate's
  Millis handshake_timeout{10'000};
  bool proves_name = false;  // for a CA that looks (RFC 8737): acme-tls/1 is all that is spoken
  bool note_offer = false;   // $ssl_ciphers, $ssl_curves or one of $ssl_*sigalg* is asked for
};

}  // namespace weir::io
