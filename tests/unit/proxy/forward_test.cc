// What a peer is told about the client, what the client is told about the peer, and what the log says of both.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

int count_of(std::string_view text, std::string_view what) {
  int n = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

class ForwardTest : public Rig {
 protected:
  // What the peer gets for that request.
  std::string forwarded(const std::string& request, const std::string& from = "192.0.2.1") {
    connect(from);
    ask(request);
    return peer().outbound;
  }
  std::string with(const std::string& fields) { return "GET /a HTTP/1.1\r\nHost: App.Test:8080\r\n" + fields + "\r\n"; }
  void serve_trusting() {
    serve([](sim::SiteMaker& maker, int app) {
      maker.server().fallback.real_ip.trusted = {*Cidr::parse("10.0.0.0/8")};
      maker.server().fallback.real_ip.header = "X-Forwarded-For";
      maker.server().fallback.real_ip.recursive = true;
      maker.proxied("/", app);
    });
  }
};

TEST_F(ForwardTest, forwarding_fields_name_the_client_and_host) {
  serve_app();
  const std::string head = forwarded(with(""));
  EXPECT_TRUE(has(head, "\r\nHost: App.Test:8080\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Real-IP: 192.0.2.1\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-Proto: http\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-Host: App.Test:8080\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-Port: 8080\r\n"));
}

TEST_F(ForwardTest, forwarding_fields_of_untrusted_clients_are_replaced) {
  serve_app();
  const std::string head = forwarded(
      with("X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n"
           "X-Forwarded-Host: evil\r\n"));
  EXPECT_FALSE(has(head, "6.6.6.6"));
  EXPECT_FALSE(has(head, "https"));
  EXPECT_FALSE(has(head, "evil"));
  EXPECT_EQ(count_of(head, "X-Forwarded-For:"), 1);
}

TEST_F(ForwardTest, trusted_proxy_is_appended_to_forwarded_for) {
  serve_trusting();
  const std::string head = forwarded(with("X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"), "10.1.1.1");
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-For: 198.51.100.7, 10.1.1.1\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Real-IP: 198.51.100.7\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Forwarded-Proto: https\r\n"));
  EXPECT_EQ(count_of(head, "X-Forwarded-Proto"), 1);
}

TEST_F(ForwardTest, hop_by_hop_fields_are_not_forwarded) {
  serve_app();
  const std::string head =
      forwarded(with("Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Other: 2\r\n"));
  EXPECT_FALSE(has(head, "X-Mine"));
  EXPECT_FALSE(has(head, "Keep-Alive"));
  EXPECT_FALSE(has(head, "Connection: close"));
  EXPECT_TRUE(has(head, "\r\nX-Other: 2\r\n"));
}

TEST_F(ForwardTest, names_with_underscores_are_not_forwarded) {
  serve_app();
  EXPECT_FALSE(has(forwarded(with("X_Real_IP: 6.6.6.6\r\n")), "6.6.6.6"));
}

TEST_F(ForwardTest, the_operators_fields_replace_the_clients_and_empty_ones_remove) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.set_headers.push_back(
        {"X-Who", http::HeaderToken::kOther, route::Template::compile("$remote_addr $uri", {}).value(), false});
    location.set_headers.push_back({"Accept-Encoding", http::header_token("Accept-Encoding"), {}, false});
    location.set_headers.push_back({"Host", http::HeaderToken::kHost, route::Template::literal("inner"), false});
  });
  const std::string head = forwarded(with("x-who: me\r\nAccept-Encoding: gzip\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Who: 192.0.2.1 /a\r\n"));
  EXPECT_FALSE(has(head, ": me"));
  EXPECT_FALSE(has(head, "gzip"));
  EXPECT_TRUE(has(head, "\r\nHost: inner\r\n"));
  EXPECT_EQ(count_of(head, "\r\nHost: "), 1);
}

TEST_F(ForwardTest, server_and_date_of_the_peer_are_replaced) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.hide_headers = {"x-powered-by"};
    location.add_headers.push_back(
        {"X-Peer", http::HeaderToken::kOther, route::Template::compile("$upstream_addr", {}).value(), false});
  });
  connect();
  ask(kGet);
  tell(peer(),
       "HTTP/1.1 200 OK\r\nServer: inner\r\nX-Powered-By: x\r\nX-Accel-Expires: 60\r\nX-Kept: 1\r\n"
       "Connection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n");
  const std::string head = answered();
  EXPECT_TRUE(has(head, "\r\nServer: weir\r\n"));
  EXPECT_FALSE(has(head, "inner"));
  EXPECT_FALSE(has(head, "X-Powered-By"));
  EXPECT_FALSE(has(head, "X-Accel"));
  EXPECT_FALSE(has(head, "X-Hop"));
  EXPECT_TRUE(has(head, "\r\nX-Kept: 1\r\n"));
  EXPECT_TRUE(has(head, "\r\nX-Peer: 10.0.0."));
  EXPECT_TRUE(has(head, "\r\nDate: "));
}

TEST_F(ForwardTest, an_http_1_0_client_gets_no_chunks) {
  serve_app();
  connect();
  ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  tell(peer(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  const std::string answer = answered();
  EXPECT_FALSE(has(answer, "chunked"));
  EXPECT_TRUE(has(answer, "\r\nConnection: close\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello"));
  EXPECT_TRUE(client_->closed);
}

TEST_F(ForwardTest, the_log_lists_every_attempt) {
  serve_app();
  connect();
  ask(kGet);
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  tell(peer(), "HTTP/1.1 204 No Content\r\n\r\n");
  const std::vector<std::string> lines = logged();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(0, 10), "1 1 204 OK");
  EXPECT_EQ(count_of(lines[0], ":13000"), 2);
}

}  // namespace
}  // namespace weir::proxy
