// Golden bytes of what both codecs send.
#include <gtest/gtest.h>

#include <string>

#include "http/h1_codec.h"
#include "http/tokenizer.h"
#include "unit/http/record.h"

namespace weir::http {
namespace {

std::string text(const OutBatch& out) {
  std::string all;
  for (int i = 0; i < out.size(); ++i) all += out.pieces()[i];
  EXPECT_EQ(all.size(), out.bytes());
  return all;
}

class Writer : public testing::Test {
 protected:
  // To a request that has been read to its end.
  std::string response(const OutResponse& head) {
    ask(asked_);
    OutBatch out;
    server_.send_head(kH1Stream, head, arena_, out);
    EXPECT_EQ(out.size(), 1);
    return text(out);
  }
  std::string request(const OutRequest& head) {
    OutBatch out;
    client_.send_head(kH1Stream, head, arena_, out);
    EXPECT_EQ(out.size(), 1);
    return text(out);
  }
  void ask(std::string_view request) {
    server_.reset(limits_);
    EXPECT_EQ(server_.feed(request, requests_), request.size());
  }
  std::string ended(const FieldList* trailers) {
    OutBatch out;
    server_.send_end(kH1Stream, trailers, arena_, out);
    return text(out);
  }
  static constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  static constexpr std::string_view kOldGet = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  std::string_view asked_ = kGet;
  record::Requests requests_;
  Arena arena_;
  HeadLimits limits_;
  H1ServerCodec server_{limits_};
  H1ClientCodec client_;
  FieldList fields_;
};

TEST_F(Writer, response_with_a_length) {
  fields_.add("Server", "weir", HeaderToken::kServer);
  fields_.add("X-Empty", "", HeaderToken::kOther);
  EXPECT_EQ(response({.body = {true, 5}, .fields = &fields_}),
            "HTTP/1.1 200 OK\r\nServer: weir\r\nX-Empty: \r\nContent-Length: 5\r\n\r\n");
}

TEST_F(Writer, response_to_an_old_client_is_still_http11) {
  asked_ = kOldGet;
  EXPECT_EQ(response({.status = 404, .body = {true, 0}}),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(server_.keeps_alive());
}

TEST_F(Writer, never_sends_chunks_to_an_old_client) {
  asked_ = kOldGet;
  EXPECT_EQ(response({.body = {true, -1}}), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(server_.framed()->framing, Framing::kClose);
  EXPECT_FALSE(server_.keeps_alive());
  OutBatch out;
  const std::string_view body = "abc";
  server_.send_body(kH1Stream, &body, 1, out);
  EXPECT_EQ(text(out) + ended(nullptr), "abc");
}

TEST_F(Writer, connection_closes_when_one_side_wants_it) {
  EXPECT_EQ(response({.body = {true, 0}}), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(server_.keeps_alive());
  constexpr std::string_view kClosed = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  asked_ = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(response({.body = {true, 0}}), kClosed);
  EXPECT_FALSE(server_.keeps_alive());
  asked_ = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab";  // its end has not come
  EXPECT_EQ(response({.body = {true, 0}}), kClosed);
  asked_ = "GET /\x01 HTTP/1.1\r\n\r\n";
  EXPECT_EQ(response({.body = {true, 0}}), kClosed);
}

TEST_F(Writer, framing_is_decided_once_a_request) {
  ask(kGet);
  EXPECT_EQ(server_.framed(), nullptr);
  EXPECT_FALSE(server_.keeps_alive());
  EXPECT_EQ(server_.frame(200, {true, -1}, false).connection, ConnectionOption::kClose);
  EXPECT_EQ(server_.frame(200, {true, 7}, true).framing, Framing::kChunked);
  server_.resume();
  EXPECT_EQ(server_.framed(), nullptr);
}

TEST_F(Writer, keeps_the_peers_reason_and_knows_its_own) {
  EXPECT_EQ(response({.status = 299, .reason = "Quite  Fine", .body = {true, 0}}),
            "HTTP/1.1 299 Quite  Fine\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response({.status = 299, .body = {true, 0}}), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

TEST_F(Writer, declares_a_length_without_a_body) {
  EXPECT_EQ(response({.status = 304, .body = {false, 77}}), "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n");
  EXPECT_EQ(response({.status = 304, .body = {}}), "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST_F(Writer, omits_framing_when_forbidden) {
  EXPECT_EQ(response({.status = 204, .body = {true, 0}}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(response({.status = 101, .body = {true, -1}}),
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_F(Writer, skips_dropped_and_framing_fields_of_the_list) {
  fields_.add("Content-Length", "9", HeaderToken::kContentLength, false);
  fields_.add("Transfer-Encoding", "chunked", HeaderToken::kTransferEncoding, false);
  fields_.add("Connection", "close", HeaderToken::kConnection);
  fields_.add("Keep-Alive", "timeout=5", HeaderToken::kKeepAlive, false);
  fields_.add("Upgrade", "h2c", HeaderToken::kUpgrade, false);
  fields_.add("X-Gone", "1", HeaderToken::kOther, false);
  fields_.drop("X-Gone");
  fields_.add("X-Kept", "2", HeaderToken::kOther, false);
  EXPECT_EQ(response({.body = {true, -1}, .fields = &fields_}),
            "HTTP/1.1 200 OK\r\nX-Kept: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
}

// Lines that stand in the received head as they would be written are copied in runs; the bytes must not show it.
TEST_F(Writer, received_fields_are_written_in_canonical_form) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nA: 1\r\nB:2\r\nC:  3\r\nD: 4 \r\nE: \r\nF: 6\r\nG:\t7\r\nH: 8\r\nX-Gone: 9\r\nI: 10\r\nJ: "
      "11\r\n"
      "Content-Length: 0\r\n\r\n";
  const std::string_view lines = std::string_view(head).substr(head.find("\r\n") + 2);
  ASSERT_FALSE(tokenize_fields(Prescan::Kind::kResponse, lines, fields_));
  fields_.drop("X-Gone");
  for (Field& field : fields_)
    if (field.name == "J") field.value = "a filter's";
  fields_.add_clean("K", "12", HeaderToken::kOther);
  EXPECT_EQ(
      response({.body = {true, 0}, .fields = &fields_}),
      "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: \r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 10\r\nJ: a filter's\r\nK: "
      "12\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(Writer, writes_names_and_values_of_every_length) {
  for (size_t n = 1; n <= 70; ++n) {
    fields_.clear();
    const std::string name(n, 'N');
    const std::string value(n - 1, 'v');
    fields_.add(name, value, HeaderToken::kOther);
    EXPECT_EQ(response({.body = {true, 0}, .fields = &fields_}),
              "HTTP/1.1 200 OK\r\n" + name + ": " + value + "\r\nContent-Length: 0\r\n\r\n");
  }
}

TEST_F(Writer, omits_added_fields_that_would_split_the_response) {
  for (const std::string_view bad : {"a\r\nSet-Cookie: b", "a\nb", "a\rb", "\x1b", "\x7f"})
    fields_.add("X-Bad", bad, HeaderToken::kOther);
  fields_.add("X-Nul", std::string_view("a\0b", 3), HeaderToken::kOther);
  fields_.add("X-Tab", "a\tb\xe9", HeaderToken::kOther);
  EXPECT_EQ(response({.body = {true, 0}, .fields = &fields_}),
            "HTTP/1.1 200 OK\r\nX-Tab: a\tb\xe9\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(Writer, request_lines) {
  fields_.add("Host", "a", HeaderToken::kHost, false);
  EXPECT_EQ(request({.method = "GET", .target = "/x?y", .fields = &fields_}), "GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(request({.method = "POST",
                     .target = "/",
                     .version = Version::kHttp10,
                     .framing = {Framing::kLength, INT64_MAX},
                     .connection = ConnectionOption::kClose,
                     .fields = &fields_}),
            "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 9223372036854775807\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(request({.method = "GET", .target = "/ws", .connection = ConnectionOption::kUpgrade, .fields = &fields_}),
            "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_F(Writer, a_rewritten_target_cannot_split_the_request) {
  EXPECT_EQ(request({.method = "GET", .target = "/a b\r\nX: y\xe9"}), "GET /a%20b%0D%0AX:%20y%E9 HTTP/1.1\r\n\r\n");
}

TEST_F(Writer, interims_have_no_framing_and_old_clients_get_none) {
  fields_.add("Link", "</a>", HeaderToken::kOther, false);
  OutBatch out;
  server_.send_interim(kH1Stream, {.status = 103, .fields = &fields_}, arena_, out);
  EXPECT_EQ(text(out), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  out.clear();
  ask(kOldGet);
  server_.send_interim(kH1Stream, {.status = 100}, arena_, out);
  EXPECT_EQ(text(out), "");
}

TEST_F(Writer, wraps_all_pieces_in_a_single_chunk) {
  response({.body = {true, -1}});
  OutBatch out;
  const std::string_view pieces[] = {"hello", "", " brave new world"};
  server_.send_body(kH1Stream, pieces, 3, out);
  server_.send_body(kH1Stream, pieces, 0, out);
  server_.send_body(kH1Stream, pieces + 1, 1, out);
  EXPECT_EQ(text(out) + ended(nullptr), "15\r\nhello brave new world\r\n0\r\n\r\n");
}

TEST_F(Writer, trailers_follow_the_last_chunk_alone) {
  fields_.add("X-Sum", "1", HeaderToken::kOther);
  fields_.add("Content-Length", "9", HeaderToken::kContentLength);
  fields_.add("X-Bad", "a\r\nb", HeaderToken::kOther);
  fields_.add("X-Last", "", HeaderToken::kOther);
  response({.body = {true, -1}});
  EXPECT_EQ(ended(&fields_), "0\r\nX-Sum: 1\r\nX-Last: \r\n\r\n");
  response({.body = {true, 0}});
  EXPECT_EQ(ended(&fields_), "");
  asked_ = kOldGet;
  response({.body = {true, -1}});
  EXPECT_EQ(ended(&fields_), "");
}

TEST_F(Writer, counted_body_is_unchanged) {
  request({.method = "POST", .target = "/", .framing = {Framing::kLength, 5}});
  OutBatch out;
  const std::string_view pieces[] = {"he", "llo"};
  client_.send_body(kH1Stream, pieces, 2, out);
  client_.send_end(kH1Stream, out);
  EXPECT_EQ(text(out), "hello");
  request({.method = "POST", .target = "/", .framing = {Framing::kChunked, -1}});
  out.clear();
  client_.send_body(kH1Stream, pieces, 2, out);
  client_.send_end(kH1Stream, out);
  EXPECT_EQ(text(out), "5\r\nhello\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace weir::http
