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
  const std::string place = "~ server \"\" (0.0.0.0:80), location /: ";
  EXPECT_THAT(between(rules("allow 10.0.0.0/8; deny all; allow 11.0.0.0/8;"),
                      rules("allow 11.0.0.0/8; deny all; allow 10.0.0.0/8;")),
              ElementsAre(place + "allow 11.0.0.0/8 is now before allow 10.0.0.0/8"))
      << "the first place";
  EXPECT_THAT(between(rules("allow 10.0.0.0/8; deny all;"), rules("deny all; allow 10.0.0.0/8;")),
              ElementsAre(place + "deny all is now before allow 10.0.0.0/8"));
  EXPECT_THAT(between(rules("set $a $uri; rewrite ^/a /b;"), rules("rewrite ^/a /b; set $a $uri;")),
              ElementsAre(place + "rewrite ^/a /b is now before set $a $uri"));
  EXPECT_THAT(between(rules("set $a 1; if ($a) { set $b 1; }"), rules("if ($a) { set $b 1; } set $a 1;")),
              ElementsAre(place + "if ($a) is now before set $a 1"));
}

TEST(Difference, changed_order_is_shown_beside_rules_that_come_and_go) {
  const auto rules = [](const std::string& text) { return "server { listen 80; location / { " + text + " } }"; };
  const std::string place = "server \"\" (0.0.0.0:80), location /: ";
  EXPECT_THAT(between(rules("allow 10.0.0.0/8; deny all;"), rules("allow 11.0.0.0/8; deny all; allow 10.0.0.0/8;")),
              ElementsAre("+ " + place + "allow 11.0.0.0/8", "~ " + place + "deny all is now before allow 10.0.0.0/8"));
  EXPECT_THAT(between(rules("deny 10.0.0.1; allow 10.0.0.0/8; deny all;"), rules("allow 10.0.0.0/8; deny all;")),
              ElementsAre("- " + place + "deny 10.0.0.1"));
}

TEST(Difference, first_pattern_counts) {
  const auto places = [](const std::string& text) { return "server { listen 80; " + text + " }"; };
  EXPECT_THAT(between(places("location ~ a { return 200; } location ~* b { return 201; } location /c { return 202; }"),
                      places("location /c { return 202; } location ~* b { return 201; } location ~ a { return 200; }")),
              ElementsAre("~ server \"\" (0.0.0.0:80): location ~* b is now before location ~ a"));
  EXPECT_THAT(between(places("location /a { return 200; } location /b { return 201; }"),
                      places("location /b { return 201; } location /a { return 200; }")),
              IsEmpty())
      << "the longest prefix is taken";
}

std::string server_of(const std::string& name, const std::string& listens) {
  return "server { " + listens + " server_name " + name + "; }";
}

TEST(Difference, default_server_of_an_address_counts) {
  const std::string both = "listen 80; listen 81;";
  const std::string a = server_of("a", both), b = server_of("b", both), c = server_of("c", "listen 82;");
  EXPECT_THAT(between(a + b, b + a), ElementsAre("~ server b (0.0.0.0:80, 0.0.0.0:81) (was server a (0.0.0.0:80, "
                                                 "0.0.0.0:81)): default of 0.0.0.0:80; default of 0.0.0.0:81"));
  EXPECT_THAT(between(a + c, c + a), IsEmpty()) << "they share no address";
  const std::string chosen = server_of("d", "listen 80 default_server; listen 81 default_server;");
  EXPECT_THAT(between(a + chosen, chosen + a), IsEmpty()) << "the one that is written";
  EXPECT_THAT(between(chosen + a + b, chosen + b + a), IsEmpty()) << "names are found in any order";
}

TEST(Difference, order_of_servers_named_by_patterns_counts) {
  const std::string plain = server_of("a", "listen 80;"), x = server_of("~x", "listen 80;"),
                    y = server_of("b ~y", "listen 80;");
  EXPECT_THAT(between(plain + x + y, plain + y + x),
              ElementsAre("~ listen 0.0.0.0:80: server b (0.0.0.0:80) is now before server ~x (0.0.0.0:80)"));
}

TEST(Difference, text_of_another_order_differs) {
  const std::string before = "location / { allow 10.0.0.0/8; deny all; }",
                    after = "location / { deny all; allow 10.0.0.0/8; }";
  EXPECT_THAT(differences(before, after), ElementsAre("~ location /: deny all is now before allow 10.0.0.0/8"));
}

TEST(Difference, text_that_is_no_configuration_is_survived) {
  EXPECT_THAT(differences(std::string("a { b"), std::string("}}} ; a")), ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace weir::config
