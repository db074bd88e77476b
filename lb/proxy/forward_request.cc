// What goes to the peer: the client's head less what is not for the next hop, plus Host, X-Forwarded-* and the
// operator's fields (SEMANTICS section 1).
#include <algorithm>

#include "base/arena_text.h"
#include "base/bytes.h"
#include "base/localhost.h"
#include "base/log.h"
#include "http/forward.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/pass_url.h"
#include "proxy/proxy_content.h"
#include "route/location_table.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

// Where the request came through; believed from trusted proxies alone.
constexpr http::TokenSet kForwarding{HeaderToken::kXForwardedFor, HeaderToken::kXForwardedProto,
                                     HeaderToken::kXForwardedHost, HeaderToken::kXForwardedPort, HeaderToken::kXRealIp};

// Framing and hop-by-hop fields set by the operator are hints that never reach the wire as such; the codec writes its
// own.
bool is_framing(HeaderToken token) {
  return token == HeaderToken::kContentLength || http::is_hop_by_hop(token);
}

bool is_among(const std::vector<HeaderSetting>& settings, HeaderToken token, std::string_view name) {
  return std::any_of(settings.begin(), settings.end(), [&](const HeaderSetting& s) {
    return token != HeaderToken::kOther ? s.token == token : s.token == HeaderToken::kOther && iequals(s.name, name);
  });
}

inline bool is_set(const std::vector<HeaderSetting>& settings, HeaderToken token, std::string_view name) {
  return !settings.empty() && is_among(settings, token, name);
}

// What weir's own takes the place of: the state belongs to the trace that goes on.
bool is_trace_field(const http::Field& field, bool goes_on) {
  return iequals(field.name, "traceparent") || (!goes_on && iequals(field.name, "tracestate"));
}

}  // namespace

void ProxyContent::compose_request() {
  // The framing towards the peer may depend on the attempt only through the location, so one composition serves every
  // try.
  if (state_.composed) return;
  state_.composed = true;
  const Location& location = x_.location();
  const bool trusted = x_.is_sender_trusted();
  // What the operator sets himself stays as he says; a request of weir's own has no span.
  const bool injects = location.tracing.injects() && x_.nested() == 0 &&
                       !is_set(location.set_headers, HeaderToken::kOther, "traceparent");
  http::drop_hop_by_hop(request().head.fields);
  if (const std::string_view host = host_for_peer(); !host.empty()) out_fields_.add("Host", host, HeaderToken::kHost);
  for (const http::Field& field : request().head.fields) {
    if (!location.request_edits.pass_headers) break;
    if (field.dropped || field.token == HeaderToken::kHost || field.token == HeaderToken::kExpect ||
        is_framing(field.token))
      continue;
    if (field.name.find('_') != std::string_view::npos && !x_.server().settings.underscores_in_names) continue;
    if (location.automatic_headers && !trusted) {
      if (field.token == HeaderToken::kForwarded) continue;
      if (kForwarding.has(field.token)) {
        if (field.token == HeaderToken::kXForwardedProto) core_.note_untrusted_proxy(x_.sender());
        continue;
      }
    }
    if (is_set(location.set_headers, field.token, field.name)) continue;
    if (injects && is_trace_field(field, location.tracing.extracts())) continue;
    out_fields_.add(field.name, field.value, field.token, false);
  }
  for (const HeaderSetting& setting : location.set_headers) {
    if (is_framing(setting.token) || setting.token == HeaderToken::kHost) continue;
    const std::string_view value = setting.value.render(x_, arena());
    if (!value.empty()) out_fields_.add(setting.name, value, setting.token);
  }
  if (location.automatic_headers) add_forwarding_fields();
  if (injects) state_.span_id = x_.inject_trace(out_fields_);
  if (state_.cache != nullptr) state_.cache->edit_request(out_fields_);
  if (location.pass_trailers && !location.http10) ask_for_trailers();

  out_request_ = {};
  out_request_.method = out_method();
  out_request_.target = request_target();
  out_request_.version = location.http10 ? http::Version::kHttp10 : http::Version::kHttp11;
  out_request_.fields = &out_fields_;
  switch (request().head.framing) {
    case http::Framing::kLength: out_request_.framing = {http::Framing::kLength, request().head.content_length}; break;
    case http::Framing::kChunked:
      // The length of a body that is held whole is known. (HTTP/1.0 knows no chunks: any other was refused with 411.)
      out_request_.framing = request().is_whole() && request().held
                                 ? http::OutFraming{http::Framing::kLength, static_cast<int64_t>(request().body.size())}
                                 : http::OutFraming{http::Framing::kChunked, -1};
      break;
    default: out_request_.framing = {http::Framing::kNone, -1};
  }
  const bool keepalive = location.upstream_keepalive && !location.close_upstream && location.shares_connections();
  out_request_.upgrade = state_.upgrade;
  out_request_.connection = !state_.upgrade.empty() ? http::ConnectionOption::kUpgrade
                            : !keepalive            ? http::ConnectionOption::kClose
                            : location.http10       ? http::ConnectionOption::kKeepAlive
                                                    : http::ConnectionOption::kNone;
}

// A peer answers 400 to HTTP/1.1 without Host (RFC 9112 3.2), and a client of HTTP/1.0 may send none: then the server's
// name stands in, or the peer's. `proxy_set_header Host ""` takes the field away where HTTP/1.0 is spoken, and is the
// peer's name where not.
// A DNS host knows itself by its own name, not by the client's.
bool ProxyContent::asks_named_host() const {
  const ProxyPass& pass = *location().pass;
  if (!pass.dynamic) return pass.host_is_name;
  const std::string_view host = bare_host(state_.host);
  return state_.cluster->site->implicit && !is_localhost(host) && !SocketAddress::from_ip(host, 0);
}

std::string_view ProxyContent::host_for_peer() {
  const HeaderSetting* set = nullptr;
  for (const HeaderSetting& setting : location().set_headers)
    if (setting.token == HeaderToken::kHost) set = &setting;
  if (set != nullptr) {
    const std::string_view host = set->value.render(x_, arena());
    if (!host.empty()) return host;
    if (set->value.empty()) return location().http10 ? host : state_.host;
  } else {
    if (!location().automatic_headers || asks_named_host()) return state_.host;
    if (!request().head.host_field.empty()) return request().head.host_field;
  }
  const std::string_view name = x_.server_name();
  const bool is_pattern = name == "_" || name.find_first_of("*~") != std::string_view::npos;
  return name.empty() || is_pattern ? state_.host : name;
}

// A WebSocket needs no word of the operator; any other protocol, a list of them, and a WebSocket without its key, is
// asked for where the client and the operator's lines (proxy_set_header Upgrade and Connection) both want it. h2c is
// never passed on: its requests would go past weir. Before compose_request(), which drops the client's own lines.
std::string_view ProxyContent::upgrade_asked_for() {
  const Location& location = x_.location();
  const http::RequestHead& head = request().head;
  if (location.http10) return {};
  if (head.websocket) return location.upgrade_websocket ? http::kWebsocket : std::string_view();
  const http::Field* asked = head.fields.find(HeaderToken::kUpgrade);
  if (asked == nullptr || head.version != http::Version::kHttp11 || !request().is_whole()) return {};
  std::string_view protocol;
  bool wanted = false;
  for (const HeaderSetting& setting : location.set_headers) {
    if (setting.token == HeaderToken::kUpgrade) protocol = setting.value.render(x_, arena());
    if (setting.token == HeaderToken::kConnection)
      for_each_list_element(setting.value.render(x_, arena()),
                            [&](std::string_view option) { wanted = wanted || iequals(option, "upgrade"); });
  }
  if (!wanted || !iequals(protocol, asked->value)) return {};
  size_t named = 0, passed_on = 0;
  for_each_list_element(protocol, [&](std::string_view one) {
    const bool is_http = iequals(one.substr(0, 2), "h2") || iequals(one.substr(0, 5), "HTTP/");
    ++named;
    passed_on += !is_http && std::all_of(one.begin(), one.end(), [](char c) { return is_tchar(c) || c == '/'; });
  });
  return passed_on == named && named > 0 ? protocol : std::string_view();
}

// The port that the client used. A proxy's word about the scheme says that this listener's is not it, and a unix socket
// has none: then it is that of the host, or the scheme's.
uint16_t ProxyContent::client_port() {
  const uint16_t own = downstream().local_port();
  const http::RequestHead& head = request().head;
  const bool trusted = x_.is_sender_trusted();
  const bool has_proto = trusted && head.fields.find(HeaderToken::kXForwardedProto) != nullptr;
  if (own != 0 && !has_proto) return own;
  const http::Field* forwarded = trusted ? head.fields.find(HeaderToken::kXForwardedHost) : nullptr;
  const std::string_view host = forwarded != nullptr ? forwarded->value : head.host_field;
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
    if (const auto port = parse_decimal(host.substr(colon + 1)); port && *port > 0 && *port <= 65'535)
      return static_cast<uint16_t>(*port);
  return x_.client_scheme() == "https" ? 443 : 80;
}

void ProxyContent::add_forwarding_fields() {
  const std::vector<HeaderSetting>& set = location().set_headers;
  const bool trusted = x_.is_sender_trusted();
  // One field of each: what a trusted proxy sent stays, X-Forwarded-For is appended to.
  const auto is_wanted = [&](HeaderToken token, std::string_view name) {
    return !is_set(set, token, name) && !(trusted && out_fields_.find(token) != nullptr);
  };
  if (!is_set(set, HeaderToken::kXForwardedFor, "X-Forwarded-For")) {
    const std::string_view chain = x_.forwarded_for(arena());
    if (trusted) out_fields_.drop(HeaderToken::kXForwardedFor);
    out_fields_.add_clean("X-Forwarded-For", chain, HeaderToken::kXForwardedFor);
  }
  if (is_wanted(HeaderToken::kXRealIp, "X-Real-IP"))
    out_fields_.add_clean("X-Real-IP", ip_text(x_.client(), arena()), HeaderToken::kXRealIp);
  if (is_wanted(HeaderToken::kXForwardedProto, "X-Forwarded-Proto"))
    out_fields_.add_clean("X-Forwarded-Proto", downstream().connection().scheme(), HeaderToken::kXForwardedProto);
  if (!request().head.host_field.empty() && is_wanted(HeaderToken::kXForwardedHost, "X-Forwarded-Host"))
    out_fields_.add_clean("X-Forwarded-Host", request().head.host_field, HeaderToken::kXForwardedHost);
  if (is_wanted(HeaderToken::kXForwardedPort, "X-Forwarded-Port"))
    out_fields_.add_clean("X-Forwarded-Port", number_text(client_port(), arena()), HeaderToken::kXForwardedPort);
}

std::string_view ProxyContent::request_target() {
  const ProxyPass& pass = *location().pass;
  if (!state_.target.empty()) return state_.target;
  if (!pass.has_uri || x_.path_replaced()) return x_.target();
  // The URI part replaces the prefix that matched, on the normalised path (as nginx does).
  const std::string_view rest = location().is_prefix && x_.uri().size() >= location().prefix.size()
                                    ? x_.uri().substr(location().prefix.size())
                                    : std::string_view();
  return arena().concat(
      {pass.uri, route::escape_path(rest, arena()), request().head.has_query ? "?" : "", request().head.query});
}

}  // namespace weir::proxy
