// Whom a connection reaches, and how: two requests may share one only when all of this is equal. A connection that was
// opened without looking at a certificate is never lent to an upstream that verifies.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/sockaddr.h"

namespace weir::upstream {

// How TLS is spoken to a peer.
struct TlsIdentity {
  std::string name;         // sent as SNI and, where verified, looked for in the certificate
  std::string trusted;      // the certificates that vouch for it; empty: not verified
  std::string certificate;  // weir's own that is shown; empty: none
  std::string alpn;         // the protocols offered, as on the wire

  bool operator==(const TlsIdentity&) const = default;
};

struct PeerIdentity {
  SocketAddress address;
  std::shared_ptr<const TlsIdentity> tls = nullptr;  // null: clear text

  bool operator==(const PeerIdentity& other) const {
    if (!(address == other.address)) return false;
    if (tls == other.tls) return true;
    return tls != nullptr && other.tls != nullptr && *tls == *other.tls;
  }
};

}  // namespace weir::upstream

// Of configured and resolved peers, which no client chooses: no keyed hash.
template <>
struct std::hash<weir::upstream::PeerIdentity> {
  size_t operator()(const weir::upstream::PeerIdentity& identity) const noexcept {
    size_t sum = std::hash<weir::SocketAddress>()(identity.address);
    if (identity.tls == nullptr) return sum;
    const weir::upstream::TlsIdentity& tls = *identity.tls;
    for (const std::string* text : {&tls.name, &tls.trusted, &tls.certificate, &tls.alpn})
      sum = sum * 1'000'003 + std::hash<std::string>()(*text);
    return sum;
  }
};
