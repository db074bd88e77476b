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
  std::string name;   // sent as SNI and, where verified, looked for in the certificate
  std::string terms;  // TlsPeerContext::terms(): who vouches for it, what weir shows, protocols, ciphers

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
    for (const std::string* text : {&identity.tls->name, &identity.tls->terms})
      sum = sum * 1'000'003 + std::hash<std::string>()(*text);
    return sum;
  }
};
