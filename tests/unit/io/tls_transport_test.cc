// TLS over a socket with a client of OpenSSL: handshakes, bytes both ways, endings, back-pressure, closing anywhere.
#include <gtest/gtest.h>

#include <csignal>

#include "io/tls_tickets.h"
#include "unit/io/tls_client.h"

namespace weir::io::test {
namespace {

const bool kSigpipeIgnored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;

std::string pattern(size_t n) {
  std::string out(n, '\0');
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>('a' + (i * 31 + i / 251) % 26);
  return out;
}

const TestCertificate& usual() {
  static const TestCertificate certificate = make_certificate();
  return certificate;
}

class TlsTransportTest : public testing::TestWithParam<int> {
 protected:
  void connect(const TlsContext& context, TlsClient::Wish wish = {}) {
    if (wish.most_version == TLS1_3_VERSION) wish.most_version = GetParam();
    auto [ours, theirs] = socket_pair(true);
    client_ = std::make_unique<TlsClient>(std::move(theirs), wish);
    server_ = std::make_unique<TlsServer>(loop_, std::move(ours), context);
  }
  // Both sides take turns until `done`, for ten seconds.
  bool until(const std::function<bool()>& done) {
    const MonoMs end = monotonic_ms() + 10'000;
    while (!done()) {
      if (monotonic_ms() > end) return false;
      loop_.turn(false);
    }
    return true;
  }
  bool shake() {
    int client = 0;
    return until([&] {
             if (client == 0) client = client_->step();
             return client < 0 || server_->state == TlsHandshake::State::kFailed ||
                    (client == 1 && server_->state == TlsHandshake::State::kDone);
           }) &&
           client == 1 && server_->state == TlsHandshake::State::kDone;
  }
  bool open(TlsClient::Wish wish = {}) {
    context_ = context_of(options_);
    if (context_ == nullptr) return false;
    context_->share(tickets_, nullptr);
    connect(*context_, std::move(wish));
    return shake();
  }
  Transport& transport() { return *server_->transport; }
  Recorder& recorder() { return server_->recorder; }

  Loop loop_;
  TlsOptions options_ = options_of(usual());
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>();
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<TlsClient> client_;
  std::unique_ptr<TlsServer> server_;
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsTransportTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& v) { return std::string(v.param == TLS1_2_VERSION ? "tls12" : "tls13"); });

TEST_P(TlsTransportTest, echoes) {
  ASSERT_TRUE(open());
  recorder().when_read = [&] { EXPECT_EQ(send(transport(), recorder().bytes), 0); };
  ASSERT_TRUE(client_->write("hello"));
  std::string back;
  EXPECT_TRUE(until([&] { return (back += client_->read_some()).size() >= 5; }));
  EXPECT_EQ(back, "hello");
  EXPECT_EQ(transport().bytes_sent(), 5U);
  EXPECT_EQ(server_->facts->protocol, std::string(GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
  EXPECT_EQ(server_->facts->cipher, std::string(SSL_get_cipher_name(client_->ssl)));
  EXPECT_FALSE(server_->facts->ciphers.empty());
  EXPECT_FALSE(server_->facts->curves.empty());
  EXPECT_EQ(server_->facts->client, nullptr);
}

TEST_P(TlsTransportTest, request_behind_the_handshake_is_early) {
  if (GetParam() != TLS1_3_VERSION) GTEST_SKIP() << "a TLS 1.2 client waits for the server's last word";
  context_ = context_of(options_);
  connect(*context_);
  // The client's last flight and its first bytes lie in one read.
  EXPECT_EQ(client_->step(), 0);
  EXPECT_TRUE(until([&] { return client_->step() == 1; }));
  ASSERT_TRUE(client_->write("GET"));
  SSL_shutdown(client_->ssl);
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
  EXPECT_EQ(recorder().bytes, "GET");
}

TEST_P(TlsTransportTest, read_of_many_records_is_one_call) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client_->write("0123456789"));
  EXPECT_TRUE(until([&] { return recorder().bytes.size() == 200; }));
  EXPECT_LE(recorder().reads, 3);
}

TEST_P(TlsTransportTest, reads_only_while_wanted) {
  ASSERT_TRUE(open());
  transport().want_read(false);
  ASSERT_TRUE(client_->write("early"));
  for (int i = 0; i < 3; ++i) loop_.turn(false);
  EXPECT_EQ(recorder().bytes, "");
  transport().want_read(true);
  EXPECT_TRUE(until([&] { return recorder().bytes == "early"; }));
}

TEST_P(TlsTransportTest, uploads_a_large_body) {
  ASSERT_TRUE(open());
  const std::string body = pattern(3 << 20);
  size_t at = 0;
  EXPECT_TRUE(until([&] {
    while (at < body.size()) {
      size_t n = 0;
      ERR_clear_error();
      if (SSL_write_ex(client_->ssl, body.data() + at, std::min<size_t>(16000, body.size() - at), &n) != 1) break;
      at += n;
    }
    return recorder().bytes.size() == body.size();
  }));
  EXPECT_EQ(recorder().bytes, body);
}

TEST_P(TlsTransportTest, sends_a_large_body_to_a_slow_reader) {
  ASSERT_TRUE(open());
  const std::string body = pattern(8 << 20);
  constexpr size_t kHigh = 128 << 10;
  size_t offered = 0;
  size_t most = 0;
  const auto fill = [&] {
    while (offered < body.size() && transport().queued() < kHigh) {
      const std::string_view piece = std::string_view(body).substr(offered, 50'000);
      ASSERT_EQ(send(transport(), piece), 0);
      offered += piece.size();
      most = std::max(most, transport().queued());
    }
  };
  recorder().when_sent = fill;
  fill();
  std::string got;
  EXPECT_TRUE(until([&] {
    got += client_->read_some();
    return got.size() >= body.size();
  }));
  EXPECT_EQ(got, body);
  EXPECT_LE(most, kHigh + 51'000);
  EXPECT_EQ(transport().bytes_sent(), body.size());
}

TEST_P(TlsTransportTest, records_grow_once_the_connection_is_warm) {
  ASSERT_TRUE(open());
  ASSERT_EQ(send(transport(), pattern(200'000)), 0);
  size_t got = 0;
  EXPECT_TRUE(until([&] { return (got += client_->read_some().size()) >= 200'000; }));
  EXPECT_EQ(client_->first, 4096);
  EXPECT_EQ(client_->largest, 16384);
}

TEST_P(TlsTransportTest, record_is_no_larger_than_the_option) {
  options_.record_bytes = 2000;
  ASSERT_TRUE(open());
  ASSERT_EQ(send(transport(), pattern(50'000)), 0);
  size_t got = 0;
  EXPECT_TRUE(until([&] { return (got += client_->read_some().size()) >= 50'000; }));
  EXPECT_EQ(client_->largest, 2000);
}

TEST_P(TlsTransportTest, small_pieces_share_a_record) {
  ASSERT_TRUE(open());
  const std::string_view pieces[] = {"HTTP/1.1 200 OK\r\n", "", "Content-Length: 2\r\n\r\n", "ok"};
  ASSERT_EQ(transport().send(pieces, 4), 0);
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client_->read_some()).ends_with("ok"); }));
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(client_->records, 1);
}

TEST_P(TlsTransportTest, close_notify_of_the_client_is_its_end) {
  ASSERT_TRUE(open());
  client_->read_some();  // a ticket that is unread would make the close a reset
  ASSERT_TRUE(client_->write("last"));
  SSL_shutdown(client_->ssl);
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
  EXPECT_EQ(recorder().order, (std::vector<std::string>{"read", "eof"}));
  client_->fd.close();
  for (int i = 0; i < 3; ++i) loop_.turn(false);
  EXPECT_EQ(recorder().eofs, 1);
  EXPECT_EQ(recorder().errors, 0);
}

TEST_P(TlsTransportTest, end_waits_for_a_reader) {
  ASSERT_TRUE(open());
  recorder().when_read = [&] { transport().want_read(false); };
  ASSERT_TRUE(client_->write("last"));
  SSL_shutdown(client_->ssl);
  EXPECT_TRUE(until([&] { return recorder().reads == 1; }));
  for (int i = 0; i < 3; ++i) loop_.turn(false);
  EXPECT_EQ(recorder().eofs, 0);
  transport().want_read(true);
  EXPECT_EQ(recorder().eofs, 0);  // never from inside a call
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
}

TEST_P(TlsTransportTest, cut_without_close_notify_is_an_end) {
  ASSERT_TRUE(open());
  client_->read_some();  // a ticket that is unread would make it a reset
  client_->fd.close();
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
}

TEST_P(TlsTransportTest, reset_of_the_client_is_an_error) {
  ASSERT_TRUE(open());
  client_->fd.reset();
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
}

TEST_P(TlsTransportTest, reset_behind_an_end_is_an_error) {
  ASSERT_TRUE(open());
  client_->read_some();
  ASSERT_EQ(send(transport(), pattern(16 << 20)), 0);  // more than the socket takes
  ::shutdown(client_->fd.get(), SHUT_WR);
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
  EXPECT_EQ(recorder().errors, 0);
  client_->fd.reset();
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
  EXPECT_EQ(recorder().eofs, 1);
}

TEST_P(TlsTransportTest, half_closed_transport_still_reads) {
  ASSERT_TRUE(open());
  ASSERT_EQ(send(transport(), "answer"), 0);
  transport().shutdown_write();
  std::string got;
  EXPECT_TRUE(until([&] {
    got += client_->read_some();
    return client_->closed;
  }));
  EXPECT_EQ(got, "answer");
  ASSERT_TRUE(client_->write("more"));
  EXPECT_TRUE(until([&] { return recorder().bytes == "more"; }));
  EXPECT_LT(send(transport(), "late"), 0);
}

TEST_P(TlsTransportTest, closed_transport_sends_close_notify) {
  ASSERT_TRUE(open());
  transport().close();
  EXPECT_TRUE(until([&] {
    client_->read_some();
    return client_->closed;
  }));
}

TEST_P(TlsTransportTest, reset_transport_sends_no_close_notify) {
  ASSERT_TRUE(open());
  client_->read_some();
  transport().reset();
  EXPECT_TRUE(until([&] { return client_->fd.read_error() == ECONNRESET; }));
  client_->read_some();
  EXPECT_FALSE(client_->closed);
}

TEST_P(TlsTransportTest, corrupt_record_is_an_error_behind_good_ones) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(client_->write("good"));
  client_->fd.write(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
  EXPECT_EQ(recorder().bytes, "good");
  EXPECT_EQ(recorder().code, -EPROTO);
  EXPECT_LT(send(transport(), "late"), 0);
  client_->read_some();
  EXPECT_EQ(client_->reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

TEST_P(TlsTransportTest, handler_may_close_or_destroy_it_anywhere) {
  for (const bool destroy : {false, true}) {
    for (int where = 0; where < 3; ++where) {
      ASSERT_TRUE(open());
      const auto end = [&] { destroy ? server_->transport.reset() : server_->transport->close(); };
      if (where == 0) recorder().when_read = end;
      if (where == 1) recorder().when_eof = end;
      if (where == 2) recorder().when_error = end;
      ASSERT_TRUE(client_->write("x"));
      if (where == 1) SSL_shutdown(client_->ssl);
      if (where == 2) client_->fd.write("garbage, garbage, garbage");
      const int before = recorder().events();
      EXPECT_TRUE(until([&] { return server_->transport == nullptr || server_->transport->closed(); }));
      const int after = recorder().events();
      EXPECT_GT(after, before);
      for (int i = 0; i < 3; ++i) loop_.turn(false);
      EXPECT_EQ(recorder().events(), after);
    }
  }
}

TEST_P(TlsTransportTest, renegotiation_is_refused) {
  if (GetParam() != TLS1_2_VERSION) GTEST_SKIP() << "TLS 1.3 has none";
  ASSERT_TRUE(open());
  ASSERT_EQ(SSL_renegotiate(client_->ssl), 1);
  client_->step();
  EXPECT_TRUE(until([&] { return client_->step() < 0; }));
  EXPECT_EQ(client_->reason, SSL_R_NO_RENEGOTIATION);
}

TEST_P(TlsTransportTest, key_update_is_answered) {
  if (GetParam() != TLS1_3_VERSION) GTEST_SKIP() << "TLS 1.2 has none";
  ASSERT_TRUE(open());
  ASSERT_EQ(SSL_key_update(client_->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_TRUE(client_->write("after"));
  EXPECT_TRUE(until([&] { return recorder().bytes == "after"; }));
  ASSERT_EQ(send(transport(), "answer"), 0);
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client_->read_some()) == "answer"; }));
}

TEST_P(TlsTransportTest, ticket_resumes_in_its_own_scope_only) {
  ASSERT_TRUE(open());
  ASSERT_EQ(send(transport(), "x"), 0);
  EXPECT_TRUE(until([&] { return !client_->read_some().empty(); }));
  EXPECT_EQ(client_->sessions, 1);
  EXPECT_FALSE(client_->resumed());
  SSL_SESSION* session = SSL_SESSION_dup(client_->session);
  // A context of the same virtual server: after a reload, or with a renewed certificate.
  options_ = options_of(make_certificate());
  ASSERT_TRUE(open({.session = session}));
  EXPECT_TRUE(client_->resumed());
  EXPECT_TRUE(server_->facts->resumed);
  // Another virtual server.
  context_ = context_of(options_, "b");
  context_->share(tickets_, nullptr);
  connect(*context_, {.session = session});
  ASSERT_TRUE(shake());
  EXPECT_FALSE(client_->resumed());
  SSL_SESSION_free(session);
}

TEST_P(TlsTransportTest, alpn_chooses_http1_and_refuses_others) {
  ASSERT_TRUE(open({.alpn = "\x02h2\x08http/1.1"}));
  EXPECT_EQ(server_->facts->alpn, "http/1.1");
  EXPECT_FALSE(open({.alpn = "\x02h2"}));
  EXPECT_EQ(client_->reason, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST_P(TlsTransportTest, client_certificate_is_known) {
  const TestCertificate authority = make_certificate({.names = {"CA"}, .authority = true});
  const TestCertificate good = make_certificate({.names = {"me"}, .issuer = &authority});
  const TestCertificate stranger = make_certificate({.names = {"stranger"}});
  options_.verify_client = VerifyClient::kOptional;
  options_.client_certificate = "data:" + authority.pem();
  ASSERT_TRUE(open({.certificate = &good}));
  ASSERT_NE(server_->facts->client, nullptr);
  EXPECT_TRUE(server_->facts->verified);
  EXPECT_EQ(server_->facts->client->subject, "CN=me");
  EXPECT_EQ(server_->facts->client->issuer, "CN=CA");
  EXPECT_EQ(server_->facts->client->pem, good.pem());
  ASSERT_TRUE(open({.certificate = &stranger}));  // the first request is answered 400, the handshake goes on
  EXPECT_FALSE(server_->facts->verified);
  EXPECT_TRUE(server_->facts->verify_optional);
  EXPECT_FALSE(server_->facts->verify_error.empty());
  ASSERT_TRUE(open());
  EXPECT_EQ(server_->facts->client, nullptr);
}

TEST_P(TlsTransportTest, handshake_fails_when_nothing_fits) {
  options_.tls12 = GetParam() != TLS1_2_VERSION;
  options_.tls13 = !options_.tls12;
  const int most = GetParam();
  if (most == TLS1_3_VERSION) {
    options_.tls12 = false, options_.tls13 = true;
    EXPECT_FALSE(open({.most_version = TLS1_2_VERSION}));
  } else {
    EXPECT_FALSE(open());
  }
  EXPECT_EQ(client_->reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
  EXPECT_FALSE(server_->handshake.why().empty());
}

TEST_P(TlsTransportTest, malformed_hello_gets_an_alert) {
  context_ = context_of(options_);
  connect(*context_);
  client_->fd.write(std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10));
  EXPECT_TRUE(until([&] { return server_->state == TlsHandshake::State::kFailed; }));
  EXPECT_EQ(client_->fd.read_some().substr(0, 1), "\x15");
}

}  // namespace
}  // namespace weir::io::test
