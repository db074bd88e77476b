// Header names to tokens. It runs once for each field of each message.
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
    {"refresh", HeaderToken::kRefresh},
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
constexpr size_t kLongest = [] {
  size_t longest = 0;
  for (const Row& row : kRows) longest = row.name.size() > longest ? row.name.size() : longest;
  return longest;
}();

// A perfect hash of the length and three characters: kTable[n] is the row to compare with, or none.
constexpr size_t kTableSize = 256;
constexpr uint8_t kNone = 0xff;
constexpr size_t place_of(std::string_view name, uint32_t multiplier) {
  const size_t n = name.size();
  const auto letter = [name](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(name[i]) | 0x20); };
  const uint32_t key = letter(0) << 24 | letter(n - (n < 4 ? 1 : 4)) << 16 | letter(n - 1) << 8;
  return ((key | static_cast<uint32_t>(n)) * multiplier) >> 24;
}
struct Table {
  uint32_t multiplier = 0;  // 0: none was found
  std::array<uint8_t, kTableSize> row{};
};
constexpr Table kTable = [] {
  Table table;
  for (uint32_t multiplier = 0x9e3779b1; multiplier != 0x9e3779b1 + 4'000; multiplier += 2) {
    table.row.fill(kNone);
    bool clash = false;
    for (size_t i = 0; i < kRowCount && !clash; ++i) {
      uint8_t& row = table.row[place_of(kRows[i].name, multiplier)];
      clash = row != kNone;
      row = static_cast<uint8_t>(i);
    }
    if (clash) continue;
    table.multiplier = multiplier;
    break;
  }
  return table;
}();
static_assert(kTable.multiplier != 0, "no multiplier sets the rows apart: make the table larger");

}  // namespace

HeaderToken header_token(std::string_view name) {
  if (name.empty() || name.size() > kLongest) return HeaderToken::kOther;
  const uint8_t row = kTable.row[place_of(name, kTable.multiplier)];
  return row != kNone && iequals(name, kRows[row].name) ? kRows[row].token : HeaderToken::kOther;
}

}  // namespace weir::http
