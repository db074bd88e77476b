// The text of `weir init`, and what it takes as a node and as a name.
#include "server/first_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace weir::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string node(const char* text, int port = 0) {
  const auto checked = checked_node(text, port);
  return checked ? *checked : "refused";
}

TEST(FirstConfiguration, nodes_get_a_port_where_none_is_written) {
  EXPECT_EQ(node("10.0.0.1", 13000), "10.0.0.1:13000");
  EXPECT_EQ(node("10.0.0.1:80", 13000), "10.0.0.1:80");
  EXPECT_EQ(node("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(node("::1", 13000), "[::1]:13000");
  EXPECT_EQ(node("[::1]", 13000), "[::1]:13000");
  EXPECT_EQ(node("[::1]:80", 13000), "[::1]:80");
  EXPECT_EQ(node("unix:/run/a b.sock", 13000), "unix:/run/a b.sock");
}

TEST(FirstConfiguration, nodes_hold_nothing_of_the_syntax) {
  for (const char* text :
       {"", "a;", "a b", "a\n", "{", "\"a\"", "$a", "#a", "http://a", "unix:a", "a/b", "a:", ":80", "a:b"})
    EXPECT_EQ(node(text), "refused") << text;
}

TEST(FirstConfiguration, nodes_have_a_port_that_there_is) {
  for (const char* text : {"10.0.0.1:99999", "10.0.0.1:65536", "a:0", "[::1]:70000"}) {
    const auto checked = checked_node(text, 0);
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error(), "the port of \"" + std::string(text) + "\" is none: 1 to 65535");
  }
  EXPECT_EQ(node("10.0.0.1:65535"), "10.0.0.1:65535");
  EXPECT_EQ(node("10.0.0.1:1"), "10.0.0.1:1");
}

TEST(FirstConfiguration, names_are_names_of_dns) {
  for (const char* text : {"app.example.org", "localhost", "a-b.test", "10.0.0.1"})
    EXPECT_TRUE(checked_name(text)) << text;
  for (const char* text : {"", "*.example.org", ".org", "-a", "a.", "a_b", "a b", "a;"})
    EXPECT_FALSE(checked_name(text)) << text;
}

TEST(FirstConfiguration, paths_that_need_quotes_have_them) {
  FirstConfiguration wanted;
  wanted.directory = "/srv/my \"weir\"";
  wanted.nodes = {"unix:/run/a b.sock"};
  const std::string text = compose(wanted);
  EXPECT_THAT(text, HasSubstr(R"(pid "/srv/my \"weir\"/weir.pid";)"));
  EXPECT_THAT(text, HasSubstr(R"(server "unix:/run/a b.sock";)"));
  EXPECT_TRUE(config::load_text(text).ok());
}

TEST(FirstConfiguration, package_has_places_of_its_own) {
  FirstConfiguration wanted;
  wanted.packaged = wanted.low_ports = true;
  wanted.nodes = {"10.0.0.1:3000"};
  wanted.name = "app.example.org";
  const std::string text = compose(wanted);
  for (const char* part :
       {"\nuser weir;", "pid /run/weir/weir.pid;", "state_file /var/lib/weir/state.json;",
        "error_log /var/log/weir/error.log notice;", "include /etc/weir/conf.d/*.conf;", "listen 443 ssl;",
        "listen 80;", "return 301 https://$host$request_uri;", "ssl_certificate_auto;"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("acme_state"))) << "the default is the package's";
}

TEST(FirstConfiguration, names_without_a_ca_sign_themselves) {
  FirstConfiguration wanted;
  wanted.directory = "/srv";
  for (const char* name : {"localhost", "app.test", "app.local", "db.internal", "intranet", "10.0.0.1"}) {
    wanted.name = name;
    EXPECT_THAT(compose(wanted), HasSubstr("ssl_certificate_selfsigned;")) << name;
  }
  wanted.name = "app.example.org";
  EXPECT_THAT(compose(wanted), HasSubstr("ssl_certificate_auto;"));
}

}  // namespace
}  // namespace weir::server
