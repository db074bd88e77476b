// TLS towards a peer: who is taken for it and who is not, what is sent to it, sessions, deadlines, endings.
#include "io/tls_connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>

#include "io/tls_client_hello.h"
#include "io/tls_tickets.h"
#include "unit/io/tls_client.h"

namespace weir::io::test {
namespace {

using testing::HasSubstr;
using weir::test::make_crl;

const bool kSigpipeIgnored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

const TestCertificate& authority() {
  static const TestCertificate made = make_certificate({.names = {"CA"}, .authority = true});
  return made;
}
const TestCertificate& stranger() {
  static const TestCertificate made = make_certificate({.names = {"another CA"}, .authority = true});
  return made;
}
const TestCertificate& usual() {
  static const TestCertificate made = make_certificate({.names = {"node.test"}, .issuer = &authority()});
  return made;
}

TlsPeerOptions trusting(const TestCertificate& certificate) {
  TlsPeerOptions options;
  options.trusted_certificate = "data:" + certificate.pem();
  return options;
}

std::shared_ptr<const TlsPeerContext> context_to(const TlsPeerOptions& options) {
  TlsReport report;
  auto made = TlsPeerContext::make(options, MemoryPem{}, report);
  EXPECT_TRUE(report.errors.empty() || made == nullptr);
  return made;
}

// connect() whose other end is the test's. It succeeds in the next turn.
class PairConnect {
 public:
  std::unique_ptr<Connecting> operator()(Loop& loop, const SocketAddress&, const ConnectOptions&,
                                         Connecting::OnDone done) {
    struct Pending final : Connecting {
      Connecting::OnDone done;
    };
    auto pending = std::make_unique<Pending>();
    pending->done = std::move(done);
    auto [ours, theirs] = socket_pair(true);
    theirs_ = std::move(theirs);
    auto token = std::make_shared<Pending*>(pending.get());
    alive_ = token;
    auto fd = std::make_shared<Fd>(std::move(ours));
    loop.post([&loop, weak = std::weak_ptr(token), fd] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      const auto tell = std::exchange((*self)->done, nullptr);
      tell(make_transport(loop, fd->release()), {});
    });
    return pending;
  }
  Fd take() { return std::move(theirs_); }
  void forget() { alive_.reset(); }

 private:
  Fd theirs_;
  std::shared_ptr<void> alive_;
};

class TlsConnectTest : public testing::TestWithParam<int> {
 protected:
  // Begins; `server_` is the other end unless there is no certificate.
  void begin(const TlsPeerOptions& options, const std::string& name, const TestCertificate* certificate,
             Millis timeout = Millis(20'000), const std::string& preamble = "") {
    begin(context_to(options), name, certificate, timeout, preamble);
  }
  void begin(std::shared_ptr<const TlsPeerContext> context, const std::string& name, const TestCertificate* certificate,
             Millis timeout = Millis(20'000), const std::string& preamble = "") {
    ASSERT_NE(context, nullptr);
    result_.reset();
    connecting_.reset();
    ConnectOptions how;
    how.timeout = timeout;
    connecting_ = connect_tls(loop_, std::ref(pair_), loopback(1), how, {std::move(context), name, sessions_, preamble},
                              [this](TlsConnected result) {
                                connecting_.reset();
                                result_ = std::make_unique<TlsConnected>(std::move(result));
                                if (result_->transport == nullptr) return;
                                result_->transport->set_handler(&recorder_);
                                result_->transport->want_read(true);
                              });
    if (certificate == nullptr) return;
    server_options_.certificates = {{"data:" + certificate->pem() + chain_, "data:" + certificate->key_pem()}};
    server_options_.tls12 = GetParam() == TLS1_2_VERSION;
    server_options_.tls13 = GetParam() == TLS1_3_VERSION;
    server_context_ = context_of(server_options_);
    ASSERT_NE(server_context_, nullptr);
    server_context_->share(tickets_, nullptr);
    Fd theirs = pair_.take();
    server_fd_ = theirs.get();
    server_ = std::make_unique<TlsServer>(loop_, std::move(theirs), *server_context_);
  }
  // What it comes to: kNone where both sides are done.
  ErrorKind outcome() {
    EXPECT_TRUE(until(loop_, [this] { return result_ != nullptr; }));
    if (result_ == nullptr) return ErrorKind::kLocalError;
    if (result_->transport == nullptr) return result_->failure.kind;
    EXPECT_TRUE(until(loop_, [this] { return server_->state != TlsHandshake::State::kMore; }));
    return ErrorKind::kNone;
  }
  ErrorKind outcome_of(const TlsPeerOptions& options, const std::string& name, const TestCertificate& certificate) {
    sessions_ = std::make_shared<TlsPeerSessions>();
    begin(options, name, &certificate);
    return outcome();
  }
  const std::string& why() const { return result_->failure.why; }
  // The peer says a word: its tickets have come by then.
  bool hear() {
    recorder_.bytes.clear();
    EXPECT_EQ(send(*server_->transport, "x"), 0);
    return until(loop_, [this] { return !recorder_.bytes.empty(); });
  }

  Loop loop_;
  PairConnect pair_;
  TlsOptions server_options_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>();
  std::shared_ptr<TlsContext> server_context_;
  std::unique_ptr<TlsServer> server_;
  int server_fd_ = -1;
  std::string chain_;  // behind the server's certificate
  std::shared_ptr<TlsPeerSessions> sessions_ = std::make_shared<TlsPeerSessions>();
  Recorder recorder_;
  std::unique_ptr<TlsConnected> result_;
  std::unique_ptr<Connecting> connecting_;
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsConnectTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& v) { return std::string(v.param == TLS1_2_VERSION ? "tls12" : "tls13"); });

TEST_P(TlsConnectTest, verified_peer_is_spoken_to) {
  ASSERT_EQ(outcome_of(trusting(authority()), "node.test", usual()), ErrorKind::kNone);
  EXPECT_FALSE(result_->resumed);
  EXPECT_EQ(server_->facts->alpn, "http/1.1");
  EXPECT_EQ(server_->facts->client, nullptr);
  EXPECT_EQ(send(*result_->transport, "GET"), 0);
  EXPECT_TRUE(until(loop_, [this] { return server_->recorder.bytes == "GET"; }));
  EXPECT_TRUE(hear());
}

TEST_P(TlsConnectTest, verification_has_a_table_of_refusals) {
  const TestCertificate self = make_certificate({.names = {"node.test"}});
  const TestCertificate expired = make_certificate({.names = {"node.test"}, .issuer = &authority(), .until_s = -60});
  const TestCertificate early = make_certificate({.names = {"node.test"}, .issuer = &authority(), .from_s = 3600});
  const TestCertificate wild = make_certificate({.names = {"*.node.test"}, .issuer = &authority()});
  const TestCertificate address =
      make_certificate({.names = {"x.test"}, .addresses = {"10.0.0.1", "fd00::1"}, .issuer = &authority()});
  TlsPeerOptions with_crl = trusting(authority());
  with_crl.crl = "data:" + make_crl(authority(), {&usual()});
  TlsPeerOptions with_other_crl = trusting(authority());
  with_other_crl.crl = "data:" + make_crl(authority(), {&wild});
  TlsPeerOptions without_crl_of_issuer = trusting(authority());
  without_crl_of_issuer.crl = "data:" + make_crl(stranger(), {});
  TlsPeerOptions nobody = trusting(authority());
  nobody.verify = false;
  const TlsPeerOptions good = trusting(authority());
  struct Row {
    TlsPeerOptions options;
    const char* name;
    const TestCertificate& certificate;
    const char* why;  // null: it is taken
  };
  const Row rows[] = {
      {good, "node.test", usual(), nullptr},
      {good, "NODE.test", usual(), nullptr},
      {good, "other.test", usual(), "hostname mismatch"},
      {good, "a.node.test", usual(), "hostname mismatch"},
      {good, "a.node.test", wild, nullptr},
      {good, "b.a.node.test", wild, "hostname mismatch"},
      {good, "10.0.0.1", address, nullptr},
      {good, "fd00::1", address, nullptr},
      {good, "10.0.0.2", address, "IP address mismatch"},
      {good, "10.0.0.1", usual(), "IP address mismatch"},
      {good, "node.test", self, "self-signed certificate"},
      {trusting(self), "node.test", self, nullptr},
      {trusting(stranger()), "node.test", usual(), "unable to get local issuer certificate"},
      {good, "node.test", expired, "certificate has expired"},
      {good, "node.test", early, "certificate is not yet valid"},
      {with_crl, "node.test", usual(), "certificate revoked"},
      {with_other_crl, "node.test", usual(), nullptr},
      {without_crl_of_issuer, "node.test", usual(), "unable to get certificate CRL"},
      {nobody, "other.test", expired, nullptr},
      {nobody, "", self, nullptr},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.name) + ": " + (row.why != nullptr ? row.why : "taken"));
    const ErrorKind kind = outcome_of(row.options, row.name, row.certificate);
    EXPECT_EQ(kind, row.why == nullptr ? ErrorKind::kNone : ErrorKind::kTlsUnverified);
    if (row.why != nullptr && result_ != nullptr) {
      EXPECT_THAT(why(), HasSubstr(row.why));
      EXPECT_TRUE(sessions_->empty());
    }
  }
}

TEST_P(TlsConnectTest, depth_of_a_chain_is_limited) {
  const TestCertificate first = make_certificate({.names = {"first"}, .issuer = &authority(), .authority = true});
  const TestCertificate second = make_certificate({.names = {"second"}, .issuer = &first, .authority = true});
  const TestCertificate leaf = make_certificate({.names = {"node.test"}, .issuer = &second});
  chain_ = second.pem() + first.pem();
  TlsPeerOptions options = trusting(authority());
  for (const int depth : {2, 1}) {
    options.verify_depth = depth;
    EXPECT_EQ(outcome_of(options, "node.test", leaf), depth == 2 ? ErrorKind::kNone : ErrorKind::kTlsUnverified);
  }
  EXPECT_THAT(why(), HasSubstr("certificate chain too long"));
}

TEST_P(TlsConnectTest, name_is_sent_unless_it_is_an_address) {
  const auto sent = [this](const TlsPeerOptions& options, const std::string& name) {
    begin(options, name, nullptr);
    const Fd peer = pair_.take();
    std::string hello;
    ClientHello read;
    EXPECT_TRUE(until(loop_, [&] {
      hello += peer.read_some();
      read = read_client_hello(hello);
      return read.state == ClientHello::State::kWhole;
    }));
    return read.server_name;
  };
  TlsPeerOptions options = trusting(authority());
  EXPECT_EQ(sent(options, "node.test"), "node.test");
  EXPECT_EQ(sent(options, "10.0.0.1"), "");
  EXPECT_EQ(sent(options, "fd00::1"), "");
  options.server_name = false;
  EXPECT_EQ(sent(options, "node.test"), "");
}

TEST_P(TlsConnectTest, own_certificate_is_shown_to_a_peer) {
  const TestCertificate own = make_certificate({.names = {"weir"}, .issuer = &stranger()});
  server_options_.verify_client = VerifyClient::kOn;
  server_options_.client_certificate = "data:" + stranger().pem();
  TlsPeerOptions options = trusting(authority());
  options.certificate = {"data:" + own.pem(), "data:" + own.key_pem()};
  ASSERT_EQ(outcome_of(options, "node.test", usual()), ErrorKind::kNone);
  ASSERT_NE(server_->facts->client, nullptr);
  EXPECT_EQ(server_->facts->client->subject, "CN=weir");
  EXPECT_TRUE(server_->facts->verified);
}

TEST_P(TlsConnectTest, session_of_a_peer_is_resumed) {
  const auto context = context_to(trusting(authority()));
  begin(context, "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  ASSERT_TRUE(hear());
  ASSERT_FALSE(sessions_->empty());
  begin(context, "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  EXPECT_TRUE(result_->resumed);
  EXPECT_TRUE(server_->facts->resumed);
  ASSERT_TRUE(hear());
  // A reload: the context is another, its terms are not.
  begin(context_to(trusting(authority())), "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  EXPECT_TRUE(result_->resumed);
  // A peer that has forgotten its keys: a full handshake.
  tickets_ = std::make_shared<TicketKeys>();
  begin(context, "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  EXPECT_FALSE(result_->resumed);
}

TEST_P(TlsConnectTest, session_ends_with_its_time_and_its_certificate) {
  begin(trusting(authority()), "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  ASSERT_TRUE(hear());
  const auto now = static_cast<int64_t>(std::time(nullptr));
  EXPECT_NE(sessions_->find(now + 200), nullptr);
  EXPECT_EQ(sessions_->find(now + 100'000), nullptr);
  EXPECT_TRUE(sessions_->empty());
  const TestCertificate brief = make_certificate({.names = {"node.test"}, .issuer = &authority(), .until_s = 100});
  begin(trusting(authority()), "node.test", &brief);
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  ASSERT_TRUE(hear());
  EXPECT_NE(sessions_->find(now + 50), nullptr);
  EXPECT_EQ(sessions_->find(now + 200), nullptr);
}

TEST_P(TlsConnectTest, answer_behind_tickets_in_one_read_is_kept) {
  begin(trusting(authority()), "node.test", &usual());
  server_->when_done = [this] {
    if (GetParam() == TLS1_3_VERSION) send(*server_->transport, "answer");
  };
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  if (GetParam() == TLS1_2_VERSION) send(*server_->transport, "answer");
  EXPECT_TRUE(until(loop_, [this] { return recorder_.bytes == "answer"; }));
}

TEST_P(TlsConnectTest, bytes_in_front_of_the_handshake_make_it_fail) {
  begin(trusting(authority()), "node.test", nullptr);
  const Fd peer = pair_.take();
  peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(until(loop_, [this] { return result_ != nullptr; }));
  EXPECT_EQ(result_->failure.kind, ErrorKind::kTlsFailed);
  EXPECT_THAT(why(), HasSubstr("wrong version number"));
  EXPECT_EQ(recorder_.bytes, "");
}

TEST_P(TlsConnectTest, peer_that_goes_inside_the_handshake_has_failed) {
  for (const bool reset : {false, true}) {
    begin(trusting(authority()), "node.test", nullptr);
    Fd peer = pair_.take();
    ASSERT_TRUE(until(loop_, [&] { return !peer.read_some().empty(); }));
    reset ? peer.reset() : peer.close();
    ASSERT_TRUE(until(loop_, [this] { return result_ != nullptr; }));
    EXPECT_EQ(result_->failure.kind, ErrorKind::kTlsFailed);
    EXPECT_THAT(why(), HasSubstr("inside the handshake"));
  }
}

TEST_P(TlsConnectTest, silent_peer_is_given_up_in_time) {
  begin(trusting(authority()), "node.test", nullptr, Millis(30));
  const Fd peer = pair_.take();
  ASSERT_TRUE(until(loop_, [this] { return result_ != nullptr; }));
  EXPECT_EQ(result_->failure.kind, ErrorKind::kConnectTimeout);
  EXPECT_TRUE(until(loop_, [&] { return peer.read_some().empty() && peer.at_end(); }));
}

TEST_P(TlsConnectTest, preamble_stands_in_front_of_the_hello) {
  begin(trusting(authority()), "node.test", nullptr, Millis(20'000), "PROXY UNKNOWN\r\n");
  const Fd peer = pair_.take();
  std::string got;
  ASSERT_TRUE(until(loop_, [&] { return (got += peer.read_some()).size() > 20; }));
  EXPECT_TRUE(got.starts_with("PROXY UNKNOWN\r\n\x16\x03")) << got;
}

TEST_P(TlsConnectTest, cancelled_connect_is_silent) {
  begin(trusting(authority()), "node.test", &usual());
  loop_.turn(false);
  pair_.forget();
  connecting_.reset();
  for (int i = 0; i < 20; ++i) loop_.turn(false);
  EXPECT_EQ(result_, nullptr);
}

TEST_P(TlsConnectTest, cut_of_an_answer_is_no_end_of_it) {
  for (const bool goodbye : {false, true}) {
    begin(trusting(authority()), "node.test", &usual());
    ASSERT_EQ(outcome(), ErrorKind::kNone);
    ASSERT_TRUE(hear());
    recorder_ = {};
    if (goodbye) {
      server_->transport->close();
    } else {
      server_->transport->reset();
    }
    ASSERT_TRUE(until(loop_, [this] { return recorder_.events() > 0; }));
    EXPECT_EQ(recorder_.eofs, goodbye ? 1 : 0);
    EXPECT_EQ(recorder_.errors, goodbye ? 0 : 1);
  }
}

TEST_P(TlsConnectTest, fin_without_a_goodbye_is_an_error) {
  begin(trusting(authority()), "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  ASSERT_TRUE(hear());
  recorder_ = {};
  ::shutdown(server_fd_, SHUT_WR);
  ASSERT_TRUE(until(loop_, [this] { return recorder_.events() > 0; }));
  EXPECT_EQ(recorder_.errors, 1);
  EXPECT_EQ(recorder_.code, -ECONNRESET);
}

TEST_P(TlsConnectTest, unreadable_bytes_behind_the_handshake_are_named) {
  begin(trusting(authority()), "node.test", &usual());
  ASSERT_EQ(outcome(), ErrorKind::kNone);
  ASSERT_TRUE(hear());
  recorder_ = {};
  const std::string_view noise = "HTTP/1.1 200 OK\r\n\r\n";
  ASSERT_GT(::send(server_fd_, noise.data(), noise.size(), 0), 0);
  ASSERT_TRUE(until(loop_, [this] { return recorder_.events() > 0; }));
  EXPECT_EQ(recorder_.code, -EPROTO);
  EXPECT_EQ(recorder_.bytes, "");
  EXPECT_THAT(result_->transport->fault(), HasSubstr("wrong version number"));
}

TEST(TlsPeerContextTest, terms_differ_with_all_that_decides) {
  const TlsPeerOptions good = trusting(authority());
  const auto terms = [](const TlsPeerOptions& options) { return context_to(options)->terms(); };
  EXPECT_EQ(terms(good), terms(trusting(authority())));
  std::vector<TlsPeerOptions> all(11, good);
  all[1].trusted_certificate = "data:" + stranger().pem();
  all[2].verify = false;
  all[3].server_name = false;
  all[4].verify_depth = 9;
  all[5].crl = "data:" + make_crl(authority(), {});
  all[6].certificate = {"data:" + usual().pem(), "data:" + usual().key_pem()};
  all[7].tls12 = false;
  all[8].ciphers = "HIGH";
  all[9].conf_commands = {{"Options", "PrioritizeChaCha"}};
  all[10].trusted_certificate = "";
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(terms(all[i]), terms(all[j])) << i << " " << j;
}

TEST(TlsPeerContextTest, content_of_a_file_decides_not_its_name) {
  MemoryPem files{{{"ca.pem", authority().pem()}, {"same.pem", authority().pem()}}};
  TlsPeerOptions options;
  options.trusted_certificate = "ca.pem";
  TlsReport report;
  const std::string before = TlsPeerContext::make(options, files, report)->terms();
  options.trusted_certificate = "same.pem";
  EXPECT_EQ(TlsPeerContext::make(options, files, report)->terms(), before);
  files.files["same.pem"] = stranger().pem();
  EXPECT_NE(TlsPeerContext::make(options, files, report)->terms(), before);
}

TEST(TlsPeerContextTest, faults_are_named) {
  using Setting = TlsFault::Setting;
  const auto fault = [](const TlsPeerOptions& options, Setting setting, const std::string& text) {
    TlsReport report;
    EXPECT_EQ(TlsPeerContext::make(options, MemoryPem{}, report), nullptr);
    ASSERT_EQ(report.errors.size(), 1U) << text;
    EXPECT_EQ(report.errors[0].setting, setting);
    EXPECT_THAT(report.errors[0].text, HasSubstr(text));
  };
  const TlsPeerOptions good = trusting(authority());
  TlsPeerOptions bad = good;
  bad.trusted_certificate = "ca.pem";
  fault(bad, Setting::kTrustedCertificate, "\"ca.pem\": No such file");
  bad = good;
  bad.crl = "data:no";
  fault(bad, Setting::kCrl, "no PEM CRL");
  bad = good;
  bad.certificate = {"data:" + usual().pem(), "data:" + stranger().key_pem()};
  fault(bad, Setting::kKey, "does not belong to certificate");
  bad = good;
  bad.ciphers = "NO-SUCH";
  fault(bad, Setting::kCiphers, "no cipher");
  bad = good;
  bad.conf_commands = {{"Nonsense", "x"}};
  fault(bad, Setting::kConfCommand, "no command \"Nonsense\"");
}

TEST(TlsPeerContextTest, names_that_verify_nothing_are_refused) {
  TlsPeerOptions options = trusting(authority());
  const auto strict = context_to(options);
  EXPECT_TRUE(strict->takes_name("node.test"));
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\0b", 3), std::string(300, 'a')}) {
    EXPECT_FALSE(strict->takes_name(bad)) << bad;
    EXPECT_EQ(strict->make_ssl(bad, nullptr), nullptr);
  }
  options.verify = false;
  EXPECT_TRUE(context_to(options)->takes_name(""));
}

TEST(TlsPeerContextTest, conf_command_does_not_switch_verification_off) {
  TlsPeerOptions options = trusting(authority());
  options.conf_commands = {{"Options", "UnsafeLegacyRenegotiation"}};
  const auto context = context_to(options);
  ASSERT_NE(context, nullptr);
  SSL* ssl = context->make_ssl("node.test", nullptr);
  ASSERT_NE(ssl, nullptr);
  EXPECT_EQ(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
  EXPECT_EQ(SSL_get_options(ssl) & SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION, 0U);
  SSL_free(ssl);
}

}  // namespace
}  // namespace weir::io::test
