// preset nocobase: what it stands for, and what it leaves alone.
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config/loader.h"
#include "config/preset.h"
#include "config_text.h"

namespace weir::config {
namespace {

constexpr const char* kSmall =
    "upstream u { preset nocobase; server 10.0.0.1; } server { listen 1; preset nocobase; location / { proxy_pass "
    "http://u; } }";

TEST(Preset, the_check_wants_200_and_exactly_ok) {
  const LoadedConfig loaded = load_text(kSmall);
  ASSERT_EQ(loaded.diagnostics.to_text(), "");
  const upstream::CheckOptions& check = loaded.model.upstreams.at(0).checks.at(0);
  EXPECT_EQ(check.uri, "/api/__health_check");
  EXPECT_TRUE(check.fail_open);  // what fails everywhere is not one node's fault
  ASSERT_NE(check.match, nullptr);
  ASSERT_EQ(check.match->statuses.size(), 1U);
  EXPECT_EQ(check.match->statuses[0].least, 200);
  EXPECT_EQ(check.match->statuses[0].most, 200);
  ASSERT_EQ(check.match->bodies.size(), 1U);
  EXPECT_EQ(check.match->bodies[0].pattern, "ok");
  EXPECT_EQ(check.match->bodies[0].regex, nullptr);
  EXPECT_EQ(loaded.model.upstreams[0].checks.size(), 1U);
}

TEST(Preset, deep_check_is_optional_and_fails_open) {
  const LoadedConfig loaded = load_text("upstream u { preset nocobase deep_check; server 10.0.0.1; }");
  ASSERT_EQ(loaded.model.upstreams.at(0).checks.size(), 2U);
  const upstream::CheckOptions& deep = loaded.model.upstreams[0].checks[1];
  EXPECT_EQ(deep.uri, "/api/app:getInfo");
  EXPECT_TRUE(deep.fail_open);
  EXPECT_EQ(deep.health.interval, Millis(10'000));
  EXPECT_EQ(deep.health.timeout, Millis(5000));
}

TEST(Preset, server_gets_the_settings_of_the_application) {
  const proxy::Location settings = load_text(kSmall).model.servers.at(0).locations.at(0).settings;
  EXPECT_EQ(settings.max_body_bytes, 0);
  EXPECT_EQ(settings.read_timeout, Millis(600'000));
  EXPECT_EQ(settings.send_timeout, Millis(600'000));
  EXPECT_EQ(settings.tunnel_timeout, Millis(3'600'000));
  ASSERT_EQ(settings.not_ready.size(), 1U);
  EXPECT_EQ(settings.not_ready[0].status, 503);
  EXPECT_EQ(settings.not_ready[0].text, "\"maintaining\":true");
  ASSERT_EQ(settings.set_headers.size(), 2U);
  EXPECT_EQ(settings.set_headers[0].name, "X-App");
  EXPECT_TRUE(settings.set_headers[0].value.empty());
  EXPECT_EQ(settings.set_headers[1].name, "X-Hostname");
}

TEST(Preset, written_directives_override_the_preset) {
  const LoadedConfig loaded = load_text(
      "upstream u { health_check uri=/mine; preset nocobase; server 10.0.0.1; } server { listen 1; "
      "client_max_body_size 5m; preset nocobase; proxy_set_header x-app main; location / { proxy_pass http://u; } }");
  ASSERT_EQ(loaded.diagnostics.to_text(), "");
  ASSERT_EQ(loaded.model.upstreams.at(0).checks.size(), 1U);
  EXPECT_EQ(loaded.model.upstreams[0].checks[0].uri, "/mine");
  const proxy::Location& settings = loaded.model.servers.at(0).locations.at(0).settings;
  EXPECT_EQ(settings.max_body_bytes, 5 << 20);
  ASSERT_EQ(settings.set_headers.size(), 2U);
  EXPECT_EQ(settings.set_headers[0].value.text(), "main");
  EXPECT_EQ(settings.set_headers[1].name, "X-Hostname");
}

TEST(Preset, headers_yield_to_those_of_a_location) {
  const LoadedConfig loaded = load_text(
      "http { proxy_set_header A 1; upstream u { preset nocobase; server 10.0.0.1; } server { listen 1; preset "
      "nocobase; location / { proxy_pass http://u; location /b { proxy_set_header B 2; proxy_pass http://u; } } } }");
  ASSERT_EQ(loaded.diagnostics.to_text(), "");
  const LocationModel& outer = loaded.model.servers.at(0).locations.at(0);
  ASSERT_EQ(outer.settings.set_headers.size(), 3U);
  EXPECT_EQ(outer.settings.set_headers[0].name, "A");
  const auto& own = outer.nested.at(0).settings.set_headers;
  ASSERT_EQ(own.size(), 3U);
  EXPECT_EQ(own[0].name, "B");
  EXPECT_EQ(own[1].name, "X-App");
  EXPECT_EQ(own[2].name, "X-Hostname");
}

TEST(Preset, sub_apps_keep_the_headers_that_choose_them) {
  const LoadedConfig loaded = load_text(
      "upstream u { preset nocobase; server 10.0.0.1; } server { listen 1; preset nocobase sub_apps; location / { "
      "proxy_pass http://u; } }");
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  EXPECT_TRUE(loaded.model.servers.at(0).locations.at(0).settings.set_headers.empty());
}

TEST(Preset, server_without_a_checked_upstream_gets_a_hint) {
  EXPECT_EQ(messages("upstream u { server 10.0.0.1; }\nserver { listen 1; preset nocobase; location / { proxy_pass "
                     "http://u; } }"),
            "weir.conf:2:20: warning: upstream \"u\" has no \"health_check\", \"preset nocobase;\" in it brings one\n");
  EXPECT_EQ(messages("upstream u { server 10.0.0.1; } server { listen 1; preset nocobase; location / { proxy_pass "
                     "http://u; health_check; } }"),
            "");
}

TEST(Preset, more_nodes_than_worker_ids_are_a_warning) {
  const auto of = [](int nodes) {
    std::string text = "upstream u { preset nocobase;";
    for (int i = 1; i <= nodes; ++i) text += " server 10.0.0." + std::to_string(i) + ";";
    return messages(text + " }");
  };
  EXPECT_EQ(of(32), "");
  EXPECT_EQ(of(33),
            "weir.conf:1:14: warning: NocoBase runs on at most 32 nodes (worker ids 0-31), upstream \"u\" has 33\n");
}

TEST(Preset, dump_shows_the_expanded_preset_and_loads) {
  const LoadedConfig loaded = load_text(kSmall);
  const std::string dump = dump_files(loaded.tree);
  EXPECT_NE(dump.find("# preset of weir.conf:1:14 in upstream u:\n"
                      "#     health_check uri=/api/__health_check match=weir_nocobase_ok fail_open;\n"),
            std::string::npos)
      << dump;
  EXPECT_NE(dump.find("#     proxy_next_upstream_match 503 '\"maintaining\":true';\n"), std::string::npos) << dump;
  EXPECT_EQ(dump_effective(load_text(dump).model, true), dump_effective(loaded.model, true));
  EXPECT_EQ(messages(dump_effective(loaded.model, true)), "");
  EXPECT_EQ(dump_effective(load_text(dump_effective(loaded.model, true)).model, true),
            dump_effective(loaded.model, true));
}

TEST(Preset, errors_of_the_expansion_are_at_the_preset) {
  EXPECT_EQ(messages("match weir_nocobase_ok { }\nupstream u { server 10.0.0.1;\n  preset nocobase; }"),
            "weir.conf:1:1: error: match \"weir_nocobase_ok\" is empty, everything would match\n");
  EXPECT_EQ(messages("upstream u { server 10.0.0.1; preset; }").substr(0, 30), "weir.conf:1:31: error: invalid");
}

TEST(Preset, match_block_of_the_operator_is_used) {
  const LoadedConfig loaded = load_text("match weir_nocobase_ok { status 204; } " + std::string(kSmall));
  ASSERT_EQ(loaded.diagnostics.to_text(), "");
  EXPECT_EQ(loaded.model.matches.size(), 1U);
  EXPECT_EQ(loaded.model.upstreams.at(0).checks.at(0).match->statuses.at(0).least, 204);
}

}  // namespace
}  // namespace weir::config
