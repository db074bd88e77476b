// ssl_*: what the directives make, whom they are inherited by, and where faults are shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config_text.h"
#include "io/tls_context.h"
#include "io/tls_self_signed.h"
#include "unit/tls_certificates.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::Not;
using weir::test::make_certificate;

LoadedConfig load_tls(const std::string& text) {
  static const auto certificate = make_certificate({.names = {"a.test"}});
  static const auto other = make_certificate({.names = {"b.test"}});
  MemoryFiles files({{"/etc/weir.conf", text},
                     {"/etc/a.pem", certificate.pem()},
                     {"/etc/a.key", certificate.key_pem()},
                     {"/etc/b.pem", other.pem()},
                     {"/etc/b.key", other.key_pem()}});
  return load_config("/etc/weir.conf", files);
}
std::string faults(const std::string& text) {
  return load_tls(text).diagnostics.to_text();
}

constexpr const char* kPair = "ssl_certificate a.pem; ssl_certificate_key a.key; ";

TEST(Tls, certificate_of_http_is_every_servers) {
  const LoadedConfig loaded = load_tls(std::string("http { ") + kPair +
                                       "server { listen 443 ssl; server_name a.test; }\n"
                                       "server { listen 443 ssl; server_name b.test; ssl_certificate b.pem; "
                                       "ssl_certificate_key b.key; }\n"
                                       "server { listen 80; } }");
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  const auto& servers = loaded.model.servers;
  ASSERT_NE(servers[0].tls_context, nullptr);
  EXPECT_EQ(servers[0].tls_context->certificates().at(0).names.at(0), "a.test");
  EXPECT_EQ(servers[1].tls_context->certificates().at(0).names.at(0), "b.test");
  EXPECT_EQ(servers[2].tls_context, nullptr);
  EXPECT_FALSE(servers[0].tls_context->shares_sessions(*servers[1].tls_context));
}

TEST(Tls, same_server_shares_sessions_over_a_reload) {
  const std::string text = std::string("server { listen 443 ssl; server_name a.test; ") + kPair + "}";
  const LoadedConfig before = load_tls(text);
  const LoadedConfig after = load_tls(text);
  EXPECT_TRUE(before.model.servers[0].tls_context->shares_sessions(*after.model.servers[0].tls_context));
}

TEST(Tls, options_are_read_and_shown) {
  const std::string text = std::string("server { listen 443 ssl default_server; ") + kPair +
                           "ssl_protocols TLSv1.3; ssl_session_cache shared:SSL:10m; ssl_session_tickets off; "
                           "ssl_session_timeout 1d; ssl_buffer_size 4k; ssl_verify_client optional_no_ca; "
                           "ssl_verify_depth 3; ssl_handshake_timeout 5s; ssl_ecdh_curve X25519; "
                           "ssl_conf_command Options PrioritizeChaCha; ssl_prefer_server_ciphers on; }";
  const LoadedConfig loaded = load_tls(text);
  EXPECT_EQ(loaded.diagnostics.to_text(), "");
  const io::TlsOptions& options = loaded.model.servers[0].tls.options;
  EXPECT_FALSE(options.tls12);
  EXPECT_EQ(options.cache_zone, "SSL");
  EXPECT_EQ(options.cache_bytes, 10 << 20);
  EXPECT_EQ(options.session_timeout, Millis(86'400'000));
  EXPECT_EQ(options.record_bytes, 4096U);
  EXPECT_EQ(options.verify_client, io::VerifyClient::kOptionalNoCa);
  const std::string shown = dump_effective(loaded.model, false);
  for (const char* line : {"listen 0.0.0.0:443 default_server ssl;", "ssl_certificate /etc/a.pem;",
                           "ssl_protocols TLSv1.3;", "ssl_session_cache shared:SSL:10m;",
                           "ssl_verify_client optional_no_ca;", "ssl_conf_command Options PrioritizeChaCha;"})
    EXPECT_THAT(shown, HasSubstr(line));
  EXPECT_EQ(load_tls(shown).diagnostics.to_text(), "");
}

TEST(Tls, faults_are_shown_at_the_directive) {
  EXPECT_EQ(faults("server { listen 443 ssl;\n  ssl_certificate no.pem;\n  ssl_certificate_key a.key; }"),
            "/etc/weir.conf:2:19: error: cannot load certificate \"/etc/no.pem\": open() \"/etc/no.pem\" failed (2: No "
            "such file or directory)\n");
  EXPECT_THAT(faults("server { listen 443 ssl;\n ssl_certificate a.pem;\n ssl_certificate_key b.key; }"),
              HasSubstr("weir.conf:3:22: error: key \"/etc/b.key\" does not belong to certificate \"/etc/a.pem\""));
  EXPECT_THAT(faults("server { listen 443 ssl; ssl_certificate a.pem; }"), HasSubstr("no \"ssl_certificate_key\""));
  EXPECT_THAT(faults("server { listen 443 ssl; ssl_certificate_key a.key; }"), HasSubstr("has no \"ssl_certificate\""));
  EXPECT_THAT(faults("server { listen 443 ssl; ssl_certificate $host.pem; }"), HasSubstr("takes no variables"));
  EXPECT_THAT(faults("server { listen 443 ssl; ssl_certificate_key engine:pkcs11:x; }"), HasSubstr("\"engine:\""));
  EXPECT_THAT(faults("server { listen 443; ssl on; }"), HasSubstr("write \"listen PORT ssl;\""));
  EXPECT_THAT(faults("server { listen 443; ssl_session_cache shared:x:1k; }"), HasSubstr("too small"));
  EXPECT_THAT(faults("server { listen 443; ssl_session_cache shared:x; }"), HasSubstr("shared:NAME:SIZE"));
  EXPECT_THAT(faults("server { listen 443; ssl_protocols TLSv1; }"), HasSubstr("no protocol is left"));
  EXPECT_THAT(faults("server { listen 443; ssl_protocols TLSv9; }"), HasSubstr("TLSv1.2 or TLSv1.3"));
  EXPECT_THAT(faults("server { listen 443; ssl_buffer_size 64k; }"), HasSubstr("too large"));
}

TEST(Tls, default_server_needs_a_certificate_or_rejects) {
  const std::string missing = "no \"ssl_certificate\" is defined";
  EXPECT_THAT(faults("server { listen 443 ssl; }"), HasSubstr(missing));
  const std::string with = std::string("server { listen 443 ssl; server_name a.test; ") + kPair + "}";
  EXPECT_EQ(faults(with + "server { listen 443 ssl; server_name c.test; }"), "");
  EXPECT_THAT(faults(with + "server { listen 443 ssl default_server; }"), HasSubstr(missing));
  EXPECT_EQ(faults(with + "server { listen 443 ssl default_server; ssl_reject_handshake on; }"), "");
  EXPECT_THAT(faults(with + "server { listen 443 ssl default_server; ssl_reject_handshake on; }"
                            "server { listen 443 ssl; server_name c.test; }"),
              HasSubstr(missing));
}

TEST(Tls, server_without_a_certificate_has_the_default_servers_terms) {
  const auto faults_of = [](const std::string& first, const std::string& second) {
    return faults("server { listen 443 ssl; server_name a.test; " + std::string(kPair) + first +
                  "} server { listen 443 ssl; server_name c.test; " + second + "}");
  };
  const std::string verifies = "ssl_verify_client on; ssl_client_certificate a.pem;";
  const std::string missing = "\"ssl_verify_client\" needs an \"ssl_certificate\" of this server";
  EXPECT_THAT(faults_of("", verifies), HasSubstr(missing));
  EXPECT_THAT(faults_of("ssl_verify_client on; ssl_client_certificate b.pem;", verifies), HasSubstr(missing));
  EXPECT_EQ(faults_of(verifies, verifies), "");
  EXPECT_EQ(faults_of(verifies, ""), "");
  EXPECT_THAT(faults_of("", verifies + kPair), testing::Not(HasSubstr(missing)));
  EXPECT_EQ(faults_of("", verifies + "ssl_reject_handshake on;"), "");
  EXPECT_THAT(faults_of("", "ssl_protocols TLSv1.3;"), HasSubstr("its protocols, ciphers and curves are not in force"));
}

TEST(Tls, server_without_the_word_is_reached_over_tls_too) {
  const LoadedConfig loaded = load_tls(std::string("server { listen 443 ssl; ") + kPair +
                                       "} server { listen 443; server_name a.test; " + kPair + "}");
  EXPECT_THAT(loaded.diagnostics.to_text(), HasSubstr("is a TLS port for this server too, because of"));
  EXPECT_NE(loaded.model.servers[1].tls_context, nullptr);
}

TEST(Tls, doubts_are_warnings) {
  const auto warned = [](const std::string& directives, const std::string& text) {
    const LoadedConfig loaded =
        load_tls(std::string("server { listen 443 ssl http2; server_name a.test; ") + kPair + directives + "}");
    EXPECT_FALSE(loaded.diagnostics.failed()) << directives;
    EXPECT_THAT(loaded.diagnostics.to_text(), HasSubstr(text));
  };
  warned("", "\"http2\" is not spoken yet");
  warned("http2 on;", "\"http2 on\" has no effect");
  warned("ssl_protocols TLSv1.1 TLSv1.2;", "\"TLSv1.1\" is broken");
  warned("ssl_stapling on;", "no OCSP answer can be stapled to certificate \"/etc/a.pem\": the certificate of its");
  warned("ssl_session_cache builtin:1000;", "\"builtin\"");
  warned("server_name c.test;", "no certificate of this server is for its name \"c.test\"");
}

TEST(Tls, self_signed_certificate_is_for_the_servers_names) {
  const LoadedConfig loaded = load_tls(
      "http { ssl_certificate_selfsigned; server { listen 443 ssl; server_name A.test .b.test ~^c _; }\n"
      "server { listen 443 ssl; server_name b.test; ssl_certificate a.pem; ssl_certificate_key a.key; }\n"
      "server { listen 444 ssl; }\n"
      "server { listen 445 ssl; server_name x.test; ssl_certificate_selfsigned y.test 10.0.0.1; } }");
  EXPECT_THAT(loaded.diagnostics.to_text(), HasSubstr("for a first try: browsers will warn"));
  EXPECT_FALSE(loaded.diagnostics.failed()) << loaded.diagnostics.to_text();
  const auto names = [&loaded](size_t i) { return loaded.model.servers[i].tls_context->certificates().at(0).names; };
  EXPECT_THAT(names(0), testing::ElementsAre("a.test", "b.test", "*.b.test"));
  EXPECT_THAT(names(1), testing::ElementsAre("a.test"));
  EXPECT_THAT(names(2), testing::ElementsAre("localhost", "127.0.0.1", "::1"));
  EXPECT_THAT(names(3), testing::ElementsAre("y.test", "10.0.0.1"));
  EXPECT_EQ(loaded.model.servers[0].tls_context->certificates().at(0).where, "self-signed:a.test");
  const std::string shown = dump_effective(loaded.model, false);
  EXPECT_THAT(shown, HasSubstr("ssl_certificate_selfsigned y.test 10.0.0.1;"));
  EXPECT_FALSE(load_tls(shown).diagnostics.failed()) << shown;
}

TEST(Tls, self_signed_certificate_is_kept_over_loads) {
  MemoryFiles files(
      std::map<std::string, std::string>{{"w", "server { listen 443 ssl; ssl_certificate_selfsigned a.test; }"}});
  io::SelfSignedBook book;
  const auto serial = [&](io::SelfSignedBook* kept) {
    return load_config("w", files, {.self_signed = kept}).model.servers[0].tls_context->certificates().at(0).serial;
  };
  const std::string first = serial(&book);
  EXPECT_EQ(serial(&book), first);
  EXPECT_NE(serial(nullptr), first);
}

TEST(Tls, sources_of_a_certificate_exclude_each_other) {
  for (const char* two : {"ssl_certificate_selfsigned; ssl_certificate a.pem; ssl_certificate_key a.key;",
                          "ssl_certificate a.pem; ssl_certificate_key a.key; ssl_certificate_auto;",
                          "ssl_certificate_auto; ssl_certificate_selfsigned;"})
    EXPECT_THAT(faults(std::string("server { listen 443 ssl; server_name a.test; ") + two + "}"),
                HasSubstr("exclude each other, see /etc/weir.conf:1:"))
        << two;
}

TEST(Tls, missing_certificate_is_forgiven_while_others_serve) {
  const auto load = [](const std::string& text) {
    static const auto certificate = make_certificate({.names = {"a.test"}});
    MemoryFiles files({{"/etc/weir.conf", text},
                       {"/etc/a.pem", certificate.pem()},
                       {"/etc/a.key", certificate.key_pem()},
                       {"/etc/c.key", make_certificate().key_pem()},
                       {"/etc/bad.pem", "nothing"}});
    return load_config("/etc/weir.conf", files, {.forgive_missing_certificates = true});
  };
  const std::string good = std::string("server { listen 443 ssl; server_name a.test; ") + kPair + "}";
  const std::string missing =
      "server { listen 443 ssl; server_name b.test; ssl_certificate no.pem; "
      "ssl_certificate_key no.key; }";
  LoadedConfig loaded = load(good + missing);
  EXPECT_FALSE(loaded.diagnostics.failed());
  EXPECT_THAT(
      loaded.diagnostics.to_text(),
      HasSubstr("warning: cannot load certificate \"/etc/no.pem\": open() \"/etc/no.pem\" failed (2: No such file "
                "or directory); other servers start, this one refuses handshakes until it is there"));
  EXPECT_TRUE(loaded.model.servers[0].tls_context->ready());
  EXPECT_FALSE(loaded.model.servers[1].tls_context->ready());
  EXPECT_FALSE(load(good + "server { listen 443 ssl; ssl_certificate bad.pem; ssl_certificate_key a.key; }")
                   .diagnostics.failed());
  EXPECT_FALSE(load(missing + "server { listen 80; }").diagnostics.failed());
  EXPECT_TRUE(load(missing).diagnostics.failed());  // nobody would serve
  const std::string torn = "server { listen 443 ssl; ssl_certificate a.pem; ssl_certificate_key c.key; }";
  EXPECT_THAT(load(good + torn).diagnostics.to_text(), HasSubstr("c.key\" does not belong"));
  EXPECT_FALSE(load(good + torn).diagnostics.failed());
  EXPECT_TRUE(load(torn).diagnostics.failed());
  EXPECT_TRUE(load_tls(good + missing).diagnostics.failed());
}

}  // namespace
}  // namespace weir::config
