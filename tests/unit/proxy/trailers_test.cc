// proxy_pass_trailers: the fields behind a peer's body.
#include <string>

#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";

class TrailersTest : public Rig {
 protected:
  void serve_trailers(bool passes = true) {
    serve([&](sim::SiteMaker& maker, int) {
      const int one = maker.upstream("one", {"10.0.1.1"});
      Location& location = maker.proxied("/", one);
      location.pass_trailers = passes;
      location.hide_headers = {"x-secret"};
      route::VariableNames names;
      location.add_trailers = {
          {"X-Both", http::HeaderToken::kOther, *route::Template::compile("$upstream_trailer_x_sum", names)}};
      Location& old = maker.proxied("/old", one);
      old.pass_trailers = passes;
      old.http10 = true;
    });
    connect();
  }
  // Behind the body of an answer with these lines, in pieces of that size.
  std::string trailers(const std::string& lines, size_t piece = 4096) {
    ask(kGet);
    sim::Wire& node = world_.connecting.empty() ? *peers_.back() : peer();
    const std::string answer = std::string(kChunked) + "0\r\n" + lines + "\r\n";
    for (size_t at = 0; at < answer.size(); at += piece) tell(node, std::string_view(answer).substr(at, piece));
    const std::string text = answered();
    const size_t last = text.find("\r\n0\r\n");
    return last == std::string::npos ? "none: " + text : text.substr(last + 5);
  }
};

TEST_F(TrailersTest, fields_behind_a_body_reach_the_client) {
  serve_trailers();
  for (const size_t piece : {4096U, 1U, 3U})
    EXPECT_EQ(trailers("X-Sum: 1\r\nX-Other:  two \r\n", piece), "X-Sum: 1\r\nX-Other: two\r\nX-Both: 1\r\n\r\n");
  EXPECT_EQ(trailers(""), "\r\n");
  EXPECT_TRUE(has(peers_.back()->outbound, "TE: trailers\r\n"));
  EXPECT_TRUE(has(peers_.back()->outbound, "Connection: TE\r\n"));
}

TEST_F(TrailersTest, lines_may_end_with_a_line_feed) {
  serve_trailers();
  EXPECT_EQ(trailers("X-Sum: 1\nX-Other: 2\n"), "X-Sum: 1\r\nX-Other: 2\r\nX-Both: 1\r\n\r\n");
}

TEST_F(TrailersTest, fields_that_frame_or_are_hidden_do_not_pass) {
  serve_trailers();
  EXPECT_EQ(trailers("Content-Length: 5\r\nTransfer-Encoding: x\r\nTrailer: x\r\nSet-Cookie: a=b\r\nX-Secret: 1\r\n"
                     "Server: node\r\nX-Sum: 1\r\n"),
            "X-Sum: 1\r\nX-Both: 1\r\n\r\n");
}

TEST_F(TrailersTest, no_field_passes_where_it_is_off) {
  serve_trailers(false);
  EXPECT_EQ(trailers("X-Sum: 1\r\n"), "\r\n");
  EXPECT_FALSE(has(peers_.back()->outbound, "TE: "));
}

TEST_F(TrailersTest, old_client_gets_none) {
  serve_trailers();
  ask("GET /a HTTP/1.0\r\n\r\n");
  tell(peer(), std::string(kChunked) + "0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_TRUE(answered().ends_with("\r\n\r\nok"));
}

TEST_F(TrailersTest, answer_with_a_length_keeps_its_framing) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).pass_trailers = true; });
  connect();
  ask(kGet);
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "Content-Length: 2\r\n"));
}

TEST_F(TrailersTest, old_peer_is_not_asked_for_them) {
  serve_trailers();
  ask("GET /old HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_FALSE(has(peer().outbound, "TE: "));
}

TEST_F(TrailersTest, next_answer_has_its_own) {
  serve_trailers();
  EXPECT_EQ(trailers("X-Sum: 1\r\n"), "X-Sum: 1\r\nX-Both: 1\r\n\r\n");
  EXPECT_EQ(trailers("X-Sum: 2\r\n"), "X-Sum: 2\r\nX-Both: 2\r\n\r\n");
}

}  // namespace
}  // namespace weir::proxy
