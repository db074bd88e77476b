// What operators have in files written for nginx: taken, taken with a warning, or refused with nginx's own verdict.
#include <gtest/gtest.h>

#include "config/builtin_files.h"
#include "config/directive.h"
#include "config/dump.h"
#include "config/loader.h"
#include "config_text.h"
#include "route/map.h"

namespace weir::config {
namespace {

proxy::Location location(const std::string& text) {
  return load(text).model.servers.at(0).locations.at(0).settings;
}
std::string in_http(const std::string& text) {
  return messages("http {\n" + text + "\n}");
}

TEST(Operators, cache_conditions_load_without_a_cache) {
  EXPECT_EQ(in_http("proxy_cache_bypass $http_upgrade $cookie_a; proxy_no_cache $http_upgrade; proxy_cache off;"), "");
  EXPECT_EQ(in_http("proxy_no_cache $nope;"), "weir.conf:2:16: error: unknown \"nope\" variable\n");
}

TEST(Operators, types_may_stand_several_times) {
  const proxy::Location settings = location(
      "types { text/html html; text/plain; } types { text/css css; } server { listen 1; location / { return 200; } }");
  EXPECT_EQ(settings.types->find("/a.css"), "text/css");
  EXPECT_EQ(settings.types->find("/a.html"), "text/html");
  EXPECT_EQ(in_http("types { text/html html; text/plain HTML; }"),
            "weir.conf:2:36: warning: duplicate extension \"HTML\", the type is now \"text/plain\"\n");
}

TEST(Operators, types_of_a_level_replace_inherited_ones) {
  const proxy::Location settings =
      location("types { text/html html; } server { listen 1; location / { types { text/css css; } return 200; } }");
  EXPECT_EQ(settings.types->find("/a.html"), "");
}

TEST(Operators, missing_mime_types_are_built_in) {
  const proxy::Location settings = location(
      "include mime.types; include /etc/nginx-none/mime.types; server { listen 1; location / { return 200; } }");
  EXPECT_EQ(settings.types->find("/robots.txt"), "text/plain");
  EXPECT_EQ(builtin_file("/etc/nginx/fastcgi_params"), "");
  EXPECT_EQ(messages("include other.types;"),
            "weir.conf:1:9: error: open() \"other.types\" failed (2: No such file or directory)\n");
}

TEST(Operators, resolver_of_a_location_is_for_its_names) {
  const LoadedConfig loaded = load(
      "resolver 10.0.0.1; server { listen 1; resolver 10.0.0.2; location /a { resolver 10.0.0.3 valid=5s; "
      "proxy_pass http://a.example; } location /b { resolver_timeout 3s; proxy_pass http://b.example; } }"
      "upstream u { server c.example; }");
  const auto& upstreams = loaded.model.upstreams;
  EXPECT_EQ(upstreams.at(0).resolver.servers, std::vector<std::string>{"10.0.0.1:53"});
  EXPECT_EQ(upstreams.at(1).resolver.servers, std::vector<std::string>{"10.0.0.3:53"});
  EXPECT_EQ(upstreams.at(2).resolver.servers, std::vector<std::string>{"10.0.0.2:53"});
  EXPECT_EQ(upstreams.at(2).resolver.timeout, Millis(3000));
}

TEST(Operators, second_resolver_of_a_name_is_a_warning) {
  EXPECT_EQ(
      messages("server { listen 1; location /a { proxy_pass http://a.example; }\n location /b { resolver 10.0.0.3; "
               "proxy_pass http://a.example; } }"),
      "weir.conf:2:35: warning: \"a.example\" is asked for with the \"resolver\" of its first \"proxy_pass\", at "
      "weir.conf:1:34\n");
}

TEST(Operators, process_tuning_is_taken_or_a_warning) {
  EXPECT_EQ(messages("pcre_jit on; env TZ; lock_file /tmp/l; timer_resolution 100ms; thread_pool a threads=2;"
                     " master_process on;"),
            "");
  EXPECT_EQ(
      messages("load_module modules/x.so;\nworker_cpu_affinity auto;\nworker_priority 5;\nmaster_process off;"),
      "weir.conf:1:1: warning: \"load_module\" has no effect, weir has no modules to load.\n"
      "weir.conf:2:1: warning: \"worker_cpu_affinity\" has no effect, the kernel places the threads.\n"
      "weir.conf:3:1: warning: \"worker_priority\" has no effect, weir runs with the nice value it is started with.\n"
      "weir.conf:4:1: warning: \"master_process off\" has no effect, workers are threads of one process.\n");
}

TEST(Operators, fixed_behaviour_is_taken_and_its_contrary_a_warning) {
  EXPECT_EQ(in_http("chunked_transfer_encoding on; ignore_invalid_headers off;"), "");
  EXPECT_EQ(
      in_http("chunked_transfer_encoding off;\nignore_invalid_headers on;"),
      "weir.conf:2:1: warning: \"chunked_transfer_encoding off\" has no effect, an answer of unknown length goes to "
      "HTTP/1.1 clients in chunks.\n"
      "weir.conf:3:1: warning: \"ignore_invalid_headers on\": a request with an invalid field name is refused with "
      "400\n");
}

TEST(Operators, fixed_upgrade_is_a_warning) {
  EXPECT_EQ(in_http("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"), "");
  EXPECT_EQ(in_http("proxy_set_header Upgrade tcp;\nproxy_set_header Upgrade h2c;"),
            "weir.conf:2:1: warning: weir asks a peer for \"tcp\" only where the client does and \"proxy_set_header "
            "Connection upgrade\" stands here\n"
            "weir.conf:3:1: warning: weir never asks a peer for \"h2c\": requests in it would go past weir\n");
}

TEST(Operators, fixed_method_is_a_token) {
  EXPECT_EQ(in_http("proxy_method M-SEARCH; server { proxy_method $arg_m; }"), "");
  EXPECT_EQ(in_http("proxy_method \"A B\";"),
            "weir.conf:2:14: error: invalid value \"A B\" in \"proxy_method\" directive, it must be a method\n");
}

TEST(Operators, tuning_of_files_and_connections_is_taken) {
  EXPECT_EQ(in_http("aio_write on; directio_alignment 4k; read_ahead 0; output_buffers 2 32k; postpone_output 1460;"
                    "open_file_cache max=1000 inactive=20s; open_file_cache_valid 30s; open_file_cache_min_uses 2;"
                    "open_file_cache_errors on; send_lowat 0; proxy_send_lowat 0; client_body_in_single_buffer on;"
                    "subrequest_output_buffer_size 8k; client_body_in_file_only off; keepalive_disable none;"
                    "merge_slashes on; msie_padding off; msie_refresh off; proxy_socket_keepalive on;"),
            "");
  EXPECT_EQ(in_http("open_file_cache off;"), "");
  EXPECT_EQ(messages("events { worker_aio_requests 32; }"), "");
}

TEST(Operators, tuning_that_weir_contradicts_is_a_warning) {
  EXPECT_EQ(
      in_http("client_body_in_file_only clean;\nkeepalive_disable msie6 safari;\nmerge_slashes off;\nmsie_refresh on;\n"
              "proxy_socket_keepalive off;"),
      "weir.conf:2:1: warning: \"client_body_in_file_only\" has no effect, bodies are streamed and never written to "
      "files.\n"
      "weir.conf:3:1: warning: \"keepalive_disable\" has no effect, connections of all browsers are kept.\n"
      "weir.conf:4:1: warning: \"merge_slashes off\" has no effect, slashes in a row are one where a location is "
      "looked "
      "for.\n"
      "weir.conf:5:1: warning: \"msie_refresh on\" has no effect, redirects are the same for all browsers.\n"
      "weir.conf:6:1: warning: \"proxy_socket_keepalive off\" has no effect, connections to peers have TCP keepalive "
      "always.\n");
  EXPECT_EQ(in_http("log_subrequest off; tcp_nodelay on;"), "");
  EXPECT_EQ(in_http("log_subrequest on;\ntcp_nodelay off;"),
            "weir.conf:2:1: warning: \"log_subrequest on\" has no effect, access logs have the requests of clients.\n"
            "weir.conf:3:1: warning: \"tcp_nodelay off\" has no effect, connections send at once.\n");
  EXPECT_EQ(messages("events { debug_connection 10.0.0.1; }"),
            "weir.conf:1:10: warning: \"debug_connection\" has no effect, weir's error log has one level for all "
            "connections.\n");
}

TEST(Operators, tuning_with_wrong_values_is_refused) {
  EXPECT_EQ(in_http("output_buffers 2;"),
            "weir.conf:2:1: error: invalid number of arguments in \"output_buffers\" directive, it is written: "
            "output_buffers NUMBER SIZE\n");
  for (const char* text : {"open_file_cache inactive=5s;", "open_file_cache max=x;", "open_file_cache on;",
                           "keepalive_disable opera;", "client_body_in_file_only yes;", "output_buffers 0 32k;"})
    EXPECT_NE(in_http(text).find("error: "), std::string::npos) << text;
}

TEST(Operators, temp_paths_are_a_warning) {
  EXPECT_EQ(
      in_http("client_body_temp_path /tmp/x 1 2;\nproxy_temp_path /tmp/y 9;"),
      "weir.conf:2:1: warning: weir streams bodies and does not spool them: \"client_body_temp_path\" has no "
      "effect\n"
      "weir.conf:3:1: warning: weir streams bodies and does not spool them: \"proxy_temp_path\" has no effect\n"
      "weir.conf:3:24: error: invalid value \"9\" in \"proxy_temp_path\" directive, it must be a level from 1 to 3\n");
}

TEST(Operators, names_in_set_real_ip_from_are_resolved) {
  const proxy::Location settings = location(
      "server { listen 1; location / { set_real_ip_from localhost; set_real_ip_from lb.localhost; return 200; } }");
  EXPECT_EQ(settings.real_ip.trusted.size(), 4U);
  EXPECT_TRUE(settings.real_ip.trusts(*SocketAddress::from_ip("127.0.0.1", 1)));
  EXPECT_EQ(in_http("set_real_ip_from nowhere.example;"),
            "weir.conf:2:18: error: host not found in \"set_real_ip_from nowhere.example\"\n");
  EXPECT_EQ(in_http("set_real_ip_from 10.0.0.0.0;"),
            "weir.conf:2:18: error: invalid value \"10.0.0.0.0\" in \"set_real_ip_from\" directive, it must be an "
            "address, a CIDR block, \"unix:\" or a host name\n");
}

TEST(Operators, scheme_of_proxy_pass_knows_no_case) {
  EXPECT_EQ(location("server { listen 1; location / { proxy_pass HTTP://10.0.0.1:80/x; } }").pass->uri, "/x");
  EXPECT_TRUE(location("server { listen 1; location / { proxy_pass HTTPS://10.0.0.1; } }").pass->tls);
}

TEST(Operators, access_log_with_variables_is_one_file) {
  const LoadedConfig loaded = load_text(
      "access_log /var/log/${host}.$server_name.log combined gzip=3 flush=5m;"
      " server { listen 1; location / { return 200; } }");
  EXPECT_EQ(loaded.diagnostics.to_text(),
            "weir.conf:1:1: warning: weir keeps one log where its name has variables, here "
            "\"/var/log/host.server_name.log\"\n"
            "weir.conf:1:1: warning: weir writes logs uncompressed: \"gzip\" has no effect\n");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.model.servers[0].locations[0].settings.access_logs->at(0).options.path,
            "/var/log/host.server_name.log");
  EXPECT_EQ(
      in_http("access_log /a combined gzip=10;"),
      "weir.conf:2:24: error: invalid value \"gzip=10\" in \"access_log\" directive, it must be gzip=LEVEL from 1 "
      "to 9\n");
}

TEST(Operators, client_connections_have_a_greatest_age) {
  EXPECT_EQ(location("server { listen 1; location / { keepalive_time 5m; return 200; } }").keepalive_time,
            Millis(300'000));
}

TEST(Operators, empty_names_of_variable_families_are_known) {
  EXPECT_EQ(in_http("add_header X $arg_; add_header Y $http_$cookie_;"), "");
}

TEST(Operators, unsupported_directives_name_their_feature) {
  EXPECT_EQ(
      in_http("zstd_types text/css;\nfastcgi_split_path_info x;\ngrpc_anything x;\nsecure_link x;"),
      "weir.conf:2:1: error: \"zstd_types\" is known to nginx, but not supported by weir yet (compression: it may be "
      "deleted, answers go out as the peers send them)\n"
      "weir.conf:3:1: error: \"fastcgi_split_path_info\" is known to nginx, but not supported by weir yet (FastCGI, "
      "uwsgi, SCGI, memcached and gRPC: weir passes requests to HTTP servers only)\n"
      "weir.conf:4:1: error: \"grpc_anything\" is known to nginx, but not supported by weir yet (FastCGI, uwsgi, "
      "SCGI, memcached and gRPC: weir passes requests to HTTP servers only)\n"
      "weir.conf:5:1: error: \"secure_link\" is known to nginx, but not supported by weir yet (access control: "
      "deleting "
      "it "
      "lets all clients in)\n");
}

TEST(Operators, modules_of_others_are_named_with_a_replacement) {
  EXPECT_EQ(
      in_http("more_set_headers 'X: y';"),
      "weir.conf:2:1: error: \"more_set_headers\" is of the module headers-more, which weir has not: \"add_header "
      "... always\" sets a field of answers and \"proxy_hide_header\" takes one away; \"proxy_set_header\" sets "
      "one of requests, with \"\" it takes it away\n");
  for (const std::string name : {"lua_package_path", "init_by_lua_block", "vhost_traffic_status_zone", "brotli_static",
                                 "check_http_send", "fair", "echo", "modsecurity_rules_file"})
    EXPECT_NE(in_http(name + " x;").find("\"" + name + "\" is of the module "), std::string::npos)
        << in_http(name + " x;");
}

TEST(Operators, blocks_of_lua_are_passed_over) {
  EXPECT_EQ(in_http("server { listen 1; location / {\ncontent_by_lua_block {\n  -- a } brace\n  local t = { \"}\" }\n"
                    "  ngx.say('it\\'s }')\n}\n}\nnosuch x; }")
                .find("weir.conf:3:1: error: \"content_by_lua_block\" is of the module lua (OpenResty)"),
            0U);
  EXPECT_NE(in_http("access_by_lua_block {\n x = { 1 }\n}\nnosuch_thing x;").find("weir.conf:5:1: error: unknown"),
            std::string::npos);
  EXPECT_NE(messages("init_by_lua_block {\n x = {").find("unexpected end of file"), std::string::npos);
}

TEST(Operators, listen_takes_all_addresses_of_a_name) {
  using Texts = std::map<std::string, std::string>;
  class Names final : public MemoryFiles {
   public:
    using MemoryFiles::MemoryFiles;
    std::vector<std::string> addresses_of(const std::string& host) override {
      return host == "lb.test" ? std::vector<std::string>{"10.0.0.1", "fd00::1", "10.0.0.1"}
                               : std::vector<std::string>();
    }
  };
  Names files(Texts{{"weir.conf", "server { listen lb.test:81 default_server; listen 82; return 200; }"}});
  const LoadedConfig loaded = load_config("weir.conf", files);
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  ASSERT_TRUE(loaded.ok());
  const auto& listens = loaded.model.servers.at(0).listens;
  ASSERT_EQ(listens.size(), 3U);
  EXPECT_EQ(listens[0].address.to_string(), "10.0.0.1:81");
  EXPECT_EQ(listens[1].address.to_string(), "[fd00::1]:81");
  EXPECT_TRUE(listens[0].default_server && listens[1].default_server);
  Names wrong(Texts{{"weir.conf", "server { listen nowhere.test:81; return 200; }"}});
  EXPECT_EQ(load_config("weir.conf", wrong).diagnostics.to_text(),
            "weir.conf:1:17: error: host not found in \"nowhere.test:81\" of the \"listen\" directive\n");
}

TEST(Operators, placeholders_of_templates_are_named) {
  EXPECT_EQ(messages("server { listen ${PORT}; server_name a; }"),
            "weir.conf:1:17: error: \"${PORT}\" is a placeholder of a template that was not filled in\n");
  EXPECT_EQ(messages("upstream u { server {{ host }}:80; } server { listen {{port}}; }"),
            "weir.conf:1:21: error: \"{{ host }}:80\" is a placeholder of a template that was not filled in\n"
            "weir.conf:1:54: error: \"{{port}}\" is a placeholder of a template that was not filled in\n");
  EXPECT_EQ(messages("{% if x %} server { listen 1; }"),
            "weir.conf:1:1: error: \"{% if x %}\" is a placeholder of a template that was not filled in\n");
  EXPECT_EQ(messages("server { listen @PORT@; server_name %%NAME%%; root /srv/@WWW_ROOT@/x; }"),
            "weir.conf:1:17: error: \"@PORT@\" is a placeholder of a template that was not filled in\n"
            "weir.conf:1:37: error: \"%%NAME%%\" is a placeholder of a template that was not filled in\n"
            "weir.conf:1:52: error: \"@WWW_ROOT@\" is a placeholder of a template that was not filled in\n");
  EXPECT_EQ(messages("server { listen 1; error_page 502 @down; location @down { return 200 'A@B@C'; } }"), "");
  EXPECT_EQ(messages("server { listen 1; return 200 '${HOST} {{ x }}'; }"), "");
}

TEST(Operators, values_of_accepted_directives_are_checked) {
  for (const char* text : {"proxy_buffers 8", "proxy_buffers x 8k", "proxy_buffer_size x", "proxy_busy_buffers_size q",
                           "proxy_buffers 1 8k", "proxy_buffers 8 0", "proxy_buffers_memory 8k",
                           "proxy_max_temp_file_size x", "aio maybe", "directio x", "sendfile_max_chunk x",
                           "types_hash_max_size x", "connection_pool_size x", "server_names_hash_bucket_size 0"})
    EXPECT_NE(in_http(std::string(text) + ";").find("error"), std::string::npos) << text;
  EXPECT_EQ(in_http("aio threads=a; directio 4m; directio_alignment 512;").find("aio"), std::string::npos);
  EXPECT_EQ(messages("events { use foo; accept_mutex_delay x; }"),
            "weir.conf:1:14: error: invalid value \"foo\" in \"use\" directive, it must be epoll, poll or select\n"
            "weir.conf:1:38: error: invalid value \"x\" in \"accept_mutex_delay\" directive, it must be a time like "
            "500ms\n");
  EXPECT_EQ(messages("events { use poll; }"),
            "weir.conf:1:10: warning: weir waits with epoll: \"use poll\" has no effect\n");
}

TEST(Operators, prefix_inside_a_regex_location_begins_with_its_text) {
  EXPECT_EQ(messages("server { listen 1; location ~ a { location /b { } } }"),
            "weir.conf:1:35: error: location \"/b\" is outside location \"a\"\n");
  EXPECT_EQ(messages("server { listen 1; location ~ /a { location /a/b { } location ~ c { } } }"), "");
}

TEST(Operators, upstream_of_backups_only_is_refused) {
  EXPECT_EQ(messages("upstream u { server a backup; server b backup; }"),
            "weir.conf:1:1: error: no servers but backups are inside upstream \"u\"\n");
  EXPECT_EQ(messages("upstream u { server a backup; server b down; }"), "");
}

TEST(Operators, keepalive_of_upstreams_is_a_number_or_off) {
  for (const std::string none : {"off", "0"})
    EXPECT_EQ(load("upstream u { server a; keepalive " + none + "; }").model.upstreams[0].settings.pool.max_idle, 0U);
  EXPECT_EQ(messages("upstream u { server a; keepalive -1; }"),
            "weir.conf:1:34: error: invalid value \"-1\" in \"keepalive\" directive, it must be a number\n");
}

TEST(Operators, zone_has_one_size_somewhere) {
  EXPECT_EQ(messages("upstream u { server a; zone z; }"),
            "weir.conf:1:24: error: zone \"z\" has no size at any upstream, like 64k\n");
  EXPECT_EQ(messages("upstream u { server a; zone z; } upstream v { server a; zone z 64k; }"), "");
  EXPECT_EQ(messages("upstream u { server a; zone z 1k; }"),
            "weir.conf:1:24: error: zone \"z\" is too small, the least is 32k\n");
  EXPECT_EQ(messages("upstream u { server a; zone z 64k; } upstream v { server a; zone z 1m; }"),
            "weir.conf:1:61: error: the size of zone \"z\" conflicts with that of another upstream\n");
}

TEST(Operators, values_over_several_lines_are_sent_as_one) {
  const LoadedConfig loaded = load_text(
      "server { listen 1; location / { add_header C \"default-src 'self';\n     img-src  *\n\"; return 200; } }");
  EXPECT_EQ(loaded.diagnostics.warnings(), 1U);
  EXPECT_EQ(loaded.model.servers[0].locations[0].settings.add_headers[0].value.text(),
            "default-src 'self'; img-src  *");
}

TEST(Operators, forwarded_words_of_clients_need_a_trusted_balancer) {
  const std::string passes = "proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto; ";
  EXPECT_EQ(in_http(passes),
            "weir.conf:2:1: warning: \"$http_x_forwarded_proto\" can be written by any client: \"set_real_ip_from "
            "ADDRESS;\" names a balancer in front that is trusted for X-Forwarded-*\n");
  EXPECT_EQ(in_http(passes + "server { listen 1; set_real_ip_from 10.0.0.1; }"), "");
}

TEST(Operators, captures_of_maps_are_variables) {
  const LoadedConfig loaded = load(
      "map $lang $b { default $lang; } map $uri $a { ~^/(?<lang>..)/ $lang; ~^/(?<Other>.)$ 1; }"
      " server { listen 1; return 200 $lang$other$b; }");
  const auto& parts = loaded.model.servers[0].settings.returns->text.parts();
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].variable.id, route::Var::kNamedCapture);
  EXPECT_NE(parts[0].variable.map, nullptr);
  EXPECT_EQ(parts[1].variable.arg, "other");
}

TEST(Operators, variables_without_an_answer_are_refused_by_name) {
  for (const char* name : {"jwt_claim_x", "slice_range", "upstream_last_server_name"})
    EXPECT_EQ(
        in_http(std::string("add_header X $") + name + ";"),
        std::string("weir.conf:2:14: error: unknown \"") + name + "\" variable (known to nginx, not supported)\n");
}

TEST(Operators, internal_locations_are_marked) {
  EXPECT_TRUE(location("server { listen 1; location /x { internal; return 200; } }").internal);
  const LoadedConfig loaded = load("server { listen 1; location /x { internal; return 200; } location @y { } }");
  const std::string dump = dump_effective(loaded.model, true);
  EXPECT_EQ(load(dump).model.servers[0].locations[0].settings.internal, true);
}

}  // namespace
}  // namespace weir::config
