// The header names that weir itself acts on. Everything else is kOther and compared by text.
#pragma once
#include <cstdint>
#include <initializer_list>
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
  kRefresh,
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

// A few tokens, asked for in one operation.
class TokenSet {
 public:
  constexpr TokenSet(std::initializer_list<HeaderToken> tokens) {
    for (const HeaderToken token : tokens) bits_ |= uint64_t{1} << static_cast<int>(token);
  }
  constexpr bool has(HeaderToken token) const { return (bits_ >> static_cast<int>(token) & 1) != 0; }

 private:
  static_assert(static_cast<int>(HeaderToken::kXAccelBuffering) < 64, "the last token has a bit");
  uint64_t bits_ = 0;
};

// Case-insensitive. kXAppName is `X-App`.
HeaderToken header_token(std::string_view name);

// Hop-by-hop by specification (RFC 9110 7.6.1): never forwarded, whatever Connection says.
constexpr bool is_hop_by_hop(HeaderToken token) {
  constexpr TokenSet kHopByHop{
      HeaderToken::kConnection,       HeaderToken::kKeepAlive,         HeaderToken::kProxyConnection,
      HeaderToken::kTransferEncoding, HeaderToken::kUpgrade,           HeaderToken::kTe,
      HeaderToken::kTrailer,          HeaderToken::kProxyAuthenticate, HeaderToken::kProxyAuthorization,
      HeaderToken::kHttp2Settings};
  return kHopByHop.has(token);
}

}  // namespace weir::http
