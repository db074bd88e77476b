// Exchanges with peers over TLS, between byte streams: whom a request reaches, what is kept, what is forgotten, what
// fails.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls_peer_context.h"
#include "proxy/core.h"
#include "rig.h"
#include "unit/tls_certificates.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

using weir::test::make_certificate;
using weir::test::TestCertificate;

const TestCertificate& authority() {
  static const TestCertificate made = make_certificate({.names = {"CA"}, .authority = true});
  return made;
}

std::shared_ptr<const io::TlsPeerContext> trusting(const TestCertificate& certificate) {
  io::TlsPeerOptions options;
  options.trusted_certificate = "data:" + certificate.pem();
  io::TlsReport report;
  return io::TlsPeerContext::make(
      options, [](const std::string&) { return Result<std::string>(Unexpected{std::string("none")}); }, report);
}

// The far end of a wire: an OpenSSL server.
class Node {
 public:
  Node() : context_(SSL_CTX_new(TLS_server_method())) {
    static const TestCertificate certificate = make_certificate({.names = {"node.test"}, .issuer = &authority()});
    SSL_CTX_use_certificate(context_, certificate.certificate.get());
    SSL_CTX_use_PrivateKey(context_, certificate.key.get());
    SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("n"), 1);
  }
  ~Node() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void ask_for_certificates() {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  void begin() {
    SSL_free(ssl_);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
    plain.clear();
  }
  // Takes what came; what it has to say to that.
  std::string turn(const std::string& came) {
    ERR_clear_error();
    if (!came.empty()) BIO_write(SSL_get_rbio(ssl_), came.data(), static_cast<int>(came.size()));
    SSL_do_handshake(ssl_);
    char some[4096];
    for (int n = 0; (n = SSL_read(ssl_, some, sizeof some)) > 0;) plain.append(some, static_cast<size_t>(n));
    return take();
  }
  std::string say(std::string_view bytes) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    return take();
  }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }

  std::string plain;  // of this connection

 private:
  std::string take() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &data);
    std::string out(data, static_cast<size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl_));
    return out;
  }
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

class TlsPeersTest : public Rig {
 protected:
  void serve_tls(const std::function<void(Location&)>& tune = {}) {
    serve([&](sim::SiteMaker& maker, int app) {
      Location& location = maker.proxied("/", app);
      location.pass->tls = true;
      location.tls.context = context_;
      location.tls.name = route::Template::literal("node.test");
      if (tune) tune(location);
    });
  }
  // What weir has sent goes to the node, and its answer back.
  void pass(sim::Wire& wire) {
    for (int i = 0; i < 4; ++i) {
      const std::string back = node_.turn(std::exchange(wire.outbound, {}));
      if (!back.empty()) tell(wire, back);
    }
  }
  // The next connect succeeds, and both shake hands.
  sim::Wire& shake() {
    sim::Wire& wire = peer();
    node_.begin();
    pass(wire);
    return wire;
  }
  sim::Wire& answered_once() {
    connect();
    ask(kGet);
    sim::Wire& wire = shake();
    tell(wire, node_.say(kOk));
    EXPECT_TRUE(has(answered(), "200 OK"));
    return wire;
  }

  std::shared_ptr<const io::TlsPeerContext> context_ = trusting(authority());
  Node node_;
};

TEST_F(TlsPeersTest, request_goes_out_encrypted_and_its_connection_stays) {
  serve_tls();
  state("app/10.0.0.2:13000").admin_down = true;
  sim::Wire& wire = answered_once();
  EXPECT_TRUE(node_.plain.starts_with("GET /a HTTP/1.1\r\n"));
  ask(kGet);
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_FALSE(has(wire.outbound, "GET"));
  node_.plain.clear();
  pass(wire);
  EXPECT_TRUE(node_.plain.starts_with("GET /a HTTP/1.1\r\n"));
  tell(wire, node_.say(kOk));
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_EQ(world_.count(observe::Counter::kUpstreamHandshakes), 1U);
  EXPECT_EQ(world_.count(observe::Counter::kUpstreamReuses), 1U);
}

TEST_F(TlsPeersTest, session_goes_on_in_the_next_connection) {
  serve_tls([](Location& location) { location.close_upstream = true; });
  answered_once();
  for (int i = 0; i < 2; ++i) {  // to the other peer, and to the first again
    ask(kGet);
    sim::Wire& wire = shake();
    tell(wire, node_.say(kOk));
    EXPECT_EQ(node_.resumed(), i == 1);
  }
  EXPECT_EQ(world_.count(observe::Counter::kUpstreamHandshakesResumed), 1U);
}

TEST_F(TlsPeersTest, connect_and_handshake_share_a_deadline) {
  serve_tls([](Location& location) { location.connect_timeout = Millis(2000); });
  connect();
  ask(kGet);
  world_.advance(1500);
  sim::Wire& wire = peer();
  world_.advance(499);
  EXPECT_FALSE(wire.closed);
  world_.advance(2);
  EXPECT_TRUE(wire.closed);
  ASSERT_EQ(world_.connecting.size(), 1U);  // another peer is asked
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.2", 13000));
}

TEST_F(TlsPeersTest, unverified_peer_is_blamed_and_gets_nothing) {
  serve_tls([](Location& location) { location.tls.name = route::Template::literal("other.test"); });
  connect();
  ask(kGet);
  for (int i = 0; i < 2; ++i) {
    sim::Wire& wire = shake();
    EXPECT_TRUE(wire.closed);
    EXPECT_EQ(node_.plain, "");
  }
  EXPECT_TRUE(has(answered(), "502 Bad Gateway"));
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.failures, 1U);
  EXPECT_EQ(world_.count(observe::Counter::kUpstreamHandshakesFailed), 2U);
}

TEST_F(TlsPeersTest, alert_behind_the_handshake_is_a_failure_of_tls) {
  node_.ask_for_certificates();
  serve_tls();
  connect();
  ask(kGet);
  EXPECT_TRUE(shake().closed);
  EXPECT_TRUE(shake().closed);  // GET may go elsewhere
  EXPECT_TRUE(has(answered(), "502 Bad Gateway"));
  EXPECT_EQ(node_.plain, "");
}

TEST_F(TlsPeersTest, name_that_verifies_nothing_reaches_no_peer) {
  serve_tls([](Location& location) { location.tls.name = *route::Template::compile("$arg_name", {}); });
  connect();
  ask("GET /?name= HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_TRUE(has(answered(), "502 Bad Gateway"));
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.failures, 0U);
  ask("GET /?name=node.test HTTP/1.1\r\nHost: app.test\r\n\r\n");
  sim::Wire& wire = shake();
  tell(wire, node_.say(kOk));
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(TlsPeersTest, reload_keeps_connections_on_equal_terms_alone) {
  serve_tls();
  state("app/10.0.0.2:13000").admin_down = true;
  sim::Wire& wire = answered_once();
  context_ = trusting(authority());
  serve_tls();
  world_.turn();
  EXPECT_FALSE(wire.closed);
  ask(kGet);
  pass(wire);
  tell(wire, node_.say(kOk));
  EXPECT_TRUE(has(answered(), "200 OK"));
  context_ = trusting(make_certificate({.names = {"another CA"}, .authority = true}));
  serve_tls();
  world_.turn();
  EXPECT_TRUE(wire.closed);
  ask(kGet);
  EXPECT_TRUE(shake().closed);
  EXPECT_EQ(world_.core->pool().groups(), 1U);
}

TEST_F(TlsPeersTest, check_that_fails_closes_idle_connections) {
  serve_tls();
  sim::Wire& wire = answered_once();
  world_.core->peer_down(state("app/10.0.0.1:13000"));
  EXPECT_TRUE(wire.closed);
}

TEST_F(TlsPeersTest, names_that_are_remembered_are_bounded) {
  serve_tls();
  Epoch& epoch = world_.core->epoch();
  WorkerCluster& cluster = epoch.cluster(0);
  const auto slot = [&](size_t i) {
    return &epoch.tls_peers(cluster, context_->terms(), "n" + std::to_string(i)).slot(0);
  };
  const upstream::Slot* first = slot(0);
  for (size_t i = 1; i < Epoch::kMostTlsNames; ++i) slot(i);
  const size_t most = cluster.pooled.group().slots();
  EXPECT_EQ(most, 2 * (Epoch::kMostTlsNames + 1));  // in clear too
  EXPECT_EQ(slot(0), first);
  slot(Epoch::kMostTlsNames);  // for the one that was used longest ago
  EXPECT_EQ(cluster.pooled.group().slots(), most);
  EXPECT_EQ(slot(0), first);
}

}  // namespace
}  // namespace weir::proxy
