// The names of the built-in variables, and how a name becomes a VariableRef.
#include "route/variable.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/bytes.h"
#include "http/proxy_protocol.h"

namespace weir::route {
namespace {

struct BuiltIn {
  std::string_view name;
  Var id;
};

constexpr BuiltIn kPlain[] = {
    {"args", Var::kArgs},
    {"binary_remote_addr", Var::kBinaryRemoteAddr},
    {"body_bytes_sent", Var::kBodyBytesSent},
    {"bytes_sent", Var::kBytesSent},
    {"connection", Var::kConnection},
    {"connection_requests", Var::kConnectionRequests},
    {"connection_time", Var::kConnectionTime},
    {"content_length", Var::kContentLength},
    {"content_type", Var::kContentType},
    {"date_gmt", Var::kDateGmt},
    {"date_local", Var::kDateLocal},
    {"document_root", Var::kDocumentRoot},
    {"document_uri", Var::kDocumentUri},
    {"gzip_ratio", Var::kGzipRatio},
    {"host", Var::kHost},
    {"hostname", Var::kHostname},
    {"https", Var::kHttps},
    {"invalid_referer", Var::kInvalidReferer},
    {"is_args", Var::kIsArgs},
    {"limit_conn_status", Var::kLimitConnStatus},
    {"limit_rate", Var::kLimitRate},
    {"limit_req_status", Var::kLimitReqStatus},
    {"msec", Var::kMsec},
    {"nginx_version", Var::kNginxVersion},
    {"pid", Var::kPid},
    {"pipe", Var::kPipe},
    {"proxy_add_x_forwarded_for", Var::kProxyAddXForwardedFor},
    {"proxy_host", Var::kProxyHost},
    {"proxy_port", Var::kProxyPort},
    {"proxy_protocol_addr", Var::kProxyProtocolAddr},
    {"proxy_protocol_port", Var::kProxyProtocolPort},
    {"proxy_protocol_server_addr", Var::kProxyProtocolServerAddr},
    {"proxy_protocol_server_port", Var::kProxyProtocolServerPort},
    {"query_string", Var::kQueryString},
    {"realip_remote_addr", Var::kRealipRemoteAddr},
    {"realip_remote_port", Var::kRealipRemotePort},
    {"remote_addr", Var::kRemoteAddr},
    {"remote_port", Var::kRemotePort},
    {"remote_user", Var::kRemoteUser},
    {"request", Var::kRequest},
    {"request_body", Var::kRequestBody},
    {"request_completion", Var::kRequestCompletion},
    {"request_filename", Var::kRequestFilename},
    {"request_id", Var::kRequestId},
    {"span_id", Var::kSpanId},
    {"otel_parent_id", Var::kOtelParentId},
    {"otel_parent_sampled", Var::kOtelParentSampled},
    {"otel_span_id", Var::kSpanId},
    {"otel_trace_id", Var::kTraceId},
    {"trace_id", Var::kTraceId},
    {"traceparent", Var::kTraceparent},
    {"request_length", Var::kRequestLength},
    {"request_method", Var::kMethod},
    {"request_time", Var::kRequestTime},
    {"request_uri", Var::kRequestUri},
    {"scheme", Var::kScheme},
    {"server_addr", Var::kServerAddr},
    {"server_name", Var::kServerName},
    {"server_port", Var::kServerPort},
    {"server_protocol", Var::kServerProtocol},
    {"ssl_alpn_protocol", Var::kSslAlpnProtocol},
    {"ssl_cipher", Var::kSslCipher},
    {"ssl_ciphers", Var::kSslCiphers},
    {"ssl_client_cert", Var::kSslClientCert},
    {"ssl_client_escaped_cert", Var::kSslClientEscapedCert},
    {"ssl_client_fingerprint", Var::kSslClientFingerprint},
    {"ssl_client_i_dn", Var::kSslClientIDn},
    {"ssl_client_i_dn_legacy", Var::kSslClientIDnLegacy},
    {"ssl_client_raw_cert", Var::kSslClientRawCert},
    {"ssl_client_s_dn", Var::kSslClientSDn},
    {"ssl_client_s_dn_legacy", Var::kSslClientSDnLegacy},
    {"ssl_client_serial", Var::kSslClientSerial},
    {"ssl_client_sigalg", Var::kSslClientSigalg},
    {"ssl_client_v_end", Var::kSslClientVEnd},
    {"ssl_client_v_remain", Var::kSslClientVRemain},
    {"ssl_client_v_start", Var::kSslClientVStart},
    {"ssl_client_verify", Var::kSslClientVerify},
    {"ssl_curve", Var::kSslCurve},
    {"ssl_curves", Var::kSslCurves},
    {"ssl_early_data", Var::kSslEarlyData},
    {"ssl_protocol", Var::kSslProtocol},
    {"ssl_server_name", Var::kSslServerName},
    {"ssl_session_id", Var::kSslSessionId},
    {"ssl_session_reused", Var::kSslSessionReused},
    {"ssl_sigalg", Var::kSslSigalg},
    {"ssl_sigalgs", Var::kSslSigalgs},
    {"status", Var::kStatus},
    {"tcpinfo_rcv_space", Var::kTcpinfoRcvSpace},
    {"tcpinfo_rtt", Var::kTcpinfoRtt},
    {"tcpinfo_rttvar", Var::kTcpinfoRttvar},
    {"tcpinfo_snd_cwnd", Var::kTcpinfoSndCwnd},
    {"time_iso8601", Var::kTimeIso8601},
    {"time_local", Var::kTimeLocal},
    {"upstream_addr", Var::kUpstreamAddr},
    {"upstream_bytes_received", Var::kUpstreamBytesReceived},
    {"upstream_bytes_sent", Var::kUpstreamBytesSent},
    {"upstream_cache_status", Var::kUpstreamCacheStatus},
    {"upstream_connect_time", Var::kUpstreamConnectTime},
    {"upstream_header_time", Var::kUpstreamHeaderTime},
    {"upstream_reason", Var::kUpstreamReason},
    {"upstream_response_length", Var::kUpstreamResponseLength},
    {"upstream_response_time", Var::kUpstreamResponseTime},
    {"upstream_status", Var::kUpstreamStatus},
    {"uri", Var::kUri},
};

// Families: what follows the prefix is the argument.
constexpr BuiltIn kFamilies[] = {
    {"arg_", Var::kArg},
    {"cookie_", Var::kCookie},
    {"http_", Var::kHttp},
    {"proxy_protocol_tlv_", Var::kProxyProtocolTlv},
    {"sent_http_", Var::kSentHttp},
    {"sent_trailer_", Var::kSentTrailer},
    {"upstream_cookie_", Var::kUpstreamCookie},
    {"upstream_http_", Var::kUpstreamHttp},
    {"upstream_trailer_", Var::kUpstreamTrailer},
};

// What a configuration written for nginx may well name; said so instead of calling it a misspelling.
constexpr std::string_view kOnlyNginx[] = {
    "ancient_browser",     "http2",          "http3",
    "memcached_key",       "modern_browser", "msie",
    "request_body_file",   "request_port",   "secure_link",
    "secure_link_expires", "slice_range",    "uid_got",
    "uid_reset",           "uid_set",        "upstream_last_server_name",
    "upstream_queue_time",
};
constexpr std::string_view kOnlyNginxFamilies[] = {"fastcgi_", "geoip_", "jwt_", "scgi_", "session_", "ssl_", "uwsgi_"};
// Why some of them are not there.
constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
    {"realpath_root",
     "where links lead is looked up when a file is opened, not in a variable, which would wait for disks"},
    {"ssl_ech_outer_server_name", "weir has no Encrypted Client Hello"},
    {"ssl_ech_status", "weir has no Encrypted Client Hello"},
};

bool is_only_nginx(std::string_view name) {
  if (std::find(std::begin(kOnlyNginx), std::end(kOnlyNginx), name) != std::end(kOnlyNginx)) return true;
  return std::any_of(std::begin(kOnlyNginxFamilies), std::end(kOnlyNginxFamilies),
                     [&](std::string_view family) { return name.substr(0, family.size()) == family; });
}

// Built-in ones that a map or a regex may declare all the same: nginx lets them be changed, or does not know them.
constexpr std::string_view kDeclaredAnew[] = {
    "args",     "invalid_referer", "limit_rate",          "proxy_host",   "proxy_port",
    "span_id",  "otel_parent_id",  "otel_parent_sampled", "otel_span_id", "otel_trace_id",
    "trace_id", "traceparent",     "upstream_reason"};

// What a handshake notes only where somebody asks for it.
bool is_tls_offer(Var id) {
  return id == Var::kSslCiphers || id == Var::kSslCurves || id == Var::kSslSigalg || id == Var::kSslSigalgs ||
         id == Var::kSslClientSigalg;
}

bool is_plain(std::string_view lower) {
  return std::any_of(std::begin(kPlain), std::end(kPlain), [&](const BuiltIn& each) { return each.name == lower; });
}

bool is_header_family(Var id) {
  return id == Var::kHttp || id == Var::kSentHttp || id == Var::kUpstreamHttp || id == Var::kSentTrailer ||
         id == Var::kUpstreamTrailer;
}

// Levenshtein distance; names are short.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

void VariableNames::declare_map(const std::string& name, std::shared_ptr<const Map> map) {
  std::string lower = lowered(name);
  for (Entry& entry : declared_) {
    if (entry.name != lower) continue;
    entry.map = std::move(map);
    entry.capture = false;
    entry.slot = -1;
    return;
  }
  declared_.push_back({std::move(lower), std::move(map)});
}

bool VariableNames::declare_capture(const std::string& name, std::shared_ptr<const Map> map) {
  std::string lower = lowered(name);
  for (Entry& entry : declared_) {
    if (entry.name != lower) continue;
    if (!entry.capture || map == nullptr || map == entry.map) return false;
    const bool another = entry.map != nullptr;
    if (another) entry.more_maps.insert(entry.more_maps.begin(), std::move(entry.map));
    entry.map = std::move(map);
    return another;
  }
  declared_.push_back({std::move(lower), std::move(map), true});
  return false;
}

void VariableNames::declare_set(const std::string& name) {
  std::string lower = lowered(name);
  if (is_plain(lower)) return;  // settable() says what is wrong with it
  for (Entry& entry : declared_) {
    if (entry.name != lower) continue;
    if (entry.slot < 0) entry.slot = slots_++;
    return;
  }
  declared_.push_back({std::move(lower), nullptr, false, {}, slots_++});
}

bool VariableNames::is_fixed(std::string_view name) {
  const std::string lower = lowered(name);
  const bool is_open = std::find(std::begin(kDeclaredAnew), std::end(kDeclaredAnew), lower) != std::end(kDeclaredAnew);
  return is_plain(lower) && !is_open;
}

Result<int> VariableNames::settable(std::string_view name) const {
  const std::string lower = lowered(name);
  if (lower == "args") return kArgs;
  if (lower == "limit_rate") return kLimitRateSlot;
  for (const Entry& entry : declared_) {
    if (entry.name != lower) continue;
    if (entry.slot >= 0) return entry.slot;
    return Unexpected{"\"$" + std::string(name) + "\" is the variable of a map, weir does not set it"};
  }
  if (is_plain(lower)) return Unexpected{"the duplicate \"" + std::string(name) + "\" variable"};
  return Unexpected{"invalid variable name \"$" + std::string(name) + "\""};
}

Result<VariableRef> VariableNames::find(std::string_view name) const {
  VariableRef ref;
  if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
    ref.id = Var::kCapture;
    ref.index = name[0] - '0';
    return ref;
  }
  const std::string lower = lowered(name);  // nginx's names know no case
  for (const Entry& entry : declared_) {
    if (entry.name != lower) continue;
    ref.id = entry.slot >= 0 ? Var::kSet : entry.capture ? Var::kNamedCapture : Var::kMap;
    ref.index = std::max(entry.slot, 0);
    ref.map = entry.map;
    ref.more_maps = entry.more_maps;
    ref.arg = lower;
    return ref;
  }
  for (const BuiltIn& plain : kPlain) {
    if (plain.name != lower) continue;
    ref.id = plain.id;
    if (is_tls_offer(ref.id)) tls_offer_ = true;
    return ref;
  }
  for (const BuiltIn& family : kFamilies) {
    if (!lower.starts_with(family.name)) continue;  // "$arg_" too, as nginx: there is no such argument
    ref.id = family.id;
    ref.arg = name.substr(family.name.size());
    if (is_header_family(family.id)) {
      ref.arg = lower.substr(family.name.size());
      std::replace(ref.arg.begin(), ref.arg.end(), '_', '-');
      ref.token = http::header_token(ref.arg);
    }
    if (family.id == Var::kProxyProtocolTlv) {
      const std::optional<int> number = http::proxy_tlv(lower.substr(family.name.size()));
      if (!number) return Unexpected{"unknown PROXY protocol TLV \"" + ref.arg + "\""};
      ref.index = *number;
    }
    return ref;
  }

  std::string error = "unknown \"" + std::string(name) + "\" variable";
  for (const auto& [known, reason] : kReasons)
    if (known == lower) return Unexpected{error + " (known to nginx, not supported: " + std::string(reason) + ")"};
  if (is_only_nginx(lower)) return Unexpected{error + " (known to nginx, not supported)"};
  std::string_view nearest;
  size_t least = lower.size() < 6 ? 2 : 3;  // a suggestion is at most one, for longer names two, edits away
  const auto consider = [&](std::string_view candidate) {
    const size_t edits = distance(lower, candidate);
    if (edits < least) least = edits, nearest = candidate;
  };
  for (const BuiltIn& plain : kPlain) consider(plain.name);
  for (const Entry& entry : declared_) consider(entry.name);
  if (!nearest.empty()) error += ", did you mean \"" + std::string(nearest) + "\"?";
  return Unexpected{std::move(error)};
}

}  // namespace weir::route
