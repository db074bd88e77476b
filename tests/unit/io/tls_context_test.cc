// What a context is made of, what it says of a fault, and what it keeps when its files change.
#include "io/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "io/tls_session_cache.h"
#include "io/tls_tickets.h"
#include "unit/io/tls_client.h"

namespace weir::io::test {
namespace {

using Setting = TlsFault::Setting;
using testing::ElementsAre;
using testing::HasSubstr;

struct Made {
  std::shared_ptr<TlsContext> context;
  TlsReport report;
};
Made make(const TlsOptions& options, const MemoryPem& files = {}) {
  Made made;
  made.context = TlsContext::make(options, "a", files, made.report);
  return made;
}

void expect_error(const Made& made, Setting setting, const std::string& text) {
  EXPECT_EQ(made.context, nullptr);
  ASSERT_EQ(made.report.errors.size(), 1U) << text;
  EXPECT_EQ(made.report.errors[0].setting, setting);
  EXPECT_THAT(made.report.errors[0].text, HasSubstr(text));
}

TEST(TlsContextTest, facts_hold_names_and_dates) {
  const auto made = make(options_of(make_certificate({.names = {"a.example", "*.b.example"}})));
  ASSERT_NE(made.context, nullptr);
  EXPECT_TRUE(made.report.warnings.empty());
  const CertificateFacts facts = made.context->certificates().at(0);
  EXPECT_THAT(facts.names, ElementsAre("a.example", "*.b.example"));
  EXPECT_EQ(facts.key, "EC prime256v1");
  EXPECT_EQ(facts.where, "data:");
  EXPECT_NEAR(static_cast<double>(facts.not_after), static_cast<double>(std::time(nullptr) + 90 * 86'400), 60);
  EXPECT_TRUE(certificate_covers(facts, "A.example"));
  EXPECT_TRUE(certificate_covers(facts, "x.b.example"));
  EXPECT_TRUE(certificate_covers(facts, "*.b.example"));
  EXPECT_FALSE(certificate_covers(facts, "x.y.b.example"));
  EXPECT_FALSE(certificate_covers(facts, "b.example"));
  EXPECT_FALSE(certificate_covers(facts, ".b.example"));
}

TEST(TlsContextTest, missing_and_bad_files_are_named) {
  const TestCertificate certificate = make_certificate();
  TlsOptions options;
  options.certificates = {{"a.pem", "a.key"}};
  expect_error(make(options), Setting::kCertificate, "\"a.pem\": No such file");
  expect_error(make(options, {{{"a.pem", "nothing"}}}), Setting::kCertificate, "no PEM certificate");
  expect_error(make(options, {{{"a.pem", certificate.pem()}}}), Setting::kKey, "\"a.key\": No such file");
  expect_error(make(options, {{{"a.pem", certificate.pem()}, {"a.key", "x"}}}), Setting::kKey, "no PEM private key");
  expect_error(make(options, {{{"a.pem", certificate.pem()}, {"a.key", make_certificate().key_pem()}}}), Setting::kKey,
               "does not belong to certificate");
}

TEST(TlsContextTest, encrypted_key_needs_its_passphrase) {
  const TestCertificate certificate = make_certificate();
  TlsOptions options;
  options.certificates = {{"a.pem", "a.key"}};
  MemoryPem files{{{"a.pem", certificate.pem()}, {"a.key", certificate.encrypted_key_pem("open sesame")}}};
  expect_error(make(options, files), Setting::kKey, "it is encrypted and there is no password file");
  options.password_file = "words";
  expect_error(make(options, files), Setting::kPasswords, "No such file");
  files.files["words"] = "wrong\n";
  expect_error(make(options, files), Setting::kKey, "no passphrase of the password file fits");
  files.files["words"] = "wrong\r\nopen sesame\r\n";
  EXPECT_NE(make(options, files).context, nullptr);
}

TEST(TlsContextTest, settings_that_openssl_refuses_are_errors) {
  const TlsOptions good = options_of(make_certificate());
  TlsOptions bad = good;
  bad.ciphers = "NO-SUCH";
  expect_error(make(bad), Setting::kCiphers, "no cipher");
  bad = good;
  bad.curves = "nowhere";
  expect_error(make(bad), Setting::kCurves, "nowhere");
  bad = good;
  bad.conf_commands = {{"Nonsense", "x"}};
  expect_error(make(bad), Setting::kConfCommand, "no command \"Nonsense\"");
  bad.conf_commands = {{"Ciphersuites", "x"}};
  expect_error(make(bad), Setting::kConfCommand, "does not take");
  bad = good;
  bad.client_certificate = "ca.pem";
  expect_error(make(bad), Setting::kClientCertificate, "ca.pem");
  bad = good;
  bad.dhparam = "dh.pem";
  expect_error(make(bad), Setting::kDhparam, "dh.pem");
  bad = good;
  bad.ticket_key_files = {"t.key"};
  expect_error(make(bad, {{{"t.key", "short"}}}), Setting::kTicketKey, "48 or 80 bytes");
  bad = good;
  bad.verify_client = VerifyClient::kOn;
  bad.crl = "x.crl";
  expect_error(make(bad, {{{"x.crl", "no"}}}), Setting::kCrl, "no PEM CRL");
}

TEST(TlsContextTest, doubtful_certificates_are_warnings) {
  const auto warnings = [](const TlsOptions& options) {
    const auto made = make(options);
    EXPECT_NE(made.context, nullptr);
    return made.report.warnings.empty() ? std::string() : made.report.warnings[0].text;
  };
  EXPECT_THAT(warnings(options_of(make_certificate({.until_s = -60}))), HasSubstr("has expired"));
  EXPECT_THAT(warnings(options_of(make_certificate({.from_s = 3600}))), HasSubstr("not valid yet"));
  const TestCertificate authority = make_certificate({.names = {"CA"}, .authority = true});
  const TestCertificate leaf = make_certificate({.issuer = &authority});
  TlsOptions options;
  options.certificates = {{"data:" + leaf.pem() + authority.pem(), "data:" + leaf.key_pem()}};
  EXPECT_EQ(warnings(options), "");
  options.certificates = {{"data:" + leaf.pem() + make_certificate().pem(), "data:" + leaf.key_pem()}};
  EXPECT_THAT(warnings(options), HasSubstr("out of order"));
  const TestCertificate old = make_certificate({.names = {"CA"}, .authority = true, .until_s = -60});
  const TestCertificate young = make_certificate({.issuer = &old});
  options.certificates = {{"data:" + young.pem() + old.pem(), "data:" + young.key_pem()}};
  EXPECT_THAT(warnings(options), HasSubstr("certificate 2 of its chain has expired"));
  EXPECT_THAT(warnings(options_of(make_certificate({.curve = "P-224"}))), HasSubstr("weak key (EC secp224r1)"));
}

TEST(TlsContextTest, later_certificate_of_a_key_type_takes_the_place) {
  const TestCertificate authority = make_certificate({.names = {"CA"}, .authority = true});
  const TestCertificate first = make_certificate({.names = {"first.test"}, .issuer = &authority});
  const TestCertificate second = make_certificate({.names = {"second.test"}});
  const TestCertificate rsa = make_certificate({.names = {"rsa.test"}, .rsa_bits = 2048});
  TlsOptions options;
  options.certificates = {{"first.pem", "first.key"}, {"rsa.pem", "rsa.key"}, {"second.pem", "second.key"}};
  const auto made = make(options, MemoryPem{{{"first.pem", first.pem() + authority.pem()},
                                             {"first.key", first.key_pem()},
                                             {"rsa.pem", rsa.pem()},
                                             {"rsa.key", rsa.key_pem()},
                                             {"second.pem", second.pem()},
                                             {"second.key", second.key_pem()}}});
  ASSERT_NE(made.context, nullptr);
  ASSERT_EQ(made.report.warnings.size(), 1U);
  EXPECT_EQ(made.report.warnings[0].index, 2U);
  EXPECT_THAT(made.report.warnings[0].text, HasSubstr("takes the place of \"first.pem\""));
  EXPECT_FALSE(made.context->covers("first.test")) << "it is never shown";
  EXPECT_TRUE(made.context->covers("second.test"));
  EXPECT_TRUE(made.context->covers("rsa.test"));
  SSL* ssl = made.context->make_ssl();
  STACK_OF(X509)* chain = nullptr;
  ASSERT_EQ(SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST), 1);
  do {
    SSL_get0_chain_certs(ssl, &chain);
    EXPECT_LE(sk_X509_num(chain), 0) << "a chain of the other certificate";
  } while (SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT) == 1);
  SSL_free(ssl);
}

TEST(TlsContextTest, conf_commands_bring_back_nothing_broken) {
  const auto with = [](const char* name, const char* value) {
    TlsOptions options = options_of(make_certificate());
    options.ciphers = "ALL:@SECLEVEL=0";
    options.verify_client = VerifyClient::kOptionalNoCa;
    options.conf_commands = {{name, value}};
    return make(options);
  };
  const std::pair<const char*, const char*> without_effect[] = {{"MinProtocol", "TLSv1"},
                                                                {"MinProtocol", "None"},
                                                                {"Options", "UnsafeLegacyRenegotiation"},
                                                                {"Options", "KTLS"},
                                                                {"VerifyMode", "Require"}};
  for (const auto& [name, value] : without_effect) {
    const auto made = with(name, value);
    ASSERT_NE(made.context, nullptr) << name;
    ASSERT_EQ(made.report.warnings.size(), 1U) << name << " " << value;
    EXPECT_EQ(made.report.warnings[0].setting, Setting::kConfCommand);
    EXPECT_THAT(made.report.warnings[0].text, HasSubstr(name));
    SSL* ssl = made.context->make_ssl();
    EXPECT_EQ(SSL_get_min_proto_version(ssl), TLS1_2_VERSION) << name << " " << value;
    EXPECT_EQ(SSL_get_options(ssl) & (SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_ENABLE_KTLS), 0U) << value;
    EXPECT_EQ(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER) << name;
    SSL_free(ssl);
  }
  EXPECT_TRUE(with("MinProtocol", "TLSv1.3").report.warnings.empty());
  expect_error(with("MaxProtocol", "TLSv1.1"), Setting::kConfCommand, "no protocol is left");
}

TEST(TlsContextTest, renewed_context_has_the_new_certificate) {
  const TestCertificate first = make_certificate();
  const TestCertificate second = make_certificate();
  TlsOptions options;
  options.certificates = {{"a.pem", "a.key"}};
  MemoryPem files{{{"a.pem", first.pem()}, {"a.key", first.key_pem()}}};
  const auto made = make(options, files);
  ASSERT_NE(made.context, nullptr);
  EXPECT_THAT(made.context->files(), ElementsAre("a.key", "a.pem"));
  const std::string before = made.context->certificates()[0].serial;
  files.files["a.pem"] = second.pem();
  TlsReport report;
  EXPECT_FALSE(made.context->renew(files, report));  // half of it: the key is still the old one
  EXPECT_THAT(report.errors.at(0).text, HasSubstr("does not belong"));
  EXPECT_EQ(made.context->certificates()[0].serial, before);
  files.files["a.key"] = second.key_pem();
  EXPECT_TRUE(made.context->renew(files, report));
  EXPECT_NE(made.context->certificates()[0].serial, before);
}

TEST(TicketKeysTest, ring_goes_on_in_another_process) {
  TicketKeys before, after, fixed;
  const auto first = before.current(1000);
  const auto second = before.current(1000 + TicketKeys::kRotateAfter);
  after.restore(before.ring());
  EXPECT_EQ(after.current(2000 + TicketKeys::kRotateAfter)->name, second->name);
  EXPECT_TRUE(after.find(first->name.data(), 2000 + TicketKeys::kRotateAfter));
  EXPECT_NE(after.current(1000 + 2 * TicketKeys::kRotateAfter)->name, second->name) << "and rotates in time";
  fixed.add_fixed(*first);
  EXPECT_TRUE(fixed.ring().keys.empty()) << "an operator's file is not handed on";
  fixed.restore(before.ring());
  EXPECT_EQ(fixed.size(), 1U);
  after.restore({});
  EXPECT_GT(after.size(), 0U);
}

TEST(TicketKeysTest, own_keys_rotate_and_are_forgotten) {
  TicketKeys keys;
  const auto first = keys.current(1000);
  ASSERT_TRUE(first);
  EXPECT_EQ(keys.current(1000 + TicketKeys::kRotateAfter - 1)->name, first->name);
  const MonoMs later = 1000 + TicketKeys::kRotateAfter;
  EXPECT_NE(keys.current(later)->name, first->name);
  ASSERT_TRUE(keys.find(first->name.data(), later));
  EXPECT_FALSE(keys.find(first->name.data(), later)->newest);
  EXPECT_TRUE(keys.find(keys.current(later)->name.data(), later)->newest);
  for (int hour = 2; hour <= 25; ++hour) (void)keys.current(1000 + hour * TicketKeys::kRotateAfter);
  EXPECT_EQ(keys.size(), TicketKeys::kMostOwn);
  EXPECT_FALSE(keys.find(first->name.data(), 1000 + 25 * TicketKeys::kRotateAfter));
  EXPECT_EQ(keys.size(), TicketKeys::kMostOwn);
}

TEST(TicketKeysTest, keys_are_forgotten_after_an_idle_day) {
  TicketKeys keys;
  const auto first = keys.current(0);
  EXPECT_FALSE(keys.find(first->name.data(), 26 * TicketKeys::kRotateAfter));
  EXPECT_EQ(keys.size(), 1U);
}

TEST(TicketKeysTest, fixed_keys_stay) {
  TicketKeys keys;
  std::string file(80, 'k');
  keys.add_fixed(*TicketKeys::parse(file));
  const auto key = keys.current(1'000'000'000);
  EXPECT_EQ(key->name[0], 'k');
  EXPECT_EQ(keys.size(), 1U);
  const auto shorter = TicketKeys::parse(std::string(48, 's'));
  EXPECT_EQ(shorter->cipher_bytes, 16);
  EXPECT_FALSE(TicketKeys::parse("x"));
}

TEST(TlsSessionCacheTest, oldest_sessions_make_room_and_old_ones_expire) {
  TlsSessionCache cache(TlsSessionCache::kShards * 4 * (TlsSessionCache::kOverhead + 132));
  for (int i = 0; i < 1000; ++i) cache.put(std::string(32, 'i') + std::to_string(i), std::string(90, 's'), 1000);
  EXPECT_LE(cache.size(), TlsSessionCache::kShards * 4);
  EXPECT_GE(cache.size(), TlsSessionCache::kShards * 2);
  cache.put("id", "session", 1000);
  EXPECT_EQ(cache.find("id", 999), "session");
  EXPECT_EQ(cache.find("id", 1000), std::nullopt);
  EXPECT_EQ(cache.find("id", 0), std::nullopt);
  cache.put("id", "a", 1000);
  cache.put("id", "b", 1000);
  EXPECT_EQ(cache.find("id", 0), "b");
  cache.remove("id");
  EXPECT_EQ(cache.find("id", 0), std::nullopt);
  cache.put("large", std::string(100'000, 'x'), 1000);
  EXPECT_EQ(cache.find("large", 0), std::nullopt);
}

// Resumption by id: TLS 1.2 without tickets.
TEST(TlsSessionCacheTest, client_resumes_by_id_with_another_context) {
  Loop loop;
  TlsOptions options = options_of(make_certificate());
  options.tickets = false;
  options.cache = TlsSessionCacheKind::kShared;
  const auto cache = std::make_shared<TlsSessionCache>(1 << 20);
  SSL_SESSION* session = nullptr;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (int round = 0; round < 2; ++round) {
      const auto context = context_of(options);
      context->share(std::make_shared<TicketKeys>(), cache);
      auto [ours, theirs] = socket_pair(true);
      TlsClient client(std::move(theirs), {.most_version = version, .session = session});
      TlsServer server(loop, std::move(ours), *context);
      int done = 0;
      const MonoMs end = monotonic_ms() + 10'000;
      while ((done == 0 || server.state == TlsHandshake::State::kMore) && monotonic_ms() < end) {
        if (done == 0) done = client.step();
        loop.turn(false);
      }
      ASSERT_EQ(server.state, TlsHandshake::State::kDone);
      ASSERT_EQ(send(*server.transport, "x"), 0);
      while (client.read_some().empty() && monotonic_ms() < end) loop.turn(false);
      EXPECT_EQ(client.resumed(), round == 1) << version;
      if (client.session == nullptr) continue;  // it goes on with the one that it resumed
      SSL_SESSION_free(session);
      session = SSL_SESSION_dup(client.session);
    }
    SSL_SESSION_free(std::exchange(session, nullptr));
  }
}

TEST(TlsContextTest, missing_certificate_may_come_later_and_stays) {
  const TestCertificate certificate = make_certificate();
  TlsOptions options;
  options.certificates = {{"a.pem", "a.pem", "", true}};
  const Made made = make(options);
  ASSERT_NE(made.context, nullptr);
  EXPECT_TRUE(made.report.errors.empty());
  EXPECT_EQ(made.report.warnings.size(), 1U);
  EXPECT_FALSE(made.context->ready());
  EXPECT_FALSE(made.context->covers("weir.test"));
  TlsReport report;
  EXPECT_TRUE(made.context->renew(MemoryPem{{{"a.pem", certificate.pem() + certificate.key_pem()}}}, report));
  EXPECT_TRUE(made.context->ready());
  EXPECT_TRUE(made.context->covers("weir.test"));
  // Once there is one, a broken one does not take its place.
  EXPECT_FALSE(made.context->renew(MemoryPem{{{"a.pem", "broken"}}}, report));
  EXPECT_TRUE(made.context->ready());
}

}  // namespace
}  // namespace weir::io::test
