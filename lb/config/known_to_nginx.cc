// Directives of nginx, open source and Plus, that weir has no row for, by feature: so that a configuration hears what
// is missing and what may be deleted, and not "unknown directive".
#include <string_view>

#include "config/directive.h"

namespace weir::config {
namespace {

struct Feature {
  std::string_view advice;
  std::string_view names;  // between blanks; "x_*" is all that begins with "x_"
};

constexpr Feature kFeatures[] = {
    {"compression: it may be deleted, answers go out as the peers send them", "gzip_static brotli_static zstd*"},
    {"caching: weir has this part of it not, ranges are of whole stored answers; it may be deleted",
     "proxy_cache_max_range_offset proxy_store_access proxy_force_ranges"},
    {"slices: a cached answer is one file, and a Range that misses has all of it fetched; delete it and $slice_range",
     "slice"},
    {"caching: `weir ctl cache purge` takes answers away", "proxy_cache_purge"},
    {"FastCGI, uwsgi, SCGI, memcached and gRPC: weir passes requests to HTTP servers only",
     "fastcgi_* uwsgi_* scgi_* memcached_* grpc_*"},
    {"files: weir has this part of serving them not, pass these paths to a server that does",
     "random_index create_full_put_path dav_* min_delete_depth empty_gif flv mp4* hls* f4f*"},
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
    {"scripts: weir runs none", "perl* js_* lua_* content_by_lua* access_by_lua* rewrite_by_lua* keyval*"},
    {"monitoring: weir has its own at the admin socket, it may be deleted",
     "status_format status_zone api otel_* google_perftools_profiles session_log* userid* "
     "upstream_conf"},
    {"upstreams: the group works without it, and differently",
     "ntlm sticky_cookie_insert state health_check_timeout require response_time_factor zone_sync* "
     "proxy_request_dynamic"},
    {"tuning: it may be deleted", "debug_points ssl_engine auth_delay keepalive_min_timeout"},
};

bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t blank = list.find(' ');
    std::string_view word = list.substr(0, blank);
    list.remove_prefix(blank == std::string_view::npos ? list.size() : blank + 1);
    if (word.ends_with('*') ? name.starts_with(word.substr(0, word.size() - 1)) : name == word) return true;
  }
  return false;
}

}  // namespace

std::string_view nginx_feature(std::string_view name) {
  for (const Feature& each : kFeatures)
    if (names(each.names, name)) return each.advice;
  return {};
}

}  // namespace weir::config
