// Directives to model: inheritance, defaults, and what each area means.
#include <gtest/gtest.h>

#include <set>

#include "config/builder.h"
#include "config/directive.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/loader.h"
#include "config/shapes.h"
#include "config/writer.h"
#include "config_text.h"

namespace weir::config {
namespace {

// Of the first location.
proxy::Location location(const std::string& text) {
  return load(text).model.servers.at(0).locations.at(0).settings;
}

TEST(Config, listen_takes_each_port_of_a_range) {
  const LoadedConfig loaded = load("server { listen 127.0.0.1:8000-8002; listen 9000-9001; return 200; }");
  std::string addresses;
  for (const ListenModel& each : loaded.model.servers.at(0).listens) addresses += each.address.to_string() + " ";
  EXPECT_EQ(addresses, "127.0.0.1:8000 127.0.0.1:8001 127.0.0.1:8002 0.0.0.0:9000 0.0.0.0:9001 ");
  EXPECT_EQ(messages("server { listen 8002-8000; return 200; }"),
            "weir.conf:1:17: error: invalid port range in \"8002-8000\" of the \"listen\" directive\n");
}

TEST(Config, nocobase_snippet_loads_unchanged) {
  const LoadedConfig loaded = load(
      "upstream myapp {\n"
      "    # ip_hash; # Can be used for session persistence.\n"
      "    server 172.31.0.1:13000; # Internal node 1\n"
      "    server 172.31.0.2:13000; # Internal node 2\n"
      "    server 172.31.0.3:13000; # Internal node 3\n"
      "}\n"
      "server {\n"
      "    listen 80;\n"
      "    location / {\n"
      "        proxy_pass http://myapp;\n"
      "    }\n"
      "}\n");
  const Model& model = loaded.model;
  ASSERT_EQ(model.upstreams.size(), 1U);
  EXPECT_EQ(model.upstreams[0].servers.size(), 3U);
  EXPECT_EQ(model.upstreams[0].servers[2].options.name, "172.31.0.3:13000");
  ASSERT_EQ(model.servers.size(), 1U);
  EXPECT_EQ(model.servers[0].listens[0].address.to_string(), "0.0.0.0:80");
  EXPECT_EQ(model.servers[0].names, std::vector<std::string>{""});
  const proxy::Location& settings = model.servers[0].locations.at(0).settings;
  ASSERT_TRUE(settings.pass.has_value());
  EXPECT_EQ(settings.pass->cluster, 0);
  EXPECT_EQ(settings.pass->host, "myapp");
  EXPECT_FALSE(settings.pass->host_is_name);
  EXPECT_FALSE(settings.pass->has_uri);
}

TEST(Config, process_directives_stand_beside_http_level_ones) {
  const LoadedConfig loaded = load("worker_processes 2; daemon on; server { listen 1; return 200; }");
  EXPECT_EQ(loaded.model.main.worker_processes, 2);
  EXPECT_TRUE(loaded.model.main.daemon);
  EXPECT_EQ(loaded.model.servers.size(), 1U);
}

TEST(Config, every_row_agrees_with_the_defaults_of_the_structs) {
  for (const Row* row : all_rows()) {
    if (row->kind.show == nullptr || row->weir_default.empty() || row->kind.apply == nullptr) continue;
    Model model;
    Diagnostics diagnostics;
    Builder builder(model, diagnostics);
    MainConfig main, main_before;
    Level level, level_before;
    ServerModel server, server_before;
    UpstreamModel upstream, upstream_before;
    server_before.names = {""};
    Scope scope{.main = &main, .level = &level, .server = &server, .upstream = &upstream};
    const Scope before{
        .main = &main_before, .level = &level_before, .server = &server_before, .upstream = &upstream_before};
    Directive directive;
    directive.name = row->name;
    const auto words = split_words(row->weir_default);
    for (const Word& word : *words) directive.args.push_back({word.text, word.quoted, {}});
    Call call{builder, *row, directive, scope, true};
    row->kind.apply(call);
    EXPECT_EQ(diagnostics.to_text(), "") << row->name;
    EXPECT_EQ(row->kind.show(scope), row->kind.show(before)) << row->name;
  }
}

TEST(Config, rows_are_whole) {
  std::set<std::pair<std::string_view, uint32_t>> seen;
  for (const Row* row : all_rows()) {
    EXPECT_FALSE(row->help.empty()) << row->name;
    EXPECT_EQ(row->open != nullptr, row->kind.form.ends_with("{ ... }")) << row->name;
    EXPECT_NE(row->open == nullptr && row->name != "include", row->kind.apply == nullptr) << row->name;
    for (uint32_t bit = 1; bit <= kMatch; bit <<= 1) {
      if ((row->contexts & bit) != 0) {
        EXPECT_TRUE(seen.emplace(row->name, bit).second) << row->name;
      }
    }
  }
}

// YAML's `true` asks shapes.h, which does not know the tables.
TEST(Config, shapes_agree_with_the_rows) {
  std::set<std::string_view> flags;  // "status" is a page of a location, and of a match it has arguments
  for (const Row* row : all_rows())
    if (row->open == nullptr && row->kind.least_args == 0) flags.insert(row->name);
  for (const Row* row : all_rows()) {
    if (row->open != nullptr) {
      EXPECT_EQ(is_named_block(row->name), row->kind.most_args != 0) << row->name;
    } else {
      EXPECT_EQ(is_flag("", row->name), flags.contains(row->name)) << row->name;
    }
  }
}

TEST(Config, scalars_are_inherited_and_overridden) {
  const LoadedConfig loaded = load(
      "http { proxy_read_timeout 7s; client_max_body_size 5m; server { listen 1; proxy_read_timeout 8s;"
      " location / { return 200; location /a { proxy_read_timeout 9s; return 200; } } } server { listen 2; } }");
  const ServerModel& server = loaded.model.servers[0];
  EXPECT_EQ(server.settings.read_timeout, Millis(8000));
  EXPECT_EQ(server.locations[0].settings.read_timeout, Millis(8000));
  EXPECT_EQ(server.locations[0].nested.at(0).settings.read_timeout, Millis(9000));
  EXPECT_EQ(server.locations[0].nested[0].settings.max_body_bytes, 5 << 20);
  EXPECT_EQ(loaded.model.servers[1].settings.read_timeout, Millis(7000));
}

TEST(Config, directives_behind_child_blocks_are_inherited) {
  EXPECT_EQ(location("server { listen 1; location / { return 200; } send_timeout 3s; }").client_send_timeout,
            Millis(3000));
}

TEST(Config, header_lists_are_inherited_all_or_nothing) {
  const LoadedConfig loaded = load(
      "http { proxy_set_header A 1; proxy_set_header B 2; add_header C 3; server { listen 1;"
      " location / { return 200; } location /a { proxy_set_header D 4; add_header E 5 always; return 200; } } }");
  const ServerModel& server = loaded.model.servers[0];
  ASSERT_EQ(server.locations[0].settings.set_headers.size(), 2U);
  EXPECT_EQ(server.locations[0].settings.add_headers.at(0).name, "C");
  ASSERT_EQ(server.locations[1].settings.set_headers.size(), 1U);
  EXPECT_EQ(server.locations[1].settings.set_headers[0].name, "D");
  EXPECT_TRUE(server.locations[1].settings.add_headers.at(0).always);
}

TEST(Config, contents_are_not_inherited) {
  const LoadedConfig loaded =
      load("upstream u { server 10.0.0.1; } server { listen 1; location / { proxy_pass http://u; location /a { } } }");
  EXPECT_FALSE(loaded.model.servers[0].locations[0].nested[0].settings.pass.has_value());
}

TEST(Config, nginx_defaults_are_a_single_directive) {
  const LoadedConfig loaded = load(
      "http { defaults nginx; upstream u { server 10.0.0.1; } upstream k { server 10.0.0.1; keepalive 8; }"
      " server { listen 1; location / { proxy_pass http://u; } location /a { proxy_pass http://10.0.0.1; } "
      "location /k { proxy_pass http://k; proxy_http_version 1.1; "
      "proxy_set_header Upgrade $http_upgrade; proxy_read_timeout 9s; } } }");
  const Model& model = loaded.model;
  EXPECT_TRUE(model.main.nginx_defaults);
  EXPECT_EQ(model.main.worker_processes, 1);
  EXPECT_EQ(model.main.worker_connections, 512U);
  EXPECT_FALSE(model.upstreams[0].panic);
  EXPECT_EQ(model.upstreams[0].settings.pool.max_idle, 32U);
  EXPECT_EQ(model.upstreams[2].settings.pool.max_idle, 0U);
  EXPECT_EQ(model.upstreams[1].settings.pool.idle_timeout, Millis(60'000));
  EXPECT_EQ(model.servers[0].server.header_timeout, Millis(60'000));
  const proxy::Location& plain = model.servers[0].locations[0].settings;
  EXPECT_FALSE(plain.automatic_headers);
  EXPECT_EQ(plain.no_peer_status, 502);
  EXPECT_FALSE(plain.http10);
  EXPECT_FALSE(plain.upgrade_websocket);
  EXPECT_TRUE(plain.upstream_keepalive);
  EXPECT_FALSE(model.servers[0].locations[1].settings.upstream_keepalive);
  EXPECT_EQ(plain.connect_timeout, Millis(60'000));
  EXPECT_EQ(plain.tunnel_timeout, Millis(60'000));
  EXPECT_EQ(plain.retry.tries, 0U);
  EXPECT_EQ(plain.max_body_bytes, 1 << 20);
  EXPECT_EQ(plain.keepalive_requests, 1000U);
  EXPECT_TRUE(plain.server_tokens);
  const proxy::Location& websocket = model.servers[0].locations[2].settings;
  EXPECT_TRUE(websocket.upgrade_websocket);
  EXPECT_TRUE(websocket.upstream_keepalive);
  EXPECT_EQ(websocket.tunnel_timeout, Millis(9000));
}

TEST(Config, written_values_override_nginx_defaults) {
  const LoadedConfig loaded =
      load("worker_processes 3; http { proxy_connect_timeout 5s; defaults nginx; server { listen 1; return 200; } }");
  EXPECT_EQ(loaded.model.main.worker_processes, 3);
  EXPECT_EQ(loaded.model.servers[0].settings.connect_timeout, Millis(5000));
}

TEST(Config, proxy_pass_names_an_upstream_an_address_or_a_host) {
  const LoadedConfig loaded = load(
      "server { listen 1; location /a { proxy_pass http://U/x/; } location /b { proxy_pass http://10.0.0.1:8080; }"
      " location /c { proxy_pass http://10.0.0.1:8080/; } location /d { proxy_pass http://app.example; }"
      " location /e { proxy_pass http://unix:/run/a.sock:/y; } location /f { proxy_pass http://$host$request_uri; } }"
      "upstream u { server unix:/run/b.sock; }",
      "weir.conf:1:275: warning: \"proxy_pass\" reaches upstreams and addresses that the configuration names, also in "
      "its "
      "maps and variables; where a request's own words name another, weir answers 502\n");
  const auto& locations = loaded.model.servers[0].locations;
  EXPECT_EQ(locations[0].settings.pass->cluster, 0);
  EXPECT_EQ(locations[0].settings.pass->uri, "/x/");
  EXPECT_EQ(locations[1].settings.pass->cluster, locations[2].settings.pass->cluster);
  EXPECT_EQ(locations[1].settings.pass->host, "10.0.0.1:8080");
  EXPECT_EQ(locations[1].settings.pass->port, 8080);
  EXPECT_FALSE(locations[1].settings.pass->host_is_name);
  EXPECT_TRUE(locations[2].settings.pass->has_uri);
  EXPECT_TRUE(locations[3].settings.pass->host_is_name);
  EXPECT_EQ(locations[4].settings.pass->uri, "/y");
  EXPECT_TRUE(locations[5].settings.pass->dynamic.has_value());
  ASSERT_EQ(loaded.model.upstreams.size(), 4U);
  EXPECT_TRUE(loaded.model.upstreams[1].implicit);
  EXPECT_EQ(loaded.model.upstreams[2].servers[0].host, "app.example");
  EXPECT_EQ(loaded.model.upstreams[3].servers[0].options.address.path(), "/run/a.sock");
  EXPECT_EQ(loaded.model.upstreams[0].servers[0].options.name, "unix:/run/b.sock");
}

TEST(Config, proxy_pass_errors) {
  const auto of = [](const std::string& pass) {
    return messages("upstream u { server a; } server { listen 1;\n" + pass + "\n}");
  };
  EXPECT_EQ(of("location / { proxy_pass http://u:80; }"),
            "weir.conf:2:25: error: upstream \"u\" may not have port 80\n");
  EXPECT_EQ(of("location / { proxy_pass u; }"),
            "weir.conf:2:25: error: invalid URL prefix in \"u\", it must be http:// or https://\n");
  EXPECT_EQ(of("location / { proxy_pass http://:80; }"), "weir.conf:2:25: error: no host in \":80\"\n");
  EXPECT_EQ(of("location / { proxy_pass http://a:1#x; }"),
            "weir.conf:2:25: error: \"#\" behind the host of \"http://a:1#x\": no fragment is sent to peers\n");
  EXPECT_EQ(
      of("location ~ x { proxy_pass http://u/; }"),
      "weir.conf:2:27: error: \"proxy_pass\" cannot have a URI part in a location given by a regular expression or by "
      "name\n");
  EXPECT_EQ(of("location / { proxy_pass https://u:443; }"),
            "weir.conf:2:25: error: upstream \"u\" may not have port 443\n");
  EXPECT_EQ(of("location / { proxy_pass http://$nowhere; }").substr(0, 42),
            "weir.conf:2:25: error: unknown \"nowhere\" v");
}

TEST(Config, upstream_methods_and_servers) {
  const LoadedConfig loaded = load(
      "upstream a { least_conn; server 10.0.0.1:1 weight=5 max_fails=3 fail_timeout=30s max_conns=7 down; server h:2 "
      "backup; }"
      "upstream b { hash $request_uri consistent; server 10.0.0.1; keepalive 16; keepalive_timeout 60; "
      "keepalive_requests 9; }"
      "upstream c { random two least_conn; server 10.0.0.1; zone z 64k; } upstream d { ip_hash; server [::1]:8; }"
      "upstream e { random; server 10.0.0.1; }");
  const auto& upstreams = loaded.model.upstreams;
  const policy::PeerOptions& peer = upstreams[0].servers[0].options;
  EXPECT_EQ(peer.weight, 5U);
  EXPECT_EQ(peer.passive.max_fails, 3U);
  EXPECT_EQ(peer.passive.fail_timeout, Millis(30'000));
  EXPECT_EQ(peer.max_conns, 7U);
  EXPECT_TRUE(peer.down);
  EXPECT_TRUE(upstreams[0].servers[1].options.backup);
  EXPECT_EQ(upstreams[0].servers[1].host, "h");
  EXPECT_EQ(upstreams[0].servers[1].port, 2);
  EXPECT_EQ(upstreams[0].method, policy::Method::kLeastConn);
  EXPECT_EQ(upstreams[1].method, policy::Method::kHashConsistent);
  EXPECT_EQ(upstreams[1].settings.hash_key.text(), "$request_uri");
  EXPECT_EQ(upstreams[1].settings.pool.max_idle, 16U);
  EXPECT_EQ(upstreams[1].settings.pool.idle_timeout, Millis(60'000));
  EXPECT_EQ(upstreams[1].settings.pool.max_requests, 9U);
  EXPECT_EQ(upstreams[2].method, policy::Method::kRandomTwo);
  EXPECT_EQ(upstreams[3].method, policy::Method::kIpHash);
  EXPECT_EQ(upstreams[4].method, policy::Method::kRandom);
}

TEST(Config, weights_beyond_a_ring_are_a_warning) {
  EXPECT_EQ(
      messages("upstream a { server x weight=2000000000; server y weight=2000000000;\nhash $uri consistent; }"),
      "weir.conf:2:1: warning: weights of upstream \"a\" are 4000000000 together: \"hash ... consistent\" divides "
      "them all, so that they are 25000 at most, nginx does not\n");
  EXPECT_EQ(messages("upstream a { hash $uri consistent; server x weight=24999; server y; }"), "");
  EXPECT_EQ(messages("upstream a { hash $uri consistent; server x weight=20000; server x weight=20000; }"), "");
  EXPECT_EQ(messages("upstream a { hash $uri; server x weight=2000000000; }"), "");
}

TEST(Config, upstream_errors) {
  EXPECT_EQ(messages("upstream a { }"), "weir.conf:1:1: error: no servers are inside upstream \"a\"\n");
  EXPECT_EQ(messages("upstream a { server x; }\nupstream A { server y; }"),
            "weir.conf:2:1: error: duplicate upstream \"A\"\n");
  EXPECT_EQ(messages("upstream a { ip_hash;\nserver x backup; server y; }"),
            "weir.conf:2:1: error: balancing method does not support parameter \"backup\"\n");
  EXPECT_EQ(messages("upstream a { server x weight=0 wieght=3 slow_start=soon; }"),
            "weir.conf:1:23: error: invalid parameter \"weight=0\"\n"
            "weir.conf:1:32: error: invalid parameter \"wieght=3\", did you mean \"weight\"?\n"
            "weir.conf:1:41: error: invalid parameter \"slow_start=soon\"\n");
  EXPECT_EQ(messages("upstream a { server x:99999; }"),
            "weir.conf:1:21: error: invalid port in \"x:99999\" of the upstream \"a\"\n");
  EXPECT_EQ(messages("upstream a { server x; ip_hash; least_conn; }"),
            "weir.conf:1:33: warning: load balancing method redefined\n");
}

TEST(Config, listen_takes_ports_addresses_and_sockets) {
  const LoadedConfig loaded = load(
      "server { listen 80 default_server; listen *:81 backlog=7 rcvbuf=8k; listen 127.0.0.1:82; listen [::]:83 "
      "ipv6only=off;"
      " listen unix:/run/w.sock; listen localhost:84 reuseport; listen LB.localhost:85; listen 127.0.0.1:0; return "
      "200; }");
  const auto& listens = loaded.model.servers[0].listens;
  std::string all;
  for (const ListenModel& each : listens) all += each.address.to_string() + " ";
  EXPECT_EQ(all, "0.0.0.0:80 0.0.0.0:81 127.0.0.1:82 [::]:83 unix:/run/w.sock 127.0.0.1:84 127.0.0.1:85 127.0.0.1:0 ");
  EXPECT_TRUE(listens[0].default_server);
  EXPECT_EQ(listens[1].backlog, 7);
  EXPECT_EQ(listens[1].receive_buffer, 8192);
  EXPECT_FALSE(listens[3].ipv6_only);
}

TEST(Config, listen_takes_options_of_the_socket) {
  const LoadedConfig loaded = load(
      "server { listen 80 deferred fastopen=16 so_keepalive=on; listen 81 so_keepalive=30m::10 bind reuseport; "
      "listen 82 so_keepalive=:5s: sndbuf=16k; return 200; }");
  const auto& listens = loaded.model.servers[0].listens;
  EXPECT_TRUE(listens[0].deferred && listens[0].so_keepalive && !listens[1].deferred);
  EXPECT_EQ(listens[0].fast_open, 16);
  EXPECT_EQ(listens[0].keep_idle, 0);
  EXPECT_EQ(listens[1].keep_idle, 1800);
  EXPECT_EQ(listens[1].keep_interval, 0);
  EXPECT_EQ(listens[1].keep_count, 10);
  EXPECT_TRUE(listens[2].so_keepalive);
  EXPECT_EQ(listens[2].keep_interval, 5);
  EXPECT_EQ(messages("server { listen unix:/w.sock deferred reuseport fastopen=3; return 200; }"),
            "weir.conf:1:10: warning: \"deferred\" is not for a unix socket: it has no effect\n"
            "weir.conf:1:10: warning: \"reuseport\" is not for a unix socket: its one socket is shared by all workers\n"
            "weir.conf:1:10: warning: \"fastopen=3\" is not for a unix socket: it has no effect\n");
  for (const std::string wrong : {"::", "1:2", "500ms::", "::0", "::200", "x::", "1s:2s:3:4"})
    EXPECT_NE(messages("server { listen 80 so_keepalive=" + wrong + "; return 200; }").find("error: invalid value"),
              std::string::npos)
        << wrong;
}

TEST(Config, listen_errors) {
  EXPECT_EQ(messages("server { listen 80; listen *:80; }"), "weir.conf:1:28: error: a duplicate listen 0.0.0.0:80\n");
  EXPECT_EQ(messages("server { listen 80 default_server; } server { listen 80 default; }"),
            "weir.conf:1:47: error: a duplicate default server for 0.0.0.0:80\n");
  EXPECT_EQ(messages("server { listen 70000; listen a:1; listen 80 quic blah; }"),
            "weir.conf:1:17: error: invalid port in \"70000\" of the \"listen\" directive\n"
            "weir.conf:1:31: error: host not found in \"a:1\" of the \"listen\" directive\n"
            "weir.conf:1:46: error: \"quic\" is known to nginx, but not supported by weir yet\n"
            "weir.conf:1:51: error: invalid parameter \"blah\"\n");
}

TEST(Config, server_names_are_lower_case_and_checked) {
  const LoadedConfig loaded =
      load("server { listen 1; server_name Example.org *.a.b ~^(?<x>.)$ \"\"; add_header N $x; }");
  EXPECT_EQ(loaded.model.servers[0].names, (std::vector<std::string>{"example.org", "*.a.b", "~^(?<x>.)$", ""}));
  EXPECT_EQ(messages("server { listen 1; server_name a..b; }"),
            "weir.conf:1:32: error: invalid server name or wildcard \"a..b\"\n");
}

TEST(Config, locations_of_every_kind) {
  const LoadedConfig loaded = load(
      "server { listen 1; location / { } location = /e { } location ^~ /f { } location ~ \\.x$ { } location ~* "
      "^/(?<y>.)$ { }"
      " location @n { } location =/g { } location ~^/h { } }");
  const auto& locations = loaded.model.servers[0].locations;
  using route::LocationKind;
  const LocationKind kinds[] = {LocationKind::kPrefix, LocationKind::kExact,       LocationKind::kPrefixFinal,
                                LocationKind::kRegex,  LocationKind::kRegexNoCase, LocationKind::kNamed,
                                LocationKind::kExact,  LocationKind::kRegex};
  ASSERT_EQ(locations.size(), std::size(kinds));
  for (size_t i = 0; i < std::size(kinds); ++i) EXPECT_EQ(locations[i].kind, kinds[i]) << i;
  EXPECT_EQ(locations[6].pattern, "/g");
  EXPECT_EQ(locations[7].pattern, "^/h");
  EXPECT_TRUE(locations[5].settings.internal);
  EXPECT_FALSE(locations[3].settings.is_prefix);
  EXPECT_EQ(locations[2].settings.prefix, "/f");
}

TEST(Config, location_errors) {
  EXPECT_EQ(messages("server { listen 1; location /a { } location ^~ /a { } }"),
            "weir.conf:1:36: error: duplicate location \"/a\"\n");
  EXPECT_EQ(messages("server { listen 1; location ! /a { } }"),
            "weir.conf:1:29: error: invalid location modifier \"!\"\n");
  EXPECT_EQ(
      messages(
          "server { listen 1; location = /a { location /a/b { } } location /c { location /d { } location @x { } } }"),
      "weir.conf:1:36: error: location \"/a/b\" cannot be inside the exact location \"/a\"\n"
      "weir.conf:1:70: error: location \"/d\" is outside location \"/c\"\n"
      "weir.conf:1:86: error: location \"@x\" can be on the server level only\n");
  EXPECT_NE(messages("server { listen 1; location ~ ( { } }").find("weir.conf:1:31: error: "), std::string::npos);
  EXPECT_EQ(messages("server { listen 1; location a { } }"),
            "weir.conf:1:20: warning: location \"a\" does not begin with \"/\" and never matches\n");
}

TEST(Config, return_takes_a_code_a_text_or_an_address) {
  const LoadedConfig loaded = load(
      "server { listen 1; location /a { return 204; } location /b { return 200 \"x $uri\"; } location /c { return 301 "
      "/d; }"
      " location /e { return http://x; } location /f { return 444; } }");
  const auto& locations = loaded.model.servers[0].locations;
  EXPECT_FALSE(locations[0].settings.returns->has_text);
  EXPECT_EQ(locations[1].settings.returns->text.text(), "x $uri");
  EXPECT_FALSE(locations[1].settings.returns->redirect);
  EXPECT_TRUE(locations[2].settings.returns->redirect);
  EXPECT_EQ(locations[3].settings.returns->status, 302);
  EXPECT_EQ(locations[4].settings.returns->status, 444);
  EXPECT_EQ(messages("server { listen 1; return x; }"), "weir.conf:1:27: error: invalid return code \"x\"\n");
  EXPECT_EQ(messages("server { listen 1; return 1000 y; }"), "weir.conf:1:27: error: invalid return code \"1000\"\n");
}

TEST(Config, a_servers_return_hides_its_locations) {
  const LoadedConfig loaded = load_text("server { listen 1; return 301 https://$host$request_uri; location / { } }");
  EXPECT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.diagnostics.warnings(), 1U);
  EXPECT_TRUE(loaded.model.servers[0].locations.empty());
}

TEST(Config, error_pages) {
  const proxy::Location settings = location(
      "server { listen 1; location / { error_page 500 502 /50x.html; error_page 404 =200 @x; error_page 403 = "
      "http://y; } }");
  ASSERT_EQ(settings.error_pages.size(), 3U);
  EXPECT_EQ(settings.error_pages[0].statuses, (std::vector<int>{500, 502}));
  EXPECT_EQ(settings.error_pages[0].overwrite, -1);
  EXPECT_EQ(settings.error_pages[1].overwrite, 200);
  EXPECT_EQ(settings.error_pages[2].overwrite, 0);
  EXPECT_EQ(messages("server { listen 1; error_page 200 /x; }"),
            "weir.conf:1:31: error: invalid value \"200\" in \"error_page\" directive, it must be a status from 300 to "
            "599, 499 "
            "excepted\n");
}

TEST(Config, next_upstream_conditions) {
  const proxy::Location settings = location(
      "server { listen 1; location / { proxy_next_upstream error http_503 non_idempotent; proxy_next_upstream_tries 5;"
      " proxy_next_upstream_timeout 3s; return 200; } }");
  EXPECT_TRUE(settings.retry.on.error);
  EXPECT_FALSE(settings.retry.on.timeout);
  EXPECT_TRUE(settings.retry.on.http_503);
  EXPECT_TRUE(settings.retry.on.non_idempotent);
  EXPECT_EQ(settings.retry.tries, 5U);
  EXPECT_EQ(settings.retry.timeout, Millis(3000));
  EXPECT_EQ(messages("server { listen 1; proxy_next_upstream http_505; }"),
            "weir.conf:1:40: error: invalid value \"http_505\" in \"proxy_next_upstream\" directive, it must be a "
            "condition like "
            "error, timeout or http_503\n");
}

TEST(Config, access_logs_and_formats) {
  const proxy::Location settings = location(
      "http { access_log /a main buffer=4k flush=2s if=$status; log_format main escape=json '$remote_addr ' '$status';"
      " server { listen 1; access_log /b; access_log /c main; location / { return 200; } } }");
  ASSERT_NE(settings.access_logs, nullptr);
  ASSERT_EQ(settings.access_logs->size(), 2U);
  EXPECT_EQ(settings.access_logs->at(0).options.path, "/b");
  EXPECT_NE(settings.access_logs->at(1).options.format, nullptr);
  EXPECT_EQ(location("http { access_log /a; server { listen 1; location / { access_log off; } } }").access_logs,
            nullptr);
  EXPECT_EQ(messages("http { access_log /a nope; log_format x '$nope'; log_format x a; log_format x b; }"),
            "weir.conf:1:22: error: unknown log format \"nope\"\n"
            "weir.conf:1:41: error: unknown \"nope\" variable\n"
            "weir.conf:1:77: error: duplicate \"log_format\" name \"x\"\n");
}

TEST(Config, maps_may_use_each_other_in_any_order) {
  const LoadedConfig loaded = load(
      "map $b $a { default x; ~^(?<n>.)y$ $n; 1 $b; } map $http_upgrade $b { hostnames; default 1; '' 2; *.example.org "
      "3; }"
      " map $a $c { volatile; default $a; } server { listen 1; add_header X $c; return 200 $n; }");
  EXPECT_EQ(loaded.model.servers.size(), 1U);
  EXPECT_EQ(messages("map $b $a { default 1; } map $host $b { default $a; } map $c $d { a 1; }"),
            "weir.conf:1:1: error: the map of \"$a\" depends on itself\n"
            "weir.conf:1:26: error: the map of \"$b\" depends on itself\n"
            "weir.conf:1:59: error: unknown \"c\" variable\n");
  EXPECT_EQ(messages("map $host a { } map $host $c { a 1 2; b; } map $host $d { a 1; a 2; } map $host $d { }"),
            "weir.conf:1:11: error: invalid variable name \"a\"\n"
            "weir.conf:1:32: error: invalid number of the map parameters\n"
            "weir.conf:1:39: error: invalid number of the map parameters\n"
            "weir.conf:1:64: error: conflicting parameter \"a\"\n"
            "weir.conf:1:81: error: the duplicate \"d\" variable\n");
}

TEST(Config, built_in_variables_are_not_declared_anew) {
  EXPECT_EQ(messages("map $arg_a $Host { a 1; } geo $uri { default 1; } split_clients $arg_a $status { * a; }\n"
                     "map $arg_a $args { a 1; } map $arg_a $trace_id { a 1; } map $arg_a $http_x { a 1; }"),
            "weir.conf:1:12: error: the duplicate \"host\" variable\n"
            "weir.conf:1:31: error: the duplicate \"uri\" variable\n"
            "weir.conf:1:72: error: the duplicate \"status\" variable\n");
  EXPECT_EQ(
      messages("server { listen 1; server_name ~^(?<scheme>a)$;\nlocation ~ (?<Host>a) { rewrite (?<uri>b) /; } }"),
      "weir.conf:1:20: error: the duplicate \"scheme\" variable: \"^(?<scheme>a)$\" captures a built-in one\n"
      "weir.conf:2:1: error: the duplicate \"host\" variable: \"(?<Host>a)\" captures a built-in one\n"
      "weir.conf:2:25: error: the duplicate \"uri\" variable: \"(?<uri>b)\" captures a built-in one\n");
}

TEST(Config, real_ip) {
  const proxy::Location settings = location(
      "server { listen 1; set_real_ip_from 10.0.0.0/8; set_real_ip_from ::1; real_ip_header X-Forwarded-For;"
      " real_ip_recursive on; location / { return 200; } }");
  EXPECT_EQ(settings.real_ip.trusted.size(), 2U);
  EXPECT_EQ(settings.real_ip.header, "X-Forwarded-For");
  EXPECT_TRUE(settings.real_ip.recursive);
}

TEST(Config, limits_of_a_head) {
  const LoadedConfig loaded = load("server { listen 1; large_client_header_buffers 8 16k; client_header_timeout 3s; }");
  EXPECT_EQ(loaded.model.servers[0].server.limits.line_bytes, 16'384U);
  EXPECT_EQ(loaded.model.servers[0].server.limits.head_bytes, 131'072U);
  EXPECT_EQ(loaded.model.servers[0].server.header_timeout, Millis(3000));
}

TEST(Config, process_directives) {
  const LoadedConfig loaded = load(
      "user www-data adm; pid /tmp/x; error_log /var/log/w warn; error_log stderr; worker_rlimit_nofile 9999;"
      "worker_shutdown_timeout 10s; events { worker_connections 1024; use epoll; multi_accept on; } http { sendfile "
      "on; }");
  const MainConfig& main = loaded.model.main;
  EXPECT_EQ(main.user, "www-data");
  EXPECT_EQ(main.group, "adm");
  EXPECT_EQ(main.pid, "/tmp/x");
  ASSERT_EQ(main.error_logs.size(), 2U);
  EXPECT_EQ(main.error_logs[0].level, LogLevel::kWarn);
  EXPECT_EQ(main.error_logs[1].level, LogLevel::kError);
  EXPECT_EQ(main.worker_connections, 1024U);
  EXPECT_EQ(main.rlimit_nofile, 9999U);
  EXPECT_EQ(main.shutdown_timeout, Millis(10'000));
}

TEST(Config, globals_come_before_the_file) {
  MemoryFiles files(std::map<std::string, std::string>{{"w", "server { listen 1; return 200; }"}});
  const LoadedConfig loaded = load_config("w", files, {"daemon on;"});
  EXPECT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded.model.main.daemon);
  EXPECT_EQ(load_config("w", files, {"daemon on"}).diagnostics.to_text(),
            "-g:1:10: error: unexpected end of file, expecting \";\" or \"}\"\n");
}

TEST(Config, unknown_directives_get_a_suggestion) {
  EXPECT_EQ(messages("server { listen 1; location / {\n proxypass http://x; } }"),
            "weir.conf:2:2: error: unknown directive \"proxypass\", did you mean \"proxy_pass\"?\n");
  EXPECT_EQ(messages("lsiten 80;"), "weir.conf:1:1: error: unknown directive \"lsiten\", did you mean \"listen\"?\n");
  EXPECT_EQ(messages("something_else_entirely;"),
            "weir.conf:1:1: error: unknown directive \"something_else_entirely\"\n");
}

TEST(Config, unsupported_nginx_directives_are_named) {
  EXPECT_EQ(
      messages("http { zstd on; mp4 abc; server { listen 1; num_map $xy { bogus; } dav_all a b; } zstd_types *; }"),
      "weir.conf:1:8: error: " + not_supported("zstd") + "\nweir.conf:1:17: error: " + not_supported("mp4") +
          "\nweir.conf:1:45: error: " + not_supported("num_map") + "\nweir.conf:1:68: error: " +
          not_supported("dav_all") + "\nweir.conf:1:83: error: " + not_supported("zstd_types") + "\n");
  EXPECT_EQ(messages("http { gzip off; proxy_redirect off; }"), "");
}

TEST(Config, wrong_places_counts_and_ends) {
  EXPECT_EQ(messages("http { listen 80; server { listen 1; server 10.0.0.1; } }"),
            "weir.conf:1:8: error: \"listen\" directive is not allowed here, it belongs in server\n"
            "weir.conf:1:38: error: \"server\" directive is not allowed here, it belongs in http\n");
  EXPECT_EQ(messages("http { server_tokens on off; }"),
            "weir.conf:1:8: error: invalid number of arguments in \"server_tokens\" directive, it is written: "
            "server_tokens on | "
            "off | build\n");
  EXPECT_EQ(messages("http { server; sendfile on {} }"),
            "weir.conf:1:8: error: directive \"server\" has no opening \"{\"\n"
            "weir.conf:1:16: error: directive \"sendfile\" is not terminated by \";\"\n");
  EXPECT_EQ(messages("pid a; pid b;"),
            "weir.conf:1:8: error: \"pid\" directive is duplicate, the first is in weir.conf:1:1\n");
}

TEST(Config, a_forgotten_semicolon_is_found) {
  EXPECT_EQ(
      messages("server { listen 1; send_timeout 5s\n  server_name x; }"),
      "weir.conf:1:20: error: invalid number of arguments in \"send_timeout\" directive, is a \";\" missing before "
      "\"server_name\"?\n");
  EXPECT_EQ(
      messages("server { listen 1; server_name x\n  return 200; }"),
      "weir.conf:2:3: warning: \"return\" is an argument of \"server_name\" here, is a \";\" missing before it?\n");
}

TEST(Config, values_out_of_range) {
  EXPECT_EQ(messages("worker_processes 0; events { worker_connections 0; } http { proxy_read_timeout 0; sendfile maybe;"
                     " keepalive_timeout 5x; client_max_body_size big; proxy_http_version 2; }"),
            "weir.conf:1:18: error: value 0 in \"worker_processes\" directive is too small, the least is 1\n"
            "weir.conf:1:49: error: value 0 in \"worker_connections\" directive is too small, the least is 1\n"
            "weir.conf:1:80: error: value 0 in \"proxy_read_timeout\" directive is too small, the least is 1ms\n"
            "weir.conf:1:92: error: invalid value \"maybe\" in \"sendfile\" directive, it must be \"on\" or \"off\"\n"
            "weir.conf:1:117: error: invalid value \"5x\" in \"keepalive_timeout\" directive, it must be a time like "
            "60s, 500ms or "
            "1h30m\n"
            "weir.conf:1:142: error: invalid value \"big\" in \"client_max_body_size\" directive, it must be a size "
            "like 512, 8k "
            "or 1m\n"
            "weir.conf:1:166: error: invalid value \"2\" in \"proxy_http_version\" directive, it must be 1.0 or 1.1\n");
}

TEST(Config, header_value_cannot_contain_a_line_end) {
  EXPECT_EQ(
      messages("http { add_header X \"a\\r\\nY: b\"; proxy_set_header 'X:' a; }"),
      "weir.conf:1:8: warning: the lines of the value are sent as one: a header field cannot hold a line end\n"
      "weir.conf:1:51: error: invalid value \"X:\" in \"proxy_set_header\" directive, it must be the name of a header "
      "field\n");
}

TEST(Config, deviations_from_nginx_are_warnings) {
  EXPECT_EQ(messages("http { proxy_buffering off; proxy_request_buffering on; server { listen 1; error_log /x; } }"),
            "weir.conf:1:29: warning: weir streams bodies and does not spool them: \"proxy_request_buffering on\" has "
            "no effect "
            "yet\n"
            "weir.conf:1:76: warning: weir has one error log: this \"error_log\" is for the whole process\n");
}

TEST(Config, yaml_and_nginx_make_the_same_model) {
  const LoadedConfig yaml = load_text(
      "upstream: {myapp: {ip_hash: true, server: [\"10.0.0.1:13000 weight=2\", 10.0.0.2:13000]}}\n"
      "server:\n  listen: 80\n  location:\n    /: {proxy_pass: http://myapp}\n",
      "w.yaml");
  EXPECT_EQ(yaml.diagnostics.to_text(), "");
  const LoadedConfig nginx = load(
      "upstream myapp { ip_hash; server 10.0.0.1:13000 weight=2; server 10.0.0.2:13000; }"
      "server { listen 80; location / { proxy_pass http://myapp; } }");
  EXPECT_EQ(dump_effective(yaml.model, true), dump_effective(nginx.model, true));
}

TEST(Config, the_dump_reads_back) {
  const LoadedConfig loaded = load(
      "worker_processes 2; http { upstream u { server 10.0.0.1 weight=3; least_conn; } server { listen 1; server_name "
      "a ~^b$;"
      " location ~ \\.x$ { proxy_pass http://u; add_header A \"b c\" always; proxy_next_upstream off; } } }");
  const std::string dump = dump_effective(loaded.model, true);
  const LoadedConfig again = load(dump);
  EXPECT_EQ(dump_effective(again.model, true), dump);
}

TEST(Config, examples_load_without_warnings) {
  for (const char* name : {"nocobase.conf", "nocobase.yaml", "quickstart.conf", "quickstart.yaml"})
    EXPECT_EQ(load_config(std::string(WEIR_SOURCE_DIR) + "/conf/" + name).diagnostics.to_text(), "") << name;
}

TEST(Config, examples_of_both_syntaxes_are_equal) {
  const std::string conf = std::string(WEIR_SOURCE_DIR) + "/conf/";
  const LoadedConfig nginx = load_config(conf + "nocobase.conf");
  const LoadedConfig yaml = load_config(conf + "nocobase.yaml");
  EXPECT_EQ(dump_effective(yaml.model, true), dump_effective(nginx.model, true));
  const auto converted = write_yaml(nginx.tree.directives);
  ASSERT_TRUE(converted.has_value());
  EXPECT_EQ(dump_effective(load_text(*converted, "c.yaml").model, true), dump_effective(nginx.model, true));
}

TEST(Config, the_dump_of_files_is_nginxs) {
  MemoryFiles files(std::map<std::string, std::string>{{"w", "include x;"}, {"x", "pid a;\n"}});
  EXPECT_EQ(dump_files(load_config("w", files).tree),
            "# configuration file w:\ninclude x;\n# configuration file x:\npid a;\n\n");
}

}  // namespace
}  // namespace weir::config
