// The PROXY protocol, versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt): a header in front of a
// connection's bytes with which a proxy says for whom it opened it. No I/O.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/sockaddr.h"

namespace weir::http {

enum class ProxyProtocol : uint8_t { kOff, kV1, kV2 };

// What was announced.
struct ProxyHeader {
  SocketAddress source, destination;  // unmapped; of one family or the other, never of two
  std::string tlvs;                   // of version 2, as received; well-formed

  // A value by number (proxy_tlv()); nullopt: not announced. In the header or in `arena`.
  std::optional<std::string_view> tlv(int number, Arena& arena) const;
};

struct ProxyHeaderRead {
  enum class State : uint8_t {
    kMore,    // it is not whole yet
    kDone,    // it takes `size` bytes
    kInvalid  // no header, or one that is refused: `why`
  } state = State::kMore;
  size_t size = 0;
  bool announces = false;     // else the connection is the proxy's own (LOCAL, UNKNOWN, a family that no address has)
  std::string_view why = {};  // static
};

// The header at the begin of `bytes`. `into` is set when it is done and announces. Version 1 has at most 107 bytes; of
// version 2 weir takes up to kMostProxyV2 behind its first 16. A checksum (CRC-32C) is looked at where there is one.
inline constexpr size_t kMostProxyV2 = 4096;
ProxyHeaderRead read_proxy_header(std::string_view bytes, ProxyHeader& into);

// A TLV by nginx's names: "alpn", "authority", "unique_id", "netns", "ssl", "ssl_verify", "ssl_version", "ssl_cn",
// "ssl_cipher", "ssl_sig_alg", "ssl_key_alg", "0xNN", "ssl_0xNN"; lower case. Nullopt: none of them.
std::optional<int> proxy_tlv(std::string_view name);

// The header that announces a connection of `source` to `destination`, in `arena`. Of IPv4 and IPv6 the former is
// mapped into the latter; where one of both is neither, the header says that nothing is known.
std::string_view proxy_header(ProxyProtocol version, const SocketAddress& source, const SocketAddress& destination,
                              Arena& arena);
// That of a connection of weir's own: a health check.
std::string_view local_proxy_header(ProxyProtocol version);

}  // namespace weir::http
