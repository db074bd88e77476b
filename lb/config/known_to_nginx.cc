// Directives of nginx, open source and Plus, and of modules that others have written for it, that weir has no row for:
// so that a configuration hears what is missing, what does its work and what may be deleted, and not "unknown
// directive".
#include <string>
#include <string_view>

#include "config/directive.h"

namespace weir::config {
namespace {

struct Feature {
  std::string_view advice;
  std::string_view names;  // between blanks; "x_*" is all that begins with "x_"
};

constexpr Feature kFeatures[] = {
    {"compression: it may be deleted, answers go out as the peers send them", "gzip_static zstd*"},
    {"caching: weir has this part of it not, ranges are of whole stored answers; it may be deleted",
     "proxy_cache_max_range_offset proxy_store_access proxy_force_ranges"},
    {"slices: a cached answer is one file, and a Range that misses has all of it fetched; delete it and $slice_range",
     "slice"},
    {"caching: `weir ctl cache purge` takes answers away", "proxy_cache_purge"},
    {"FastCGI, uwsgi, SCGI, memcached and gRPC: weir passes requests to HTTP servers only",
     "fastcgi_* uwsgi_* scgi_* memcached_* grpc_*"},
    {"files: weir has this part of serving them not, pass these paths to a server that does",
     "random_index create_full_put_path dav_* min_delete_depth flv mp4* hls* f4f*"},
    {"a picture of one pixel: \"return 204;\" does where only the request counts, else \"alias\" of such a file",
     "empty_gif"},
    {"rewriting: have it done in front of weir or by the peers",
     "geoip_* num_map ancient_browser* "
     "modern_browser*"},
    {"access control: deleting it lets all clients in", "secure_link* oidc_provider proxy_allow_upstream"},
    {"tokens: weir reads none, auth_request asks a server that does", "auth_jwt* auth_require auth_oidc auth_digest*"},
    {"limits: deleting it leaves clients without them", "proxy_limit_rate"},
    {"TLS: weir has this part of it not yet", "ssl_* acme_issuer acme_certificate acme_shared_zone"},
    {"TLS towards upstreams: it may be deleted, weir reads a certificate once", "proxy_ssl_certificate_cache"},
    {"TLS towards upstreams: weir writes no keys down", "proxy_ssl_key_log"},
    {"HTTP/2 and HTTP/3: it may be deleted, clients use HTTP/1.1 then", "http2* http3* quic_*"},
    {"other protocols: weir is for HTTP", "stream mail proxy_protocol_timeout tunnel_pass mgmt"},
    {"changes of bodies: answers go out as the peers send them",
     "ssi* charset_map source_charset "
     "image_filter* xslt_* xml_entities add_trailer_inherit add_header_inherit early_hints"},
    {"texts around bodies: sub_filter puts one at a place in an answer",
     "add_before_body add_after_body addition_types"},
    {"scripts: weir runs none", "perl* js_* keyval*"},
    {"monitoring: weir has its own at the admin socket, it may be deleted",
     "status_format status_zone api google_perftools_profiles session_log* userid* "
     "upstream_conf"},
    {"upstreams: the group works without it, and differently",
     "ntlm sticky_cookie_insert state health_check_timeout require response_time_factor zone_sync* "
     "proxy_request_dynamic"},
    {"tuning: it may be deleted", "debug_points ssl_engine auth_delay keepalive_min_timeout"},
};

// Modules that are no part of nginx, and what does their work in weir.
struct Module {
  std::string_view name;
  std::string_view advice;
  std::string_view names;  // as above; "*_x" is all that ends with "_x"
};

constexpr Module kModules[] = {
    {"headers-more",
     "\"add_header ... always\" sets a field of answers and \"proxy_hide_header\" takes one away; \"proxy_set_header\" "
     "sets one of requests, with \"\" it takes it away",
     "more_set_headers more_clear_headers more_set_input_headers more_clear_input_headers"},
    {"lua (OpenResty)",
     "weir runs no scripts: \"map\", \"set\" and \"if\" decide, \"rewrite\" and \"return\" answer, \"auth_request\" "
     "asks "
     "a server of your own",
     "lua_* *_by_lua *_by_lua_block *_by_lua_file"},
    {"vts (vhost traffic status)",
     "\"status;\" in a location is the live view, \"metrics;\" the page for Prometheus, \"weir top\" the terminal's",
     "vhost_traffic_status*"},
    {"brotli",
     "weir has \"brotli\", \"brotli_types\", \"brotli_comp_level\", \"brotli_min_length\" and \"brotli_window\"; "
     "this one may be deleted",
     "brotli_static brotli_ratio unbrotli"},
    {"upstream check (Tengine)",
     "\"health_check\" in upstream{} or location{} asks the nodes, \"match\" names the good answers",
     "check check_http_send check_http_expect_alive check_keepalive_requests check_fastcgi_param check_shm_size "
     "check_status"},
    {"upstream fair", "\"least_conn\" or \"least_time header\" in its place", "fair upstream_fair_shm_size"},
    {"upsync, dyups, jdomain", "\"server NAME resolve;\" follows DNS, \"weir ctl\" changes peers while weir runs",
     "upsync* dyups_* jdomain"},
    {"substitutions", "\"sub_filter\" in its place", "subs_filter*"},
    {"fancyindex", "\"autoindex\" in its place", "fancyindex*"},
    {"echo", "\"return 200 TEXT;\" answers with a text", "echo echo_*"},
    {"set-misc", "\"map\" makes one text of another",
     "set_unescape_uri set_escape_uri set_quote_sql_str set_if_empty set_md5 set_sha1 set_hmac_sha1 set_random "
     "set_secure_random_alphanum set_encode_base64 set_decode_base64 set_local_today set_hashed_upstream"},
    {"ModSecurity or naxsi", "weir looks at no bodies for attacks: have it done in front of weir",
     "modsecurity* BasicRule MainRule CheckRule SecRulesEnabled SecRulesDisabled LearningMode DeniedUrl"},
    {"PageSpeed", "it may be deleted, answers go out as the peers send them", "pagespeed*"},
    {"auth_ldap, auth_pam, SPNEGO or Shibboleth", "\"auth_request\" asks a server that does",
     "auth_ldap* ldap_server auth_pam* auth_gss* shib_request*"},
    {"Passenger", "weir starts no applications: \"proxy_pass\" leads to one that runs", "passenger*"},
    {"RTMP", "weir is for HTTP", "rtmp rtmp_*"},
    {"nchan or push_stream", "weir passes WebSockets and event streams on, a server of your own has to make them",
     "nchan_* push_stream_*"},
    {"redis2, memc or srcache", "\"proxy_cache\" keeps answers; peers are HTTP servers",
     "redis_* redis2_* memc_* srcache_*"},
    {"opentracing", "\"$trace_id\" and \"proxy_set_header traceparent $traceparent;\" carry W3C trace contexts",
     "opentracing* opentelemetry*"},
};

bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t blank = list.find(' ');
    std::string_view word = list.substr(0, blank);
    list.remove_prefix(blank == std::string_view::npos ? list.size() : blank + 1);
    const bool is_it = word.ends_with('*')     ? name.starts_with(word.substr(0, word.size() - 1))
                       : word.starts_with('*') ? name.ends_with(word.substr(1))
                                               : name == word;
    if (is_it) return true;
  }
  return false;
}

}  // namespace

std::string not_supported(std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  for (const Module& each : kModules)
    if (names(each.names, name))
      return quoted + " is of the module " + std::string(each.name) +
             ", which weir has not: " + std::string(each.advice);
  const std::string_view feature = nginx_feature(name);
  return quoted + " is known to nginx, but not supported by weir yet" +
         (feature.empty() ? "" : " (" + std::string(feature) + ")");
}

std::string_view nginx_feature(std::string_view name) {
  for (const Module& each : kModules)
    if (names(each.names, name)) return each.advice;
  for (const Feature& each : kFeatures)
    if (names(each.names, name)) return each.advice;
  return {};
}

}  // namespace weir::config
