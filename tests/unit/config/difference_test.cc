// What one configuration says otherwise than another.
#include "config/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace weir::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Lines = std::vector<std::string>;

Model model_of(const std::string& http) {
  LoadedConfig loaded = load_text("http { " + http + " }");
  EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
  return std::move(loaded.model);
}

Lines between(const std::string& before, const std::string& after) {
  return differences(model_of(before), model_of(after));
}

TEST(Difference, equal_files_have_none) {
  EXPECT_THAT(between("server { listen 80; }", "server { listen 80; }"), IsEmpty());
}

TEST(Difference, default_written_out_is_none) {
  EXPECT_THAT(
      between("server { listen 80; }", "client_max_body_size 100m; server { listen 0.0.0.0:80; server_name ''; }"),
      IsEmpty());
}

TEST(Difference, peers_come_go_and_change) {
  EXPECT_THAT(between("upstream a { server 10.0.0.1; server 10.0.0.2; server 10.0.0.3 backup; } server { location / { "
                      "proxy_pass http://a; } }",
                      "upstream a { server 10.0.0.1; server 10.0.0.3; server 10.0.0.4; } server { location / { "
                      "proxy_pass http://a; } }"),
              ElementsAre("~ upstream a: server 10.0.0.3 (was backup)", "- upstream a: server 10.0.0.2",
                          "+ upstream a: server 10.0.0.4"));
}

TEST(Difference, inherited_setting_is_one_line) {
  const std::string servers =
      "server { listen 80; location /a { return 200; } location /b { return 200; } location /c { return 200; } }";
  EXPECT_THAT(
      between(servers, "proxy_read_timeout 5s; " + servers),
      ElementsAre("~ proxy_read_timeout 5s (was 1m): server \"\" (0.0.0.0:80); server \"\" (0.0.0.0:80), location /a; "
                  "server \"\" (0.0.0.0:80), location /b and 1 more"));
}

TEST(Difference, blocks_come_and_go_whole) {
  EXPECT_THAT(between("server { listen 80; location /old { return 200; } }",
                      "upstream a { server 10.0.0.1; } server { listen 80; location /new { return 200; } } server { "
                      "listen 81; server_name b c; }"),
              ElementsAre("+ server \"\" (0.0.0.0:80): location /new", "- server \"\" (0.0.0.0:80): location /old",
                          "+ server b (0.0.0.0:81)", "+ upstream a"));
}

TEST(Difference, order_of_rules_counts) {
  const auto rules = [](const std::string& text) { return "server { listen 80; location / { " + text + " } }"; };
  EXPECT_THAT(between(rules("allow 10.0.0.0/8; deny all; allow 11.0.0.0/8;"),
                      rules("allow 11.0.0.0/8; deny all; allow 10.0.0.0/8;")),
              ElementsAre("~ server \"\" (0.0.0.0:80), location /: allow: in another order"));
}

TEST(Difference, text_that_is_no_configuration_is_survived) {
  EXPECT_THAT(differences(std::string("a { b"), std::string("}}} ; a")), ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace weir::config
