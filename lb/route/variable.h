// nginx's variables: a name in the configuration becomes a VariableRef once, at load; a request answers it through
// VariableSource.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "http/header_token.h"

namespace weir::route {

class Map;

enum class Var : uint8_t {
  // request
  kArgs,
  kArg /*arg*/,
  kContentLength,
  kContentType,
  kCookie /*arg*/,
  kDocumentRoot,
  kDocumentUri,
  kHost,
  kHostname,
  kHttp /*arg*/,
  kIsArgs,
  kMethod,
  kQueryString,
  kRequest,
  kRequestFilename,
  kRequestLength,
  kRequestUri,
  kScheme,
  kServerProtocol,
  kUri,
  kRequestId,
  kSpanId,
  kTraceId,
  kTraceparent,
  kOtelParentId,
  kOtelParentSampled,
  kRequestBody,
  kLimitRate,
  kInvalidReferer,
  kLimitReqStatus,
  kLimitConnStatus,
  // connection
  kBinaryRemoteAddr,
  kConnection,
  kConnectionRequests,
  kConnectionTime,
  kNginxVersion,
  kPid,
  kPipe,
  kRealipRemoteAddr,
  kRealipRemotePort,
  kRemoteAddr,
  kRemotePort,
  kRemoteUser,
  kServerAddr,
  kServerName,
  kServerPort,
  kHttps,
  kProxyProtocolAddr,
  kProxyProtocolPort,
  kProxyProtocolServerAddr,
  kProxyProtocolServerPort,
  kProxyProtocolTlv /*index*/,
  kSslAlpnProtocol,
  kSslCipher,
  kSslCiphers,
  kSslClientCert,
  kSslClientEscapedCert,
  kSslClientFingerprint,
  kSslClientIDn,
  kSslClientIDnLegacy,
  kSslClientRawCert,
  kSslClientSDn,
  kSslClientSDnLegacy,
  kSslClientSerial,
  kSslClientVEnd,
  kSslClientVRemain,
  kSslClientVStart,
  kSslClientVerify,
  kSslCurve,
  kSslCurves,
  kSslEarlyData,
  kSslProtocol,
  kSslSigalg,
  kSslSigalgs,
  kSslClientSigalg,
  kSslServerName,
  kSslSessionId,
  kSslSessionReused,
  kTcpinfoRtt,
  kTcpinfoRttvar,
  kTcpinfoSndCwnd,
  kTcpinfoRcvSpace,
  // response and log
  kBodyBytesSent,
  kBytesSent,
  kGzipRatio,
  kMsec,
  kRequestCompletion,
  kRequestTime,
  kSentHttp /*arg*/,
  kSentTrailer /*arg*/,
  kStatus,
  kDateGmt,
  kDateLocal,
  kTimeIso8601,
  kTimeLocal,
  // proxy and upstream
  kProxyAddXForwardedFor,
  kProxyHost,
  kProxyPort,
  kUpstreamAddr,
  kUpstreamBytesReceived,
  kUpstreamCacheStatus,
  kUpstreamBytesSent,
  kUpstreamConnectTime,
  kUpstreamCookie /*arg*/,
  kUpstreamHeaderTime,
  kUpstreamHttp /*arg*/,
  kUpstreamTrailer /*arg*/,
  kUpstreamReason,
  kUpstreamResponseLength,
  kUpstreamResponseTime,
  kUpstreamStatus,
  // from the configuration
  kMap /*map*/,
  kCapture /*index*/,
  kNamedCapture /*arg*/,
  kSet /*index, arg*/,
};

struct VariableRef {
  Var id = Var::kHost;
  http::HeaderToken token = http::HeaderToken::kOther;  // of arg, for the header families
  int index = 0;                                        // of a capture; of a `set`; of a TLV: http::proxy_tlv()
  // $http_x_y: "x-y" (lower case, '_' turned to '-'); $arg_, $cookie_: as written; a named capture, what `set` sets:
  // lower case.
  std::string arg;
  std::shared_ptr<const Map> map;  // of a named capture: the map whose regex may set it, or null
  // Of a named capture: more such maps, asked in this order where that one does not set it.
  std::vector<std::shared_ptr<const Map>> more_maps = {};
};

struct VariableValue {
  std::string_view text;
  bool found = false;  // "-" in a log when not
};

// What an exchange (or a log record, or a test) answers with. The text lives in `arena`, in the exchange or in static
// storage.
class VariableSource {
 public:
  virtual VariableValue variable(const VariableRef& ref, Arena& arena) const = 0;

 protected:
  ~VariableSource() = default;
};

// Names declared by the configuration (map, named captures) beside the built-in ones.
class VariableNames {
 public:
  void declare_map(const std::string& name, std::shared_ptr<const Map> map);
  // Named group of a server_name's or location's regex; of a map's with `map`, which is then asked for it, the one
  // declared last before the others. True when another map has declared it already.
  bool declare_capture(const std::string& name, std::shared_ptr<const Map> map = nullptr);
  // What a `set` sets somewhere: one slot of a request for each name.
  void declare_set(const std::string& name);
  // The slot for `set`, kArgs or kLimitRateSlot. The error: `the duplicate "host" variable`.
  static constexpr int kArgs = -1;
  static constexpr int kLimitRateSlot = -2;
  Result<int> settable(std::string_view name) const;
  // A built-in one that no map and no regex may declare anew, as in nginx. Those that only weir has they may: a file
  // that is valid for nginx keeps its meaning.
  static bool is_fixed(std::string_view name);
  // "remote_addr", "http_x_foo", "1", "my_map". The error: `unknown "foo" variable`, with a suggestion where near.
  Result<VariableRef> find(std::string_view name) const;
  // $ssl_ciphers, $ssl_curves or one of the signatures was asked for: they are noted of a handshake only then.
  bool asks_for_tls_offer() const { return tls_offer_; }

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const Map> map;
    bool capture = false;
    std::vector<std::shared_ptr<const Map>> more_maps = {};
    int slot = -1;  // of a request; -1: no `set` names it
  };
  std::vector<Entry> declared_;
  int slots_ = 0;
  mutable bool tls_offer_ = false;
};

}  // namespace weir::route
