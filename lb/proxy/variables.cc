// The $names of an exchange (nginx's core, proxy, upstream and realip modules), answered when a template or a log asks.
#include <unistd.h>

#include "base/arena_text.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "http/basic_credentials.h"
#include "proxy/cache_content.h"
#include "proxy/cookie.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/record_variables.h"
#include "proxy/variable_values.h"
#include "route/map.h"

namespace weir::proxy {
namespace {

using route::Var;
using route::VariableRef;
using route::VariableValue;

template <class Int>
VariableValue number(Int value, Arena& arena) {
  return found(number_text(value, arena));
}

// Empty where there is none: of a unix socket, of an address that came without one.
VariableValue port_text(uint16_t port, Arena& arena) {
  return port == 0 ? found("") : number(port, arena);
}

// All fields of one name, joined by ", " (nginx joins several of the same name).
VariableValue joined(const http::FieldList& fields, const VariableRef& ref, std::string_view separator, bool sent,
                     Arena& arena, bool underscores = true) {
  std::string_view text;
  bool any = false;
  for (const http::Field& field : fields) {
    if (sent ? field.dropped : field.added) continue;
    if (ref.token != http::HeaderToken::kOther ? field.token != ref.token : field.token != http::HeaderToken::kOther)
      continue;
    if (ref.token == http::HeaderToken::kOther) {
      // $http_x_forwarded_by names X-Forwarded-By: '-' and '_' are alike.
      if (field.name.size() != ref.arg.size()) continue;
      bool same = true;
      for (size_t i = 0; i < field.name.size() && same; ++i) {
        const char c = field.name[i] == '_' && underscores ? '-' : to_lower(field.name[i]);
        same = c == ref.arg[i];
      }
      if (!same) continue;
    }
    text = any ? arena.concat({text, separator, field.value}) : field.value;
    any = true;
  }
  return {text, any};
}

VariableValue cookie(std::string_view header, std::string_view name) {
  const auto value = cookie_value(header, name);
  return value ? found(*value) : VariableValue{};
}

VariableValue query_argument(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t ampersand = query.find('&');
    const std::string_view pair = query.substr(0, ampersand);
    const size_t equals = pair.find('=');
    if (iequals(pair.substr(0, equals), name))
      return found(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (ampersand == std::string_view::npos) break;
    query.remove_prefix(ampersand + 1);
  }
  return {};
}

VariableValue limit_status(filter::Limited seen) {
  switch (seen) {
    case filter::Limited::kNot: return {};
    case filter::Limited::kPassed: return found("PASSED");
    case filter::Limited::kDelayed: return found("DELAYED");
    case filter::Limited::kRejected: return found("REJECTED");
    case filter::Limited::kDelayedDryRun: return found("DELAYED_DRY_RUN");
    case filter::Limited::kRejectedDryRun: return found("REJECTED_DRY_RUN");
  }
  return {};
}

VariableValue tcp_value(Var id, const std::optional<io::TcpInfo>& info, Arena& arena) {
  if (!info) return {};
  switch (id) {
    case Var::kTcpinfoRtt: return number(info->rtt, arena);
    case Var::kTcpinfoRttvar: return number(info->rttvar, arena);
    case Var::kTcpinfoSndCwnd: return number(info->snd_cwnd, arena);
    default: return number(info->rcv_space, arena);
  }
}

// Of several maps that capture one name the last that matches (nginx: the one that was evaluated last).
VariableValue map_capture(const VariableRef& ref, const route::VariableSource& source, Arena& arena,
                          const Regex** failed) {
  if (ref.map == nullptr) return {};
  VariableValue value = ref.map->capture(ref.arg, source, arena, failed);
  for (size_t i = 0; !value.found && i < ref.more_maps.size(); ++i)
    value = ref.more_maps[i]->capture(ref.arg, source, arena, failed);
  return value;
}

}  // namespace

VariableValue Exchange::variable(const VariableRef& ref, Arena& arena) const {
  switch (ref.id) {
    case Var::kMap: {
      const Regex* failed = nullptr;
      const VariableValue value = found(ref.map->lookup(*this, arena, &failed));
      if (failed != nullptr) note_failed(*failed);
      return value;
    }
    case Var::kCapture:
      return captured_ != nullptr && ref.index < captured_->count ? found(captured_->groups()[ref.index])
                                                                  : VariableValue{};
    case Var::kNamedCapture: {
      const VariableValue value = named_capture(ref);
      if (value.found || ref.map == nullptr) return value;
      const Regex* failed = nullptr;
      const VariableValue captured = map_capture(ref, *this, arena, &failed);
      if (failed != nullptr) note_failed(*failed);
      return captured;
    }
    case Var::kSet: return set_variable(ref);
    default: break;
  }
  if (ref.id >= Var::kSslAlpnProtocol && ref.id <= Var::kSslSessionReused) return tls_variable(ref, arena);
  if (ref.id >= Var::kProxyAddXForwardedFor) return upstream_variable(ref, arena);
  if (ref.id >= Var::kBinaryRemoteAddr) return connection_variable(ref, arena);
  return request_variable(ref, arena);
}

void Exchange::write_random_hex(std::span<char> to) const {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t bits = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    if (i % 16 == 0) bits = core_.rng().next();
    to[i] = kHex[bits >> (4 * (i % 16)) & 15];
  }
}

VariableValue Exchange::request_variable(const VariableRef& ref, Arena& arena) const {
  switch (ref.id) {
    case Var::kArgs:
    case Var::kQueryString: return {request_.head.query, request_.head.has_query};
    case Var::kArg: return query_argument(request_.head.query, ref.arg);
    case Var::kIsArgs: return found(request_.head.has_query && !request_.head.query.empty() ? "?" : "");
    case Var::kContentLength:
      return joined(request_.head.fields, {Var::kHttp, http::HeaderToken::kContentLength, 0, {}, {}}, ", ", false,
                    arena);
    case Var::kContentType:
      return joined(request_.head.fields, {Var::kHttp, http::HeaderToken::kContentType, 0, {}, {}}, ", ", false, arena);
    case Var::kCookie: {
      for (const http::Field& field : request_.head.fields)
        if (field.token == http::HeaderToken::kCookie)
          if (const VariableValue value = cookie(field.value, ref.arg); value.found) return value;
      return {};
    }
    case Var::kDocumentRoot: return location_ == nullptr ? VariableValue{} : non_empty(file_root(arena));
    case Var::kRequestFilename: return location_ == nullptr ? VariableValue{} : non_empty(file_path(uri_, arena));
    case Var::kDocumentUri:
    case Var::kUri: return non_empty(uri_);
    case Var::kHost: return non_empty(!request_.head.host.empty() ? request_.head.host : server_name_);
    case Var::kHostname: return found(core_.hostname());
    case Var::kHttp:
      if (ref.token == http::HeaderToken::kHost) return non_empty(request_.head.host_field);
      // A client's names with '_' reach no peer: they must not pass for those with '-' either.
      return joined(request_.head.fields, ref, ref.token == http::HeaderToken::kCookie ? "; " : ", ", false, arena,
                    server_->settings.underscores_in_names);
    case Var::kMethod:  // a question of weir's own is asked with GET, the client's method stays what it is
      if (nested_ > 0) return non_empty(request_.head.request_line.substr(0, request_.head.request_line.find(' ')));
      return non_empty(request_.head.method_text);
    case Var::kRequest: return non_empty(request_.head.request_line);
    case Var::kRequestUri: return non_empty(request_.head.target);
    case Var::kScheme: return found(downstream_->connection().scheme());
    case Var::kServerProtocol:
      return non_empty(request_.head.request_line.empty() ? std::string_view()
                                                          : http::to_string(request_.head.version));
    case Var::kRequestId: {
      // 16 random bytes, the same for the whole life of the request.
      if (!has_request_id_) {
        has_request_id_ = true;
        write_random_hex(request_id_);
      }
      return found({request_id_, sizeof request_id_});
    }
    case Var::kTraceId: return found({trace().trace_id.data(), trace().trace_id.size()});
    case Var::kSpanId: return found({trace().span_id.data(), trace().span_id.size()});
    case Var::kTraceparent: return found(trace().render(arena));
    case Var::kOtelParentId:
      (void)trace();
      return has_parent_ ? found({parent_span_.data(), parent_span_.size()}) : VariableValue{};
    case Var::kOtelParentSampled: (void)trace(); return found(has_parent_ && parent_sampled_ ? "1" : "0");
    case Var::kRequestBody: {
      if (request_.body.empty() || !request_.held) return {};
      char* text = arena.allocate(request_.body.size());
      size_t n = 0;
      request_.body.for_each_piece(INT32_MAX, [&](std::string_view piece) {
        std::memcpy(text + n, piece.data(), piece.size());
        n += piece.size();
      });
      return found({text, n});
    }
    case Var::kLimitRate: {
      if (!asked_rate_.empty()) return found(asked_rate_);
      const RateSetting& rate = location_->limit_rate;
      return rate.text ? found(rate.text->render(*this, arena)) : number(rate.bytes, arena);
    }
    case Var::kInvalidReferer: {
      const http::Field* field = request_.head.fields.find("Referer");
      const auto referer = field == nullptr ? std::nullopt : std::optional<std::string_view>(field->value);
      return found(location_->referers != nullptr && !location_->referers->is_valid(referer) ? "1" : "");
    }
    case Var::kLimitReqStatus: return limit_status(limits_.requests);
    case Var::kLimitConnStatus: return limit_status(limits_.connections);
    default: return record_variable(record_, ref.id, core_, arena).value_or(VariableValue{});
  }
}

// The fields that the codec writes itself.
VariableValue Exchange::sent_framing(http::HeaderToken token, Arena& arena) const {
  const http::SentFraming framing =
      responder_.sent != nullptr ? downstream_->framing(record_.status, responder_.sent_body) : http::SentFraming{};
  if (token == http::HeaderToken::kContentLength)
    return framing.length >= 0 ? number(framing.length, arena) : VariableValue{};
  if (token == http::HeaderToken::kTransferEncoding)
    return framing.framing == http::Framing::kChunked ? found("chunked") : VariableValue{};
  switch (framing.connection) {
    case http::ConnectionOption::kClose: return found("close");
    case http::ConnectionOption::kUpgrade: return found("upgrade");
    case http::ConnectionOption::kNone:
    case http::ConnectionOption::kKeepAlive: break;
  }
  return found("keep-alive");
}

// Half of what an access log asks for.
[[gnu::always_inline]] inline VariableValue Exchange::connection_variable(const VariableRef& ref, Arena& arena) const {
  switch (ref.id) {
    case Var::kBinaryRemoteAddr: return found(arena.copy(client_.address_bytes()));
    case Var::kConnection: return number(downstream_->connection().number, arena);
    case Var::kConnectionRequests: return number(downstream_->connection_requests(), arena);
    case Var::kConnectionTime:
      return found(observe::render_seconds(core_.loop().now_us() - downstream_->connection().started_us, arena));
    case Var::kNginxVersion: return found(WEIR_VERSION);
    case Var::kPid: return number(getpid(), arena);
    case Var::kPipe: return found(downstream_->connection_requests() > 1 ? "p" : ".");
    case Var::kRealipRemoteAddr: return found(ip_text(downstream_->connection().remote, arena));
    case Var::kRealipRemotePort: return port_text(downstream_->connection().remote.port(), arena);
    case Var::kRemoteAddr: return found(ip_text(client_, arena));
    case Var::kRemotePort: return port_text(client_.port(), arena);
    case Var::kRemoteUser: {
      const http::Field* field = request_.head.fields.find(http::HeaderToken::kAuthorization);
      if (field == nullptr) return {};
      const auto credentials = http::basic_credentials(field->value);
      return credentials ? non_empty(arena.copy(credentials->user)) : VariableValue{};
    }
    case Var::kServerAddr: return found(ip_text(downstream_->local_address(), arena));
    case Var::kServerPort: return port_text(downstream_->local_port(), arena);
    case Var::kServerName: return found(server_name_);
    case Var::kProxyProtocolAddr:
    case Var::kProxyProtocolPort:
    case Var::kProxyProtocolServerAddr:
    case Var::kProxyProtocolServerPort:
    case Var::kProxyProtocolTlv: return announced_variable(ref, arena);
    case Var::kTcpinfoRtt:
    case Var::kTcpinfoRttvar:
    case Var::kTcpinfoSndCwnd:
    case Var::kTcpinfoRcvSpace: return tcp_value(ref.id, downstream_->tcp_info(), arena);
    case Var::kHttps: return found(downstream_->connection().tls() ? "on" : "");
    case Var::kSentHttp: {
      if (ref.token == http::HeaderToken::kContentLength || ref.token == http::HeaderToken::kTransferEncoding ||
          ref.token == http::HeaderToken::kConnection)
        return sent_framing(ref.token, arena);
      if (responder_.sent == nullptr) return {};
      return joined(*responder_.sent, ref, ", ", true, arena);
    }
    case Var::kSentTrailer:
      return sent_trailers_ == nullptr ? VariableValue{} : joined(*sent_trailers_, ref, ", ", true, arena);
    default: return record_variable(record_, ref.id, core_, arena).value_or(VariableValue{});
  }
}

VariableValue Exchange::announced_variable(const VariableRef& ref, Arena& arena) const {
  const http::ProxyHeader* header = downstream_->connection().announced();
  if (header == nullptr) return {};
  switch (ref.id) {
    case Var::kProxyProtocolAddr: return found(ip_text(header->source, arena));
    case Var::kProxyProtocolPort: return port_text(header->source.port(), arena);
    case Var::kProxyProtocolServerAddr: return found(ip_text(header->destination, arena));
    case Var::kProxyProtocolServerPort: return port_text(header->destination.port(), arena);
    default: break;
  }
  const auto value = header->tlv(ref.index, arena);
  return value ? found(*value) : VariableValue{};
}

const SocketAddress& Exchange::sender() const {
  const ConnectionInfo& connection = downstream_->connection();
  const http::ProxyHeader* header = connection.announced();
  const bool announced =
      header != nullptr && location_ != nullptr && location_->real_ip.header == filter::RealIpOptions::kProxyProtocol;
  return announced ? header->source : connection.remote;
}

// Made from the list as cleaned: only a trusted proxy's list is appended to.
std::string_view Exchange::forwarded_for(Arena& arena) const {
  const SocketAddress& from = sender();
  const std::string_view peer = ip_text(from, arena);
  const bool believe = location_ == nullptr || !location_->automatic_headers || location_->real_ip.trusts(from);
  if (!believe) return peer;
  const VariableValue list =
      joined(request_.head.fields, {Var::kHttp, http::HeaderToken::kXForwardedFor, 0, {}, {}}, ", ", false, arena);
  return list.found && !list.text.empty() ? arena.concat({list.text, ", ", peer}) : peer;
}

VariableValue Exchange::upstream_variable(const VariableRef& ref, Arena& arena) const {
  // What it was when it was stored, where no peer was asked.
  const bool is_stored = cache_ != nullptr && cache_->is_serving();
  const http::FieldList& answered = is_stored ? cache_->head().fields : proxy_.response().fields;
  switch (ref.id) {
    case Var::kProxyAddXForwardedFor: return found(forwarded_for(arena));
    case Var::kProxyHost: return non_empty(proxy_.host());
    case Var::kProxyPort: return number(proxy_.port(), arena);
    case Var::kUpstreamCacheStatus: return cache_ == nullptr ? VariableValue{} : non_empty(cache_->status());
    case Var::kUpstreamTrailer: return joined(proxy_.trailers(), ref, ", ", false, arena);
    case Var::kUpstreamHttp: return joined(answered, ref, ", ", false, arena);
    case Var::kUpstreamCookie: {
      for (const http::Field& field : answered)
        if (field.token == http::HeaderToken::kSetCookie && !field.added)
          if (const VariableValue value = cookie(field.value.substr(0, field.value.find(';')), ref.arg); value.found)
            return value;
      return {};
    }
    default: return record_variable(record_, ref.id, core_, arena).value_or(VariableValue{});
  }
}

}  // namespace weir::proxy
