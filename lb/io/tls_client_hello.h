// The first message of a TLS client, read before a TLS object is made for it: the virtual server that it names decides
// with which certificate, protocols and keys the handshake runs (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6066 3).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::io {

// RFC 8446 6.2; of those that weir itself sends, in place of a handshake.
enum class TlsAlert : uint8_t {
  kUnexpectedMessage = 10,
  kRecordOverflow = 22,
  kDecodeError = 50,
  kProtocolVersion = 70,
  kUnrecognizedName = 112
};

struct ClientHello {
  enum class State : uint8_t {
    kMore,   // so far it may be one
    kWhole,  // the message is here; `server_name` is what it asks for
    // A TLS record, but no hello that can be read: `alert` answers it. The TLS library is not asked, it understands
    // some of them, and would shake hands without regard to the server name in it.
    kBroken
  };
  State state = State::kMore;
  TlsAlert alert = TlsAlert::kDecodeError;
  // As sent, at most 255 bytes; empty: none, or none of the type host_name.
  std::string server_name;
  bool proves_name = false;  // it offers acme-tls/1 alone: a CA that looks whether the name leads here (RFC 8737 3)
  size_t missing = 0;        // of kMore: so many bytes have to come at least before it makes sense to ask again
};

// Whether a connection that begins with this byte speaks TLS. (nginx also lets SSLv2 hellos in, which OpenSSL refuses.)
inline bool begins_tls(char first) {
  return first == 0x16;
}

// `bytes`: all that came so far, from the first byte on; what follows the message is not looked at. It may lie in
// several records. More than 64 KB of a hello is broken.
ClientHello read_client_hello(std::string_view bytes);

}  // namespace weir::io
