// Names of nginx's directives, open source and Plus, with the modules of its documentation. Only those that are no rows
// here are ever looked up: so that a configuration hears "not supported yet" and not "unknown".
#include <algorithm>
#include <string_view>

#include "config/directive.h"

namespace weir::config {
namespace {

constexpr std::string_view kNames[] = {
    // core
    "debug_connection", "debug_points", "env", "load_module", "lock_file", "master_process", "pcre_jit", "ssl_engine",
    "ssl_object_cache_inheritable", "thread_pool", "timer_resolution", "worker_aio_requests", "worker_cpu_affinity",
    "worker_priority", "working_directory", "worker_rlimit_core", "stream", "mail", "google_perftools_profiles", "mgmt",
    // http core
    "absolute_redirect", "aio_write", "alias", "auth_delay", "chunked_transfer_encoding", "client_body_in_file_only",
    "client_body_in_single_buffer", "client_body_temp_path", "disable_symlinks", "early_hints", "etag",
    "if_modified_since", "ignore_invalid_headers", "internal", "keepalive_disable", "keepalive_min_timeout",
    "keepalive_time", "limit_except", "limit_rate", "limit_rate_after", "max_headers", "max_ranges", "merge_slashes",
    "msie_padding", "msie_refresh", "open_file_cache", "open_file_cache_errors", "open_file_cache_min_uses",
    "open_file_cache_valid", "output_buffers", "port_in_redirect", "postpone_output", "read_ahead",
    "recursive_error_pages", "root", "satisfy", "send_lowat", "server_name_in_redirect",
    "subrequest_output_buffer_size", "try_files", "underscores_in_headers",
    // access, auth, add headers, autoindex, browser, charset, dav, empty gif
    "allow", "deny", "auth_basic_user_file", "auth_request", "auth_request_set", "auth_jwt", "auth_jwt_claim_set",
    "auth_jwt_header_set", "auth_jwt_key_cache", "auth_jwt_key_file", "auth_jwt_key_request", "auth_jwt_leeway",
    "auth_jwt_require", "auth_jwt_type", "auth_oidc", "oidc_provider", "auth_require", "add_header_inherit",
    "add_trailer", "add_trailer_inherit", "expires", "add_before_body", "add_after_body", "addition_types", "api",
    "status_zone", "autoindex_exact_size", "autoindex_format", "autoindex_localtime", "ancient_browser",
    "ancient_browser_value", "modern_browser", "modern_browser_value", "charset", "charset_map", "charset_types",
    "override_charset", "source_charset", "create_full_put_path", "dav_access", "dav_methods", "min_delete_depth",
    "empty_gif", "f4f", "f4f_buffer_size", "flv", "geo", "geoip_country", "geoip_city", "geoip_org", "geoip_proxy",
    "geoip_proxy_recursive",
    // fastcgi, uwsgi, scgi, memcached, grpc
    "fastcgi_pass", "fastcgi_param", "fastcgi_index", "fastcgi_split_path_info", "fastcgi_buffers",
    "fastcgi_buffer_size", "fastcgi_buffering", "fastcgi_cache", "fastcgi_cache_key", "fastcgi_cache_path",
    "fastcgi_cache_valid", "fastcgi_connect_timeout", "fastcgi_hide_header", "fastcgi_intercept_errors",
    "fastcgi_read_timeout", "fastcgi_send_timeout", "fastcgi_request_buffering", "fastcgi_temp_path",
    "fastcgi_keep_conn", "uwsgi_pass", "uwsgi_param", "uwsgi_read_timeout", "uwsgi_temp_path", "scgi_pass",
    "scgi_param", "scgi_temp_path", "memcached_pass", "grpc_bind", "grpc_buffer_size", "grpc_connect_timeout",
    "grpc_hide_header", "grpc_ignore_headers", "grpc_intercept_errors", "grpc_next_upstream",
    "grpc_next_upstream_timeout", "grpc_next_upstream_tries", "grpc_pass", "grpc_pass_header", "grpc_read_timeout",
    "grpc_send_timeout", "grpc_set_header", "grpc_socket_keepalive", "grpc_ssl_certificate", "grpc_ssl_certificate_key",
    "grpc_ssl_ciphers", "grpc_ssl_name", "grpc_ssl_protocols", "grpc_ssl_server_name", "grpc_ssl_trusted_certificate",
    "grpc_ssl_verify",
    // gzip, gunzip, image, js, limits, log, media
    "gunzip", "gunzip_buffers", "gzip_buffers", "gzip_comp_level", "gzip_disable", "gzip_http_version",
    "gzip_min_length", "gzip_proxied", "gzip_static", "gzip_types", "gzip_vary", "brotli", "brotli_types", "hls",
    "image_filter", "js_import", "js_include", "js_set", "js_content", "js_header_filter", "js_body_filter", "js_path",
    "js_var", "js_shared_dict_zone", "keyval", "keyval_zone", "limit_conn", "limit_conn_dry_run",
    "limit_conn_log_level", "limit_conn_status", "limit_conn_zone", "limit_req", "limit_req_dry_run",
    "limit_req_log_level", "limit_req_status", "limit_req_zone", "mirror", "mirror_request_body", "mp4",
    "mp4_buffer_size", "mp4_max_buffer_size", "mp4_start_key_frame", "num_map", "otel_exporter", "otel_service_name",
    "otel_trace", "otel_trace_context", "otel_span_name", "otel_span_attr", "perl", "perl_modules", "perl_require",
    "perl_set",
    // proxy
    "proxy_allow_upstream", "proxy_bind", "proxy_cache_background_update", "proxy_cache_bypass",
    "proxy_cache_convert_head", "proxy_cache_key", "proxy_cache_lock", "proxy_cache_lock_age",
    "proxy_cache_lock_timeout", "proxy_cache_max_range_offset", "proxy_cache_methods", "proxy_cache_min_uses",
    "proxy_cache_path", "proxy_cache_purge", "proxy_cache_revalidate", "proxy_cache_use_stale", "proxy_cache_valid",
    "proxy_cookie_domain", "proxy_cookie_flags", "proxy_cookie_path", "proxy_force_ranges", "proxy_ignore_headers",
    "proxy_limit_rate", "proxy_method", "proxy_no_cache", "proxy_pass_request_body", "proxy_pass_request_headers",
    "proxy_pass_trailers", "proxy_request_dynamic", "proxy_send_lowat", "proxy_set_body", "proxy_socket_keepalive",
    "proxy_socket_rcvbuf", "proxy_socket_sndbuf", "proxy_ssl_alpn", "proxy_ssl_certificate",
    "proxy_ssl_certificate_cache", "proxy_ssl_certificate_key", "proxy_ssl_ciphers", "proxy_ssl_conf_command",
    "proxy_ssl_crl", "proxy_ssl_key_log", "proxy_ssl_name", "proxy_ssl_password_file", "proxy_ssl_protocols",
    "proxy_ssl_server_name", "proxy_ssl_session_reuse", "proxy_ssl_trusted_certificate", "proxy_ssl_verify",
    "proxy_ssl_verify_depth", "proxy_store_access", "proxy_temp_path", "proxy_protocol", "proxy_protocol_timeout",
    "tunnel_pass",
    // files, rewrite, session, slice, split, ssi, ssl, status, sub, userid, http/2, http/3, xslt
    "index", "random_index", "referer_hash_bucket_size", "referer_hash_max_size", "valid_referers", "break", "if",
    "rewrite", "rewrite_log", "set", "uninitialized_variable_warn", "secure_link", "secure_link_md5",
    "secure_link_secret", "session_log", "session_log_format", "session_log_zone", "slice", "split_clients",
    "ssi_last_modified", "ssi_min_file_chunk", "ssi_silent_errors", "ssi_types", "ssi_value_length", "ssl_alpn",
    "ssl_buffer_size", "ssl_certificate", "ssl_certificate_cache", "ssl_certificate_compression", "ssl_certificate_key",
    "ssl_ciphers", "ssl_client_certificate", "ssl_conf_command", "ssl_crl", "ssl_dhparam", "ssl_early_data",
    "ssl_ecdh_curve", "ssl_encrypted_hello_key", "ssl_key_log", "ssl_ocsp", "ssl_ocsp_cache", "ssl_ocsp_responder",
    "ssl_password_file", "ssl_prefer_server_ciphers", "ssl_protocols", "ssl_reject_handshake", "ssl_session_cache",
    "ssl_session_ticket_key", "ssl_session_tickets", "ssl_session_timeout", "ssl_stapling", "ssl_stapling_file",
    "ssl_stapling_responder", "ssl_stapling_verify", "ssl_trusted_certificate", "ssl_verify_client", "ssl_verify_depth",
    "stub_status", "status", "status_format", "sub_filter", "sub_filter_last_modified", "sub_filter_once",
    "sub_filter_types", "userid", "userid_domain", "userid_expires", "userid_flags", "userid_mark", "userid_name",
    "userid_p3p", "userid_path", "userid_service", "http2_body_preread_size", "http2_chunk_size", "http2_idle_timeout",
    "http2_max_concurrent_pushes", "http2_max_concurrent_streams", "http2_max_field_size", "http2_max_header_size",
    "http2_max_requests", "http2_push", "http2_push_preload", "http2_recv_buffer_size", "http2_recv_timeout", "http3",
    "http3_hq", "http3_max_concurrent_streams", "http3_stream_buffer_size", "quic_active_connection_id_limit",
    "quic_bpf", "quic_gso", "quic_host_key", "quic_retry", "xml_entities", "xslt_last_modified", "xslt_param",
    "xslt_string_param", "xslt_stylesheet", "xslt_types", "acme_issuer", "acme_certificate", "acme_shared_zone",
    // upstream
    "ntlm", "sticky_cookie_insert", "state", "health_check_timeout", "require", "upstream_conf", "response_time_factor",
    "zone_sync"};

}  // namespace

bool is_known_to_nginx(std::string_view name) {
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace weir::config
