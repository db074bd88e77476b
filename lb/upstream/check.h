// health_check and match as values: what a probe sends and what its answer must be.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "http/head.h"
#include "http/proxy_protocol.h"
#include "io/tls_peer_context.h"
#include "policy/health.h"

namespace weir::upstream {

// match NAME { status ...; header ...; body ...; }. All of them must hold. Without a status, any will do.
struct Match {
  static constexpr size_t kMostBody = 256 * 1024;  // what a body's pattern may look at

  struct StatusRange {
    int least, most;  // 200-399; one status: both the same
  };
  struct Header {
    std::string name;
    enum class Op : uint8_t { kPresent, kAbsent, kEquals, kDiffers, kMatches, kMatchesNot } op;
    std::string value;
    std::shared_ptr<const Regex> regex;  // kMatches, kMatchesNot
  };
  struct Body {
    bool negated = false;
    std::string pattern;
    std::shared_ptr<const Regex> regex;  // null: the body must be exactly `pattern` (body = TEXT)
  };

  std::string name;
  std::vector<StatusRange> statuses;
  bool status_negated = false;  // status ! 500
  std::vector<Header> headers;
  std::vector<Body> bodies;

  bool needs_body() const { return !bodies.empty(); }
  // Empty when it matches, else why not: "status 503", "header Content-Type", "body is not \"ok\"".
  std::string mismatch_head(const http::ResponseHead& head) const;
  std::string mismatch_body(std::string_view body) const;
  std::string text() const;  // canonical: equal texts match alike
};

enum class CheckType : uint8_t { kHttp, kTcp };

struct CheckOptions {
  policy::HealthOptions health;
  CheckType type = CheckType::kHttp;
  std::string uri = "/";
  std::string method = "GET";
  std::string host;                    // of the Host field; empty: the upstream's name
  uint16_t port = 0;                   // 0: the peer's own
  std::shared_ptr<const Match> match;  // null: 200-399
  Millis keepalive_time{0};            // how long a probe's connection is used again; 0: a new one each time
  // When this check fails every peer of the upstream, its verdict is void: what fails on all nodes at once is not a
  // node's fault.
  bool fail_open = false;
  // Sent in front: that the connection is weir's own. For peers that are sent PROXY headers.
  http::ProxyProtocol announce = http::ProxyProtocol::kOff;
  // As requests reach the peer. Null: in clear; always so for kTcp.
  std::shared_ptr<const io::TlsPeerContext> tls;
  std::string tls_name;  // that the peer is asked for by
  std::string position;  // file:line:col

  // Equal for checks that ask the same question in the same rhythm: such share one probe. `host` resolved by the
  // caller. What an upstream makes of the verdict (mandatory, fail_open) is not in it.
  std::string fingerprint() const;
  // The same without the rhythm, and whatever the files of TLS hold: what is known of a peer goes on when one of those
  // has changed.
  std::string question() const;
  std::string label() const;  // for the operator: "http GET /api/__health_check", "tcp port 9000"
};

}  // namespace weir::upstream
