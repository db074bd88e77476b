// What a location says, compiled: everything the phases of an exchange read. Immutable once the snapshot is built.
// config/ fills it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "filter/access.h"
#include "filter/auth_basic.h"
#include "filter/auth_request.h"
#include "filter/compress.h"
#include "filter/filter.h"
#include "filter/limit_connections.h"
#include "filter/limit_requests.h"
#include "filter/maintenance.h"
#include "filter/real_ip.h"
#include "filter/substitute.h"
#include "http/codec.h"
#include "http/expires.h"
#include "http/header_token.h"
#include "http/mime_types.h"
#include "http/proxy_protocol.h"
#include "io/tls_peer_options.h"
#include "observe/access_log.h"
#include "policy/retry.h"
#include "proxy/buffer_options.h"
#include "proxy/cache_options.h"
#include "proxy/cookies.h"
#include "proxy/file_options.h"
#include "proxy/monitor.h"
#include "proxy/redirects.h"
#include "proxy/rewrite.h"
#include "proxy/tracing.h"
#include "route/referers.h"
#include "route/template.h"

namespace weir::io {
class TlsPeerContext;
}

namespace weir::proxy {

class ContentHandler;
struct PassResolver;

// proxy_set_header, add_header.
struct HeaderSetting {
  std::string name;
  http::HeaderToken token = http::HeaderToken::kOther;
  route::Template value;  // rendered empty: proxy_set_header removes the field, add_header adds none
  bool always = false;    // add_header: on every status, else 200 201 204 206 301 302 303 304 307 308 only
};

// proxy_ssl_*: how peers are reached over TLS.
struct PassTls {
  io::TlsPeerOptions options;
  bool session_reuse = true;
  route::Template name;                               // empty: the host of $proxy_host
  std::shared_ptr<const io::TlsPeerContext> context;  // made of the options where proxy_pass may need it, else null
};

// expires [modified] TIME | ...
struct Expires {
  http::ExpiresRule rule;
  std::optional<route::Template> text;  // with variables: read when a request has answered them
};

// proxy_pass http[s]://UPSTREAM[/uri]. The upstream is an upstream{} or a cluster made of the name or address given.
struct ProxyPass {
  int cluster = -1;           // index into Site::clusters
  std::string host;           // $proxy_host: "myapp", "10.0.0.1:8080"
  uint16_t port = 80;         // $proxy_port
  bool tls = false;           // https://; with variables: it may be
  bool host_is_name = false;  // a DNS host, not an upstream{} and not an address: Host is $proxy_host then
  std::string url;            // as written: what a peer may call itself in a redirect. Empty with variables
  bool has_uri = false;       // a URI part replaces the matched prefix
  std::string uri;
  // With variables: rendered, then looked up among the configuration's upstreams and addresses.
  std::optional<route::Template> dynamic;
  // Who is asked for a host that is none of these; null: such a host cannot be reached.
  std::shared_ptr<const PassResolver> resolver;
};

// What a peer is asked instead of what the client has asked: proxy_method, proxy_set_body, proxy_pass_request_headers,
// proxy_pass_request_body.
struct RequestEdits {
  std::optional<route::Template> method, body;
  bool pass_headers = true;
  bool pass_body = true;
  bool touch_body() const { return body.has_value() || !pass_body; }
};

// error_page CODES [=[STATUS]] TARGET.
struct ErrorPage {
  std::vector<int> statuses;
  int overwrite = -1;      // -1: keep the status; 0: "=", take that of the page; else this one
  route::Template target;  // "/50x.html": internal redirect; "@name": named location; "http...": redirect
};

// proxy_next_upstream_match STATUS TEXT: an answer with that status and that text in the first 4 KB of its body comes
// from a gateway whose application is not there yet. The application never saw the request, so any method may go
// elsewhere while its body is held (NOCOBASE.md: 503 and "maintaining":true).
struct NotReady {
  int status = 503;
  std::string text;
};

// healthz [UPSTREAM ...].
struct Healthz {
  std::vector<int> clusters;  // indexes into Site::clusters: each needs a usable peer
};

struct MirrorOptions {
  std::vector<std::string> targets;  // paths of the same server, for copies of the location's requests
  bool body = true;                  // a request is held whole before it goes anywhere
};

// limit_rate, limit_rate_after: a number of bytes, or a text that says it for each request.
struct RateSetting {
  uint64_t bytes = 0;
  std::optional<route::Template> text;
  bool is_on() const { return bytes != 0 || text.has_value(); }
};

// limit_except METHOD ... { ... }: what holds for all other methods.
struct Location;
struct LimitExcept {
  std::vector<std::string> methods;  // upper case, as written
  std::shared_ptr<const Location> settings;
  bool lets(std::string_view method) const;
};

struct AccessLogTarget {
  observe::LogFile file{};  // opened when the snapshot is built
  observe::AccessLogOptions options;
};
using AccessLogs = std::vector<AccessLogTarget>;

struct Location {
  std::string pattern = "/";  // as written, for logs
  bool is_prefix = true;      // proxy_pass's URI part replaces this prefix
  std::string prefix = "/";
  bool internal = false;  // for internal redirects only: `internal`, and named ones

  // What runs when the location has been found, in order; a server's own, before that.
  RewriteSteps rewrite;
  bool rewrite_log = false;
  bool uninitialized_warn = true;

  // Content: at most one; without any of these and without `files.root` it is 404. make_content() makes the handler of
  // it when all is filled in.
  std::optional<ReturnAction> returns;
  std::optional<ProxyPass> pass;
  std::optional<Healthz> healthz;
  std::optional<MonitorPage> monitor;
  std::shared_ptr<const ContentHandler> content;
  FileOptions files;

  // To the peer.
  RequestEdits request_edits;
  std::vector<HeaderSetting> set_headers;
  TraceOptions tracing;
  bool automatic_headers = true;  // weir's Host and X-Forwarded-* (SEMANTICS section 1); false under `defaults nginx`
  bool http10 = false;            // proxy_http_version 1.0
  // Whom weir asks for, in front of each connection; one that has announced a client is never kept for another.
  http::ProxyProtocol proxy_protocol = http::ProxyProtocol::kOff;
  SocketAddress bind_address;  // that connections to peers come from, each for one request; none: the system's choice
  // Whether a connection to a peer may serve others, before and after.
  bool shares_connections() const { return proxy_protocol == http::ProxyProtocol::kOff && bind_address.empty(); }
  bool upstream_keepalive = true;  // false under `defaults nginx` without `keepalive`
  bool close_upstream = false;     // proxy_set_header Connection close
  bool stream_requests = false;    // proxy_request_buffering off: the first bytes of a body go to a peer at once
  BufferOptions buffers;
  Millis connect_timeout{2'000};
  Millis read_timeout{60'000};
  Millis send_timeout{60'000};
  Millis tunnel_timeout{3'600'000};
  policy::RetryOptions retry;
  std::vector<NotReady> not_ready;
  bool ignore_client_abort = false;
  bool upgrade_websocket = true;
  int no_peer_status = 503;  // 502 under `defaults nginx`
  http::HeadLimits answer_limits = http::kAnswerLimits;
  std::vector<RedirectRule> redirects{{.is_default = true, .regex = {}, .from = {}, .to = {}}};
  CookieRules cookies;
  bool intercept_errors = false;            // a status of a peer that error_page names is answered by that page
  std::vector<std::string> ignore_headers;  // lower case; what they ask of weir is not done
  std::vector<std::string> hide_headers;    // lower case; beyond the automatic ones
  std::vector<std::string> pass_headers;    // lower case; Server, Date, X-Accel-* otherwise hidden as by nginx

  MirrorOptions mirror;
  CacheOptions cache;

  // From the client.
  int64_t max_body_bytes = 100LL * 1024 * 1024;  // 0: no limit. 413
  size_t body_buffer_bytes = 64 * 1024;          // a body up to this is held whole before a peer is chosen
  Millis body_timeout{60'000};                   // between reads
  int64_t body_min_rate = 240;                   // bytes a second after 10 s of grace; 0: none

  // To the client.
  std::vector<HeaderSetting> add_headers;
  std::vector<HeaderSetting> add_trailers;
  bool pass_trailers = false;                                 // a peer's
  std::optional<Expires> expires;                             // nullopt: none
  route::Template charset;                                    // added to Content-Type; empty: none
  std::shared_ptr<const filter::ContentTypes> charset_types;  // null: those that nginx names
  std::string default_type = "text/plain";
  std::shared_ptr<const http::MimeTypes> types;  // null: nginx's three
  bool recursive_error_pages = false;            // a page that fails gets a page of its own
  bool absolute_redirect = true;                 // weir's own redirects to a path name scheme and host
  bool port_in_redirect = true;                  // and the port that the client wrote
  bool server_name_in_redirect = false;          // and the server's name in the place of the client's
  Millis client_send_timeout{60'000};
  Millis keepalive_timeout{75'000};  // 0: no keep-alive
  Millis keepalive_time{3'600'000};  // an older connection is closed behind its answer
  uint32_t keepalive_requests = 10'000;
  Millis lingering_time{30'000};
  Millis lingering_timeout{5'000};
  bool lingering = true;
  bool server_tokens = false;
  bool reset_timedout = false;
  std::vector<ErrorPage> error_pages;
  std::shared_ptr<const AccessLogs> access_logs;  // shared, so that a tunnel can keep it and let go of the snapshot
  filter::RealIpOptions real_ip;
  filter::AccessOptions access;
  bool gunzip = false;
  filter::SubstituteOptions substitute;
  filter::CompressOptions compress;
  filter::AuthBasicOptions auth_basic;
  filter::AuthRequestOptions auth_request;
  filter::LimitRequestsOptions limit_requests;
  filter::LimitConnectionsOptions limit_connections;
  RateSetting limit_rate, limit_rate_after;
  route::RefererOptions valid_referers;
  std::shared_ptr<const route::Referers> referers;  // made of them with the snapshot
  std::shared_ptr<const LimitExcept> limit_except;  // null: none
  // The filter itself is added when the snapshot is built, where maintenance is on.
  filter::MaintenanceOptions maintenance;
  std::vector<std::shared_ptr<const filter::Filter>> filters;  // by Order: add_filter()

  PassTls tls;  // to the peer
};

void add_filter(Location& location, std::shared_ptr<const filter::Filter> filter);

}  // namespace weir::proxy
