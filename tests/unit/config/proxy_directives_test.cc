// Directives of passing requests on: proxy_pass with variables, proxy_redirect, limits of heads, fields that are
// weir's.
#include "proxy/pass_resolver.h"
#include "unit/config/config_text.h"

namespace weir::config {
namespace {

std::string in_location(const std::string& text, const std::string& http = "") {
  return http + " upstream back { server 10.0.0.1; } server { listen 1; location / { proxy_pass http://back; " + text +
         " } }";
}
const proxy::Location& location_of(const LoadedConfig& loaded) {
  return loaded.model.servers.at(0).locations.at(0).settings;
}
std::string passing(const std::string& pass, const std::string& http = "") {
  return http + " upstream back { server 10.0.0.1; } server { listen 1; location / {\nproxy_pass " + pass + ";\n} }";
}

TEST(HeadLimits, are_those_of_the_directives) {
  const LoadedConfig loaded =
      load("max_headers 300; accept_bare_lf on; " + in_location("proxy_max_headers 20; proxy_max_head_size 64k;"));
  const http::HeadLimits& request = loaded.model.servers.at(0).server.limits;
  EXPECT_EQ(request.fields, 300);
  EXPECT_TRUE(request.bare_lf);
  const http::HeadLimits& answer = location_of(loaded).answer_limits;
  EXPECT_EQ(answer.fields, 20);
  EXPECT_EQ(answer.head_bytes, 64u * 1024);
  EXPECT_EQ(answer.line_bytes, 64u * 1024);
  EXPECT_TRUE(answer.bare_lf);
}

TEST(HeadLimits, defaults_nginx_accepts_bare_lf_and_1000_fields) {
  const http::HeadLimits weir = load(in_location("")).model.servers.at(0).server.limits;
  EXPECT_EQ(weir.fields, 100);
  EXPECT_FALSE(weir.bare_lf);
  const http::HeadLimits nginx = load("defaults nginx; " + in_location("")).model.servers.at(0).server.limits;
  EXPECT_EQ(nginx.fields, 1000);
  EXPECT_TRUE(nginx.bare_lf);
}

TEST(HeadLimits, out_of_range_are_refused) {
  EXPECT_EQ(messages("max_headers 0; " + in_location("")),
            "weir.conf:1:13: error: value 0 in \"max_headers\" directive is too small, the least is 1\n");
  EXPECT_EQ(messages("max_headers 8001; " + in_location("")),
            "weir.conf:1:13: error: value 8001 in \"max_headers\" directive is too large, the most is 8000\n");
}

TEST(ProxyRedirect, rules_are_inherited_all_or_none) {
  EXPECT_TRUE(location_of(load(in_location(""))).redirects.at(0).is_default);
  EXPECT_TRUE(location_of(load("proxy_redirect off; " + in_location(""))).redirects.empty());
  const LoadedConfig loaded =
      load("proxy_redirect off; " + in_location("proxy_redirect ~*^/a(.) /$1; proxy_redirect default;"));
  ASSERT_EQ(location_of(loaded).redirects.size(), 2u);
  EXPECT_NE(location_of(loaded).redirects[0].regex, nullptr);
  EXPECT_TRUE(location_of(loaded).redirects[1].is_default);
}

TEST(ProxyRedirect, wrong_rules_are_refused) {
  EXPECT_EQ(
      messages(in_location("\nproxy_redirect on;")),
      "weir.conf:2:16: error: invalid value \"on\" in \"proxy_redirect\" directive, it must be \"off\", \"default\" or "
      "FROM TO\n");
  EXPECT_EQ(messages(in_location("\nproxy_redirect ~( /;")),
            "weir.conf:2:16: error: missing closing parenthesis at offset 1 in \"~(\"\n");
  EXPECT_EQ(messages(in_location("\nproxy_redirect / /$nosuch;")),
            "weir.conf:2:18: error: unknown \"nosuch\" variable\n");
}

TEST(ProxyRedirect, default_does_not_go_with_variables) {
  EXPECT_EQ(messages(passing("http://back$request_uri;\nproxy_redirect default")),
            "weir.conf:3:1: error: \"proxy_redirect default\" cannot be used with a \"proxy_pass\" that has variables: "
            "write \"proxy_redirect FROM TO\" or delete it\n");
  EXPECT_EQ(messages(passing("http://back$request_uri;\nproxy_redirect http://back/ /")), "");
  EXPECT_EQ(messages(passing("http://back/x;\nproxy_redirect default")), "");
}

TEST(ProxyRedirect, inherited_default_without_effect_is_a_warning) {
  const std::string warning =
      "weir.conf:2:1: warning: \"proxy_redirect default\" of the levels above has no effect beside a \"proxy_pass\" "
      "that has variables: write \"proxy_redirect FROM TO\" here\n";
  const std::string variables = passing("http://back$request_uri");
  EXPECT_EQ(messages("proxy_redirect default; " + variables), warning);
  EXPECT_EQ(messages(variables), "") << "nobody has written it";
  EXPECT_EQ(messages("proxy_redirect off; " + variables), "");
  EXPECT_EQ(messages("proxy_redirect default; " + passing("http://back$request_uri;\nproxy_redirect http://back/ /")),
            "");
  EXPECT_EQ(messages("proxy_redirect default; " + passing("http://back/x")), "");
}

TEST(ProxySetHeader, field_of_the_codec_is_a_warning) {
  EXPECT_EQ(
      messages(in_location("\nproxy_set_header TE trailers;")),
      "weir.conf:2:1: warning: weir writes the field TE itself where it is needed, \"proxy_set_header\" of it has no "
      "effect\n");
  EXPECT_EQ(messages(in_location("\nadd_header Content-Length 5;")),
            "weir.conf:2:1: warning: weir writes the field Content-Length itself where it is needed, \"add_header\" of "
            "it has "
            "no effect\n");
  EXPECT_EQ(messages(in_location("\nproxy_set_header Connection \"x-mine\";")),
            "weir.conf:2:1: warning: weir writes the field Connection towards peers itself, \"x-mine\" has no effect "
            "in it\n");
  EXPECT_EQ(messages(in_location("proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade;"
                                 "proxy_set_header Transfer-Encoding \"\";")),
            "");
}

TEST(ProxySetHeader, connection_close_closes) {
  EXPECT_FALSE(location_of(load(in_location(""))).close_upstream);
  EXPECT_TRUE(location_of(load(in_location("proxy_set_header Connection close;"))).close_upstream);
  EXPECT_TRUE(location_of(load("proxy_set_header Connection Close; " + in_location(""))).close_upstream);
  EXPECT_FALSE(
      location_of(load("proxy_set_header Connection close; " + in_location("proxy_set_header X y;"))).close_upstream);
}

TEST(ProxyPassWithVariables, literal_addresses_become_clusters) {
  const auto upstreams = [](const std::string& pass, const std::string& http = "") {
    const LoadedConfig loaded = load(passing(pass, http));
    std::vector<std::string> names;
    for (const UpstreamModel& each : loaded.model.upstreams)
      if (each.implicit) names.push_back(each.name);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(upstreams("http://127.0.0.1:11000$request_uri"), Names{"127.0.0.1:11000"});
  EXPECT_EQ(upstreams("http://unix:/x.sock:$request_uri"), Names{"unix:/x.sock"});
  EXPECT_EQ(upstreams("http://back$request_uri"), Names{});
  EXPECT_EQ(upstreams("http://$up/x", "map $host $up { default back; a 10.0.0.9:81; b 10.0.0.8/y; }"),
            (Names{"10.0.0.8", "10.0.0.9:81"}));
}

TEST(ProxyPassWithVariables, wrong_and_unknown_addresses_are_reported) {
  EXPECT_EQ(messages(passing("http://back:81$request_uri")),
            "weir.conf:2:12: error: upstream \"back\" may not have port 81\n");
  EXPECT_EQ(messages(passing("http://$arg_host/x")),
            "weir.conf:2:1: warning: \"proxy_pass\" reaches upstreams and addresses that the configuration names, also "
            "in its "
            "maps and variables; where a request's own words name another, weir answers 502\n");
}

TEST(ProxyPassWithVariables, hosts_of_requests_are_asked_of_the_resolver_in_force) {
  const auto resolver_of = [](const std::string& text) { return location_of(load_text(text)).pass->resolver; };
  EXPECT_EQ(resolver_of(passing("http://$arg_host/x")), nullptr);
  const auto inherited = resolver_of(passing("http://$arg_host/x", "resolver 10.0.0.53 valid=9s ipv6=off;"));
  ASSERT_NE(inherited, nullptr);
  EXPECT_EQ(inherited->question.servers, std::vector<std::string>{"10.0.0.53:53"});
  EXPECT_FALSE(inherited->question.ipv6);
  EXPECT_EQ(inherited->valid, Millis(9'000));
  const auto own =
      resolver_of(passing("http://$arg_host/x;\nresolver 10.0.0.54; resolver_timeout 2s", "resolver 10.0.0.53;"));
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->question.servers, std::vector<std::string>{"10.0.0.54:53"}) << "though it stands behind";
  EXPECT_EQ(own->question.timeout, Millis(2'000));
  EXPECT_NE(own->key, inherited->key);
}

TEST(ProxyPassWithVariables, hosts_that_requests_choose_are_warned_about) {
  EXPECT_EQ(messages(passing("http://$arg_host/x", "resolver 10.0.0.53;")),
            "weir.conf:2:1: warning: \"proxy_pass\" reaches whatever host a request names, as a \"resolver\" is there "
            "(server side request forgery): a \"map\" without variables in its values bounds the hosts\n");
  EXPECT_EQ(messages(passing("http://$up/x", "resolver 10.0.0.53; map $arg_host $up { default a.test; b b.test; }")),
            "");
}

TEST(ProxyPassWithVariables, literal_hosts_are_asked_for_again_by_a_resolver) {
  const auto resolves = [](const std::string& pass, const std::string& http) {
    const LoadedConfig loaded = load(passing(pass, http));
    return loaded.model.upstreams.back().servers.front().resolve;
  };
  EXPECT_FALSE(resolves("http://app.test$request_uri", ""));
  EXPECT_TRUE(resolves("http://app.test$request_uri", "resolver 10.0.0.53;"));
  EXPECT_FALSE(resolves("http://app.test", "resolver 10.0.0.53;")) << "without variables nginx asks once";
  EXPECT_FALSE(resolves("http://10.0.0.9$request_uri", "resolver 10.0.0.53;"));
}

// Two places may set one variable, and what the one means is no address where the other passes to it.
TEST(ProxyPass, name_among_values_is_asked_for_until_it_is_there) {
  const auto resolves = [](const std::string& text) {
    for (const UpstreamModel& each : load(text).model.upstreams)
      if (each.implicit) return each.servers.at(0).resolve;
    return false;
  };
  EXPECT_TRUE(
      resolves("upstream back { server 10.0.0.1; } server { listen 1; location / { set $x .a.test; return 200 $x; } "
               "location /b { set $x /b; proxy_pass http://back$x; } }"));
  EXPECT_TRUE(resolves("map $arg_a $x { default a.test; } " + passing("http://$x")));
  EXPECT_FALSE(resolves(passing("http://a.test$request_uri")));
}

}  // namespace
}  // namespace weir::config
