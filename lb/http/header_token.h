// The header names that weir itself acts on. Everything else is kOther and compared by text.
#pragma once
#include <cstdint>
#include <string_view>

namespace weir::http {

enum class HeaderToken : uint8_t {
  kOther,
  kHost,
  kContentLength,
  kTransferEncoding,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kUpgrade,
  kTe,
  kTrailer,
  kExpect,
  kForwarded,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kXRealIp,
  kProxyAuthenticate,
  kProxyAuthorization,
  kHttp2Settings,
  kDate,
  kServer,
  kContentType,
  kContentEncoding,
  kLocation,
  kRetryAfter,
  kCacheControl,
  kSetCookie,
  kCookie,
  kReferer,
  kUserAgent,
  kAuthorization,
  kAccept,
  kAcceptEncoding,
  kOrigin,
  kXAppName,
  kXHostname,
  kSecWebSocketKey,
  kSecWebSocketAccept,
  kSecWebSocketVersion,
  kSecWebSocketExtensions,
  kSecWebSocketProtocol,
  kIfModifiedSince,
  kIfNoneMatch,
  kRange,
  kEtag,
  kLastModified,
  kVary,
  kXAccelExpires,
  kXAccelRedirect,
  kXAccelBuffering,
};

// Case-insensitive. kXAppName is `X-App`.
HeaderToken header_token(std::string_view name);

// Hop-by-hop by specification (RFC 9110 7.6.1): never forwarded, whatever Connection says.
bool is_hop_by_hop(HeaderToken token);

}  // namespace weir::http
