// What can go wrong with an exchange, as values. One table (error.cc) maps a kind to the status a client sees, the word
// in the log and whether the peer is to blame; nobody else decides these.
#pragma once
#include <cstdint>
#include <string_view>

namespace weir {

enum class Side : uint8_t { kClient, kPeer, kLocal };

// When another peer may be asked (SEMANTICS 2.6). The retry policy reads it; the rest of the rule is in policy/retry.h.
enum class RetryClass : uint8_t {
  kNone,     // the client's fault, or ours for good
  kConnect,  // (a) nothing was written to the peer
  kReused,   // (b) a reused connection closed without a response byte
  kListed,   // (c) only when proxy_next_upstream lists the condition
};

enum class ErrorKind : uint8_t {
  kNone,
  // client
  kClientClosed,     // FIN or RST while its request was in flight: 499
  kClientTimeout,    // too slow with head or body: 408
  kClientReadStall,  // does not take the response: connection is closed
  // peer
  kConnectRefused,
  kConnectTimeout,
  kConnectFailed,  // unreachable, reset while connecting
  kTlsFailed,
  kTlsUnverified,        // it is not who it should be: name, issuer, dates, revocation
  kReusedClosed,         // a pooled connection closed before a response byte
  kResetBeforeResponse,  // a fresh one did
  kHeaderTimeout,
  kBodyTimeout,       // silence inside the response body
  kSendTimeout,       // the peer does not take the request
  kResetMidResponse,  // closed inside the response
  kInvalidResponse,   // HTTP, but a head or framing that we refuse
  kNotHttp,           // no status line
  kDeclaredDown,      // a check took the peer down while the request waited on it: rule (d)
  kNotReady,  // its gateway answered that the application is not there yet; the application never saw the request
  // local
  kNameUnresolved,  // the resolver has no address for the host that the request names
  kNoPeer,
  kQueueTimeout,
  kQueueFull,
  kOverloaded,
  kRetryBudget,
  kLocalError,  // no ports, no descriptors, no memory: never blamed on a peer
};
inline constexpr int kErrorKinds = static_cast<int>(ErrorKind::kLocalError) + 1;

struct ErrorTraits {
  Side side;
  RetryClass retry;
  uint16_t status;          // what the client is answered when nothing was sent yet
  std::string_view reason;  // $upstream_reason's closed list (SEMANTICS 2.8)
  bool blames_peer;         // counts towards max_fails
};

const ErrorTraits& traits(ErrorKind kind);

}  // namespace weir
