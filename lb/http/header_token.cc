// Header names to tokens: a table in order of length, entered by length. It runs once for each field of each message.
#include "http/header_token.h"

#include <array>
#include <cstddef>

#include "base/bytes.h"

namespace weir::http {
namespace {

struct Row {
  std::string_view name;  // lower case
  HeaderToken token;
};

constexpr Row kRows[] = {
    {"te", HeaderToken::kTe},
    {"host", HeaderToken::kHost},
    {"date", HeaderToken::kDate},
    {"etag", HeaderToken::kEtag},
    {"vary", HeaderToken::kVary},
    {"range", HeaderToken::kRange},
    {"x-app", HeaderToken::kXAppName},
    {"accept", HeaderToken::kAccept},
    {"cookie", HeaderToken::kCookie},
    {"server", HeaderToken::kServer},
    {"origin", HeaderToken::kOrigin},
    {"expect", HeaderToken::kExpect},
    {"referer", HeaderToken::kReferer},
    {"upgrade", HeaderToken::kUpgrade},
    {"trailer", HeaderToken::kTrailer},
    {"location", HeaderToken::kLocation},
    {"x-real-ip", HeaderToken::kXRealIp},
    {"forwarded", HeaderToken::kForwarded},
    {"connection", HeaderToken::kConnection},
    {"user-agent", HeaderToken::kUserAgent},
    {"set-cookie", HeaderToken::kSetCookie},
    {"keep-alive", HeaderToken::kKeepAlive},
    {"x-hostname", HeaderToken::kXHostname},
    {"retry-after", HeaderToken::kRetryAfter},
    {"content-type", HeaderToken::kContentType},
    {"authorization", HeaderToken::kAuthorization},
    {"cache-control", HeaderToken::kCacheControl},
    {"if-none-match", HeaderToken::kIfNoneMatch},
    {"last-modified", HeaderToken::kLastModified},
    {"content-length", HeaderToken::kContentLength},
    {"http2-settings", HeaderToken::kHttp2Settings},
    {"accept-encoding", HeaderToken::kAcceptEncoding},
    {"x-forwarded-for", HeaderToken::kXForwardedFor},
    {"x-accel-expires", HeaderToken::kXAccelExpires},
    {"content-encoding", HeaderToken::kContentEncoding},
    {"x-forwarded-host", HeaderToken::kXForwardedHost},
    {"x-forwarded-port", HeaderToken::kXForwardedPort},
    {"proxy-connection", HeaderToken::kProxyConnection},
    {"x-accel-redirect", HeaderToken::kXAccelRedirect},
    {"transfer-encoding", HeaderToken::kTransferEncoding},
    {"x-forwarded-proto", HeaderToken::kXForwardedProto},
    {"if-modified-since", HeaderToken::kIfModifiedSince},
    {"sec-websocket-key", HeaderToken::kSecWebSocketKey},
    {"x-accel-buffering", HeaderToken::kXAccelBuffering},
    {"proxy-authenticate", HeaderToken::kProxyAuthenticate},
    {"proxy-authorization", HeaderToken::kProxyAuthorization},
    {"sec-websocket-accept", HeaderToken::kSecWebSocketAccept},
    {"sec-websocket-version", HeaderToken::kSecWebSocketVersion},
    {"sec-websocket-protocol", HeaderToken::kSecWebSocketProtocol},
    {"sec-websocket-extensions", HeaderToken::kSecWebSocketExtensions},
};
constexpr size_t kRowCount = std::size(kRows);
constexpr size_t kLongest = kRows[kRowCount - 1].name.size();

// kFirst[n] is the first row whose name has at least n characters.
constexpr auto kFirst = [] {
  std::array<uint8_t, kLongest + 2> first{};
  for (size_t n = 0; n < first.size(); ++n) {
    size_t row = 0;
    while (row < kRowCount && kRows[row].name.size() < n) ++row;
    first[n] = static_cast<uint8_t>(row);
  }
  return first;
}();

constexpr bool is_ordered_by_length() {
  for (size_t i = 1; i < kRowCount; ++i)
    if (kRows[i].name.size() < kRows[i - 1].name.size()) return false;
  return true;
}
static_assert(is_ordered_by_length(), "kFirst needs the rows in order of length");

}  // namespace

HeaderToken header_token(std::string_view name) {
  if (name.size() > kLongest || name.empty()) return HeaderToken::kOther;
  const char first = to_lower(name.front());
  const size_t end = kFirst[name.size() + 1];
  for (size_t row = kFirst[name.size()]; row < end; ++row) {
    const std::string_view candidate = kRows[row].name;
    if (candidate.front() != first) continue;
    size_t i = 1;
    while (i < name.size() && to_lower(name[i]) == candidate[i]) ++i;
    if (i == name.size()) return kRows[row].token;
  }
  return HeaderToken::kOther;
}

bool is_hop_by_hop(HeaderToken token) {
  switch (token) {
    case HeaderToken::kConnection:
    case HeaderToken::kKeepAlive:
    case HeaderToken::kProxyConnection:
    case HeaderToken::kTransferEncoding:
    case HeaderToken::kUpgrade:
    case HeaderToken::kTe:
    case HeaderToken::kTrailer:
    case HeaderToken::kProxyAuthenticate:
    case HeaderToken::kProxyAuthorization:
    case HeaderToken::kHttp2Settings: return true;
    default: return false;
  }
}

}  // namespace weir::http
