// proxy_ssl_*: what they make, whom they are inherited by, what is said of them, and which checks go over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config_text.h"
#include "io/tls_peer_context.h"
#include "unit/tls_certificates.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using weir::test::make_certificate;

LoadedConfig load_tls(const std::string& text) {
  static const auto authority = make_certificate({.names = {"CA"}, .authority = true});
  static const auto other = make_certificate({.names = {"another CA"}, .authority = true});
  static const auto own = make_certificate({.names = {"weir"}});
  MemoryFiles files({{"/etc/weir.conf", text},
                     {"/etc/ca.pem", authority.pem()},
                     {"/etc/other.pem", other.pem()},
                     {"/etc/own.pem", own.pem()},
                     {"/etc/own.key", own.key_pem()}});
  return load_config("/etc/weir.conf", files);
}
std::string faults(const std::string& text) {
  return load_tls(text).diagnostics.to_text();
}
std::string in_server(const std::string& text) {
  return "upstream app.test { server 10.0.0.1:443; }\nserver { listen 1; proxy_ssl_trusted_certificate ca.pem;\n" +
         text + "\n}";
}
const LocationModel& location_of(const LoadedConfig& loaded, size_t index = 0) {
  return loaded.model.servers.at(0).locations.at(index);
}

TEST(TlsToPeers, settings_are_inherited_and_contexts_shared) {
  const LoadedConfig loaded = load_tls(in_server(
      "location /a { proxy_pass https://app.test; }\nlocation /b { proxy_pass https://app.test; proxy_ssl_name "
      "x.test; }\nlocation /c { proxy_pass https://app.test; proxy_ssl_trusted_certificate other.pem; }\n"
      "location /d { proxy_pass http://app.test; }"));
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  const auto context = [&](size_t index) { return location_of(loaded, index).settings.tls.context; };
  ASSERT_NE(context(0), nullptr);
  EXPECT_EQ(context(1), context(0));
  ASSERT_NE(context(2), nullptr);
  EXPECT_NE(context(2)->terms(), context(0)->terms());
  EXPECT_EQ(context(3), nullptr);
  EXPECT_EQ(loaded.model.tls_to_peers.size(), 2U);
  EXPECT_TRUE(location_of(loaded).settings.tls.options.verify);
}

TEST(TlsToPeers, ports_and_names_are_those_of_the_scheme) {
  struct Row {
    const char* pass;
    const char* upstream;
    const char* host;
    uint16_t port;
  };
  for (const Row& row : {Row{"https://10.0.0.1", "10.0.0.1:443", "10.0.0.1", 443},
                         Row{"https://10.0.0.1:443", "10.0.0.1:443", "10.0.0.1", 443},
                         Row{"https://10.0.0.1:80", "10.0.0.1", "10.0.0.1:80", 80},
                         Row{"http://10.0.0.1:443", "10.0.0.1:443", "10.0.0.1:443", 443},
                         Row{"https://unix:/x.sock:/y", "unix:/x.sock", "localhost", 443},
                         Row{"https://app.test", "app.test", "app.test", 443}}) {
    const LoadedConfig loaded = load_tls(in_server(std::string("location / { proxy_pass ") + row.pass + "; }"));
    const auto& pass = *location_of(loaded).settings.pass;
    EXPECT_EQ(loaded.model.upstreams.at(static_cast<size_t>(pass.cluster)).name, row.upstream) << row.pass;
    EXPECT_EQ(pass.host, row.host) << row.pass;
    EXPECT_EQ(pass.port, row.port) << row.pass;
    EXPECT_THAT(dump_effective(loaded.model, false), HasSubstr(std::string("proxy_pass ") + row.pass + ";"));
  }
}

TEST(TlsToPeers, options_are_read_and_shown) {
  const LoadedConfig loaded = load_tls(in_server(
      "location / { proxy_pass https://app.test/x; proxy_ssl_name $host; proxy_ssl_verify_depth 5; proxy_ssl_protocols "
      "TLSv1.3; proxy_ssl_ciphers HIGH; proxy_ssl_certificate own.pem; proxy_ssl_certificate_key own.key; "
      "proxy_ssl_session_reuse off; proxy_ssl_server_name off; proxy_ssl_conf_command Options PrioritizeChaCha; }"));
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  const proxy::PassTls& tls = location_of(loaded).settings.tls;
  EXPECT_EQ(tls.options.certificate.key, "/etc/own.key");
  EXPECT_FALSE(tls.options.tls12);
  EXPECT_FALSE(tls.session_reuse);
  const std::string shown = dump_effective(loaded.model, false);
  for (const char* line :
       {"proxy_pass https://app.test/x;", "proxy_ssl_name $host;", "proxy_ssl_verify_depth 5;",
        "proxy_ssl_trusted_certificate /etc/ca.pem;", "proxy_ssl_protocols TLSv1.3;", "proxy_ssl_session_reuse off;",
        "proxy_ssl_certificate /etc/own.pem;", "proxy_ssl_conf_command Options PrioritizeChaCha;"})
    EXPECT_THAT(shown, HasSubstr(line));
  EXPECT_EQ(load_tls(shown).diagnostics.to_text(), "");
}

TEST(TlsToPeers, empty_certificate_takes_an_inherited_one_back) {
  const LoadedConfig loaded =
      load_tls(in_server("proxy_ssl_certificate own.pem; proxy_ssl_certificate_key own.key;\n"
                         "location / { proxy_pass https://app.test; proxy_ssl_certificate \"\"; }"));
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  EXPECT_EQ(location_of(loaded).settings.tls.options.certificate.certificate, "");
}

TEST(TlsToPeers, faults_are_shown_once_and_where_they_stand) {
  EXPECT_EQ(faults(in_server("proxy_ssl_crl no.pem;\nlocation /a { proxy_pass https://app.test; }\n"
                             "location /b { proxy_pass https://app.test; }")),
            "/etc/weir.conf:3:15: error: cannot load CRL \"/etc/no.pem\": open() \"/etc/no.pem\" failed (2: No such "
            "file or directory)\n");
  EXPECT_EQ(faults(in_server("location / { proxy_pass https://app.test;\nproxy_ssl_certificate own.pem; }")),
            "/etc/weir.conf:4:23: error: no \"proxy_ssl_certificate_key\" is defined for this certificate\n");
  EXPECT_EQ(faults(in_server("location / { proxy_pass http://app.test; proxy_ssl_crl no.pem; }")), "")
      << "what is not used is not read";
  EXPECT_EQ(faults(in_server("proxy_ssl_certificate $host.pem;")),
            "/etc/weir.conf:3:23: error: \"proxy_ssl_certificate\" takes no variables: certificates are read once and "
            "watched, not once a handshake\n");
  EXPECT_THAT(faults(in_server("proxy_ssl_certificate_cache max=10;")), HasSubstr("known to nginx"));
  EXPECT_THAT(faults(in_server("location / { proxy_pass https://app.test; proxy_ssl_name \"a b\"; }")),
              HasSubstr("error: \"a b\" of \"proxy_ssl_name\" is no name for TLS"));
}

TEST(TlsToPeers, doubtful_settings_are_warnings) {
  EXPECT_THAT(faults(in_server("location / { proxy_pass https://app.test;\n proxy_ssl_verify off; }")),
              HasSubstr("/etc/weir.conf:4:2: warning: peers behind https:// are not verified"));
  EXPECT_THAT(faults("upstream app { server 10.0.0.1; } server { listen 1; proxy_ssl_trusted_certificate ca.pem;\n"
                     "location / { proxy_pass https://app; } }"),
              testing::AllOf(HasSubstr("are asked for a certificate for \"app\""),
                             HasSubstr("\"10.0.0.1\" of upstream \"app\" is spoken to in TLS, at port 80")));
  EXPECT_THAT(faults("http { defaults nginx; server { listen 1;\nlocation / { proxy_pass https://10.0.0.1; } } }"),
              HasSubstr("/etc/weir.conf:2:14: warning: peers behind https:// are not verified"));
}

TEST(TlsToPeers, variables_may_lead_to_either_scheme) {
  const auto tls = [](const std::string& pass, const std::string& http = "") {
    const LoadedConfig loaded = load_tls(http + in_server("location / { proxy_pass " + pass + "; }"));
    const auto& settings = location_of(loaded).settings;
    EXPECT_EQ(settings.pass->tls, settings.tls.context != nullptr) << pass;
    return settings.pass->tls;
  };
  EXPECT_TRUE(tls("https://app.test$request_uri"));
  EXPECT_FALSE(tls("http://app.test$request_uri"));
  EXPECT_FALSE(tls("http://$host"));
  EXPECT_TRUE(tls("$scheme://app.test"));
  EXPECT_TRUE(tls("$to", "map $host $to { a http://app.test; b https://app.test; }"));
  EXPECT_FALSE(tls("$to", "map $host $to { a http://app.test; default http://app.test; }"));
  EXPECT_TRUE(tls("$to", "map $host $to { a http://app.test; default $arg_x; }"));
}

TEST(TlsToPeers, if_in_a_location_has_its_own_context) {
  const LoadedConfig loaded =
      load_tls(in_server("location / { proxy_pass http://app.test; if ($arg_x) { proxy_pass https://app.test; } }"));
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  const proxy::Location& settings = location_of(loaded).settings;
  EXPECT_EQ(settings.tls.context, nullptr);
  ASSERT_EQ(settings.rewrite.size(), 1U);
  EXPECT_NE(settings.rewrite.at(0).settings->tls.context, nullptr);
}

class TlsChecks : public testing::Test {
 protected:
  const std::vector<upstream::CheckOptions>& checks(const std::string& upstream, const std::string& server) {
    loaded_ = load_tls("upstream app.test { server 10.0.0.1:443; " + upstream +
                       " }\nserver { listen 1; proxy_ssl_trusted_certificate ca.pem;\n" + server + "\n}");
    return loaded_.model.upstreams.at(0).checks;
  }
  std::string said() const { return loaded_.diagnostics.to_text(); }
  LoadedConfig loaded_;
};

TEST_F(TlsChecks, check_of_an_upstream_goes_as_its_requests_do) {
  const auto& over_tls = checks("health_check;", "location / { proxy_pass https://app.test; proxy_ssl_name n.test; }");
  ASSERT_EQ(over_tls.size(), 1U);
  EXPECT_NE(over_tls[0].tls, nullptr);
  EXPECT_EQ(over_tls[0].tls_name, "n.test");
  EXPECT_EQ(over_tls[0].label(), "https GET /");
  EXPECT_EQ(said(), "");
  EXPECT_EQ(checks("health_check;", "location / { proxy_pass http://app.test; }")[0].tls, nullptr);
  EXPECT_EQ(checks("health_check type=tcp;", "location / { proxy_pass https://app.test; }")[0].tls, nullptr);
}

TEST_F(TlsChecks, upstream_of_both_schemes_is_asked_in_clear) {
  EXPECT_EQ(checks("health_check;",
                   "location /a { proxy_pass https://app.test; }\nlocation /b { proxy_pass http://app.test; }")[0]
                .tls,
            nullptr);
  EXPECT_THAT(said(),
              HasSubstr("/etc/weir.conf:3:15: warning: the health_check of upstream \"app.test\" asks in clear"));
}

TEST_F(TlsChecks, check_of_a_location_has_that_ones_name) {
  const auto& both = checks("",
                            "location /a { proxy_pass https://app.test; proxy_ssl_name a.test; health_check; }\n"
                            "location /b { proxy_pass https://app.test; proxy_ssl_name b.test; health_check; }\n"
                            "location /c { proxy_pass https://app.test; proxy_ssl_name b.test; health_check; }");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].tls_name, "a.test");
  EXPECT_EQ(both[1].tls_name, "b.test");
  EXPECT_NE(both[0].fingerprint(), both[1].fingerprint());
  EXPECT_EQ(said(), "");
}

TEST_F(TlsChecks, doubtful_checks_are_warnings) {
  EXPECT_EQ(checks("health_check;",
                   "location /a { proxy_pass https://app.test; proxy_ssl_name a.test; }\n"
                   "location /b { proxy_pass https://app.test; proxy_ssl_name b.test; }")[0]
                .tls_name,
            "a.test");
  EXPECT_THAT(said(), HasSubstr("others reach it with another proxy_ssl_name"));
  EXPECT_EQ(checks("", "location /a { proxy_pass https://app.test; proxy_ssl_name $host; health_check; }")[0].tls_name,
            "app.test");
  EXPECT_THAT(said(), HasSubstr("a check has no values for the variables of \"proxy_ssl_name\""));
}

}  // namespace
}  // namespace weir::config
