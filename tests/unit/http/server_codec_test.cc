// Requests that are served: heads, hosts, bodies, pipelining and what is asked of the connection.
#include <gtest/gtest.h>

#include <string>

#include "http/tokenizer.h"
#include "unit/http/record.h"

namespace weir::http {
namespace {

using record::every_byte;
using record::feed_requests;

record::Request one(std::string_view input) {
  const auto fed = feed_requests(input);
  EXPECT_EQ(fed.events->status, 0) << fed.events->reason;
  EXPECT_EQ(fed.events->requests.size(), 1u);
  EXPECT_EQ(fed.left, 0u);
  EXPECT_FALSE(fed.events->out_of_order);
  return fed.events->requests.empty() ? record::Request() : fed.events->requests.front();
}

record::Request get_with(std::string_view fields) {
  return one("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
}

TEST(ServerCodec, parses_a_plain_get) {
  constexpr std::string_view kInput =
      "GET /a/b?x=1&y HTTP/1.1\r\nHost: Example.COM:8080\r\nAccept: */*\r\nX-Empty:\r\n\r\n";
  const auto r = one(kInput);
  EXPECT_EQ(r.method, "GET");
  EXPECT_EQ(r.target, "/a/b?x=1&y");
  EXPECT_EQ(r.path, "/a/b");
  EXPECT_EQ(r.query, "x=1&y");
  EXPECT_EQ(r.line, "GET /a/b?x=1&y HTTP/1.1");
  EXPECT_EQ(r.host, "example.com");
  EXPECT_EQ(r.host_field, "Example.COM:8080");
  EXPECT_EQ(r.fields, "Host: Example.COM:8080\nAccept: */*\nX-Empty: \n");
  EXPECT_EQ(r.framing, Framing::kNone);
  EXPECT_EQ(r.head_bytes, kInput.size());
  EXPECT_TRUE(r.keep_alive);
  EXPECT_TRUE(r.ended);
}

TEST(ServerCodec, keeps_names_and_values_as_received_and_trims_white_space) {
  const auto r = get_with("x-A: \t one  two \t \r\n!#$%&'*+-.^_`|~09aZ: v\r\nB:c\xe9\x80\td\r\nC:   \r\n");
  EXPECT_EQ(r.fields, "Host: a\nx-A: one  two\n!#$%&'*+-.^_`|~09aZ: v\nB: c\xe9\x80\td\nC: \n");
}

TEST(ServerCodec, passes_any_token_as_a_method) {
  for (const std::string method : {"MKCALENDAR", "NOTIFY", "M-SEARCH", "QUERY", "foo", "X", "!#$%&'*+-.^_`|~"}) {
    const auto r = one(method + " /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    EXPECT_EQ(r.method, method);
    EXPECT_EQ(r.body, "hi");
    EXPECT_TRUE(r.ended);
  }
}

TEST(ServerCodec, bare_lf_ends_a_line_when_accepted) {
  const HeadLimits limits{.bare_lf = true};
  const std::string input =
      "\nGET /1 HTTP/1.1\nHost: a\nX:  b\n\n\r\n\nPOST /2 HTTP/1.1\r\nHost: a\nContent-Length: 2\r\n\nhiGET /3 "
      "HTTP/1.0\n\n";
  const auto whole = feed_requests(input, {}, limits);
  EXPECT_EQ(whole.events->status, 0) << whole.events->reason;
  ASSERT_EQ(whole.events->requests.size(), 3u);
  EXPECT_EQ(whole.events->requests[0].fields, "Host: a\nX: b\n");
  EXPECT_EQ(whole.events->requests[0].line, "GET /1 HTTP/1.1");
  EXPECT_EQ(whole.events->requests[0].head_bytes, std::string("GET /1 HTTP/1.1\nHost: a\nX:  b\n\n").size());
  EXPECT_EQ(whole.events->requests[1].body, "hi");
  for (size_t cut = 1; cut < input.size(); ++cut)
    EXPECT_EQ(*feed_requests(input, {cut}, limits).events, *whole.events) << cut;
  EXPECT_EQ(*feed_requests(input, every_byte(input.size()), limits).events, *whole.events);
}

TEST(ServerCodec, takes_as_many_fields_as_the_limit) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  std::string fields = "Host: a\n";
  for (int i = 1; i < 500; ++i) {
    head += "X-" + std::to_string(i) + ": y\r\n";
    fields += "X-" + std::to_string(i) + ": y\n";
  }
  EXPECT_EQ(feed_requests(head + "\r\n").events->status, 431);
  const auto fed = feed_requests(head + "\r\n", {}, HeadLimits{.fields = 500});
  ASSERT_EQ(fed.events->requests.size(), 1u) << fed.events->reason;
  EXPECT_EQ(fed.events->requests[0].fields, fields);
}

TEST(ServerCodec, skips_two_empty_lines_before_a_request) {
  EXPECT_EQ(one("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").target, "/");
}

TEST(ServerCodec, percent_encodes_raw_bytes_of_the_target) {
  const auto r = one("GET /caf\xc3\xa9?q=\xff HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
  EXPECT_EQ(r.target, "/caf%C3%A9?q=%FF");
  EXPECT_EQ(r.path, "/caf%C3%A9");
  EXPECT_EQ(r.query, "q=%FF");
  EXPECT_EQ(r.line, "GET /caf\xc3\xa9?q=\xff HTTP/1.1");
  EXPECT_EQ(r.fields, "Host: a\nX: 1\n");
}

TEST(ServerCodec, keep_alive_follows_version_and_connection) {
  EXPECT_TRUE(get_with("").keep_alive);
  EXPECT_FALSE(get_with("Connection: close\r\n").keep_alive);
  EXPECT_FALSE(get_with("Connection: foo, CLOSE\r\n").keep_alive);
  EXPECT_FALSE(get_with("Connection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(one("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(one("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(one("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST(ServerCodec, allows_http10_without_host) {
  const auto r = one("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_EQ(r.host, "");
  EXPECT_EQ(r.host_field, "");
  EXPECT_EQ(r.version, Version::kHttp10);
}

TEST(ServerCodec, absolute_form_wins_over_host) {
  const auto r = one("GET http://B.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(r.form, TargetForm::kAbsolute);
  EXPECT_EQ(r.target, "/p?q");
  EXPECT_EQ(r.host, "b.example");
  EXPECT_EQ(r.host_field, "B.example:81");
  EXPECT_EQ(one("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n").target, "/");
  EXPECT_EQ(one("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?q");
  EXPECT_EQ(one("GET http://b/ HTTP/1.0\r\n\r\n").host, "b");
}

TEST(ServerCodec, options_may_ask_for_the_whole_server) {
  auto r = one("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(r.form, TargetForm::kAsterisk);
  EXPECT_EQ(r.target, "*");
  r = one("OPTIONS http://b:80 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(r.form, TargetForm::kAsterisk);
  EXPECT_EQ(r.target, "*");
  EXPECT_EQ(r.host, "b");
}

TEST(ServerCodec, counts_a_body_with_content_length_for_any_method) {
  for (const char* method : {"POST", "GET", "HEAD", "OPTIONS", "DELETE"}) {
    const auto r = one(std::string(method) + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(r.framing, Framing::kLength);
    EXPECT_EQ(r.content_length, 5);
    EXPECT_EQ(r.body, "hello");
    EXPECT_TRUE(r.ended);
  }
  EXPECT_EQ(get_with("Content-Length: 0\r\n").framing, Framing::kLength);
  EXPECT_TRUE(get_with("Content-Length: 0\r\n").ended);
}

TEST(ServerCodec, takes_the_largest_length_there_is) {
  const auto r = get_with("Content-Length: 9223372036854775807\r\n");
  EXPECT_EQ(r.content_length, INT64_MAX);
  EXPECT_FALSE(r.ended);
}

TEST(ServerCodec, decodes_a_chunked_body_and_drops_trailers) {
  const auto r =
      one("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
          "5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nHost: evil\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(r.framing, Framing::kChunked);
  EXPECT_EQ(r.body, "hello world");
  EXPECT_EQ(r.fields, "Host: a\nTransfer-Encoding: Chunked\n");
  EXPECT_EQ(r.host, "a");
  EXPECT_TRUE(r.ended);
}

TEST(ServerCodec, expect_continue_counts_only_with_a_body_and_http11) {
  EXPECT_TRUE(get_with("Expect: 100-Continue\r\nContent-Length: 1\r\n").expect_continue);
  EXPECT_TRUE(get_with("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n").expect_continue);
  EXPECT_FALSE(get_with("Expect: 100-continue\r\n").expect_continue);
  EXPECT_FALSE(get_with("Expect: 100-continue\r\nContent-Length: 0\r\n").expect_continue);
  EXPECT_FALSE(one("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx").expect_continue);
}

TEST(ServerCodec, a_websocket_needs_every_one_of_its_fields) {
  constexpr std::string_view kGood[] = {"Upgrade: WebSocket\r\n", "Connection: keep-alive, Upgrade\r\n",
                                        "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"};
  const auto with = [&](size_t replaced, std::string_view by) {
    std::string fields;
    for (size_t i = 0; i < std::size(kGood); ++i) fields += i == replaced ? by : kGood[i];
    return get_with(fields).websocket;
  };
  EXPECT_TRUE(with(99, ""));
  for (size_t i = 0; i < std::size(kGood); ++i) EXPECT_FALSE(with(i, "")) << kGood[i];
  EXPECT_FALSE(with(0, "Upgrade: h2c\r\n"));
  EXPECT_FALSE(with(0, "Upgrade: websocket, h2c\r\n"));
  EXPECT_FALSE(with(0, "Upgrade: websocket\r\nUpgrade: h2c\r\n"));
  EXPECT_FALSE(with(1, "Connection: close\r\n"));
  EXPECT_TRUE(with(1, "Connection: x\r\nConnection: UPGRADE\r\n"));
  EXPECT_FALSE(with(2, "Sec-WebSocket-Version: 777\r\n"));
  EXPECT_FALSE(with(3, "Sec-WebSocket-Key:\r\n"));
  EXPECT_FALSE(with(3, "Sec-WebSocket-Key: a\r\nContent-Length: 0\r\n"));
  const std::string all = std::string(kGood[0]) + std::string(kGood[1]) + std::string(kGood[2]) + std::string(kGood[3]);
  EXPECT_FALSE(one("POST / HTTP/1.1\r\nHost: a\r\n" + all + "\r\n").websocket);
  EXPECT_FALSE(one("GET / HTTP/1.0\r\nHost: a\r\n" + all + "\r\n").websocket);
}

TEST(ServerCodec, other_upgrades_are_plain_requests) {
  const auto r = get_with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n");
  EXPECT_FALSE(r.websocket);
  EXPECT_TRUE(r.ended);
  EXPECT_TRUE(r.keep_alive);
}

TEST(ServerCodec, names_with_underscores_are_not_tokens) {
  const auto r = get_with("Transfer_Encoding: chunked\r\nContent_Length: 5\r\n");
  EXPECT_EQ(r.framing, Framing::kNone);
  EXPECT_EQ(r.fields, "Host: a\nTransfer_Encoding: chunked\nContent_Length: 5\n");
}

TEST(ServerCodec, waits_for_resume_between_pipelined_requests) {
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string input = first + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  const HeadLimits limits;
  H1ServerCodec codec(limits);
  record::Requests events;
  EXPECT_EQ(codec.feed(input, events), first.size());
  EXPECT_EQ(events.requests.size(), 1u);
  EXPECT_FALSE(codec.inside_request());
  EXPECT_EQ(codec.feed(input.substr(first.size()), events), 0u);
  codec.resume();
  EXPECT_EQ(codec.feed(input.substr(first.size()), events), first.size());
  ASSERT_EQ(events.requests.size(), 2u);
  EXPECT_EQ(events.requests[1].target, "/2");
}

TEST(ServerCodec, a_resume_before_the_requests_end_takes_effect_there) {
  const HeadLimits limits;
  H1ServerCodec codec(limits);
  record::Requests events;
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
  EXPECT_EQ(codec.feed(head + "ab", events), head.size() + 2);
  codec.resume();
  EXPECT_TRUE(codec.inside_request());
  const std::string rest = "cdGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(codec.feed(rest, events), rest.size());
  ASSERT_EQ(events.requests.size(), 2u);
  EXPECT_EQ(events.requests[0].body, "abcd");
  // The second one was not resumed.
  EXPECT_EQ(codec.feed("GET", events), 0u);
  EXPECT_FALSE(codec.inside_request());
}

TEST(ServerCodec, reports_whether_a_request_has_begun) {
  const HeadLimits limits;
  H1ServerCodec codec(limits);
  record::Requests events;
  EXPECT_FALSE(codec.inside_request());
  EXPECT_EQ(codec.feed("\r\n", events), 2u);
  EXPECT_FALSE(codec.inside_request());
  EXPECT_EQ(codec.feed("G", events), 0u);
  EXPECT_TRUE(codec.inside_request());
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
  EXPECT_EQ(codec.feed(head, events), head.size());
  EXPECT_TRUE(codec.inside_request());
  EXPECT_EQ(codec.feed("x", events), 1u);
  EXPECT_FALSE(codec.inside_request());
  codec.reset(limits);
  EXPECT_FALSE(codec.inside_request());
  EXPECT_EQ(codec.feed(head, events), head.size());
}

TEST(ServerCodec, events_are_the_same_at_every_cut) {
  const std::string input =
      "\r\nPOST /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;e=f\r\nabc\r\n00a\r\n0123456789\r\n0\r\nT: "
      "u\r\n\r\n"
      "PUT http://y/z HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nfoobar"
      "\r\n\r\nGET /\xe4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const auto whole = feed_requests(input);
  ASSERT_EQ(whole.events->requests.size(), 3u) << whole.events->reason;
  EXPECT_EQ(whole.events->requests[0].body, "abc0123456789");
  EXPECT_EQ(*feed_requests(input, every_byte(input.size())).events, *whole.events);
  for (size_t cut = 1; cut < input.size(); ++cut) EXPECT_EQ(*feed_requests(input, {cut}).events, *whole.events) << cut;
}

TEST(Tokenizer, llhttp_is_built_strict) {
  EXPECT_TRUE(is_llhttp_strict());
}

}  // namespace
}  // namespace weir::http
