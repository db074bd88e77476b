// Responses of peers: framing, interims, upgrades, and junk.
#include <gtest/gtest.h>

#include <string>

#include "unit/http/record.h"

namespace weir::http {
namespace {

using namespace std::string_literals;
using record::every_byte;
using record::feed_response;

record::Response one(const std::string& input, Method method = Method::kGet) {
  const auto fed = feed_response(input, method);
  EXPECT_EQ(fed.events->error, "");
  EXPECT_EQ(fed.events->finals.size(), 1u);
  EXPECT_FALSE(fed.events->out_of_order);
  return fed.events->finals.empty() ? record::Response() : fed.events->finals.front();
}

TEST(ClientCodec, parses_a_counted_response) {
  const auto r =
      one("HTTP/1.1 404 Not so  Found\r\nServer: x\r\nContent-Length: 3\r\nKeep-Alive: timeout=5, max=9\r\n\r\nabc");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(r.reason, "Not so  Found");
  EXPECT_EQ(r.framing, Framing::kLength);
  EXPECT_EQ(r.content_length, 3);
  EXPECT_EQ(r.body, "abc");
  EXPECT_TRUE(r.keep_alive);
  EXPECT_EQ(r.keep_alive_timeout, 5);
  EXPECT_EQ(r.fields, "Server: x\nContent-Length: 3\nKeep-Alive: timeout=5, max=9\n");
  EXPECT_TRUE(r.ended);
}

TEST(ClientCodec, the_reason_may_be_empty_or_absent_or_odd) {
  EXPECT_EQ(one("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").reason, "");
  EXPECT_EQ(one("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").reason, "");
  EXPECT_EQ(one("HTTP/1.1 200 \xc3\xa4\t!\r\nContent-Length: 0\r\n\r\n").reason, "\xc3\xa4\t!");
}

TEST(ClientCodec, decodes_chunks) {
  const auto r = one("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
  EXPECT_EQ(r.framing, Framing::kChunked);
  EXPECT_EQ(r.content_length, -1);
  EXPECT_EQ(r.body, "abc");
  EXPECT_TRUE(r.ended);
}

TEST(ClientCodec, reads_until_close_without_framing) {
  const auto fed = feed_response("HTTP/1.1 200 OK\r\n\r\nabc", Method::kGet, false, {}, true);
  ASSERT_EQ(fed.events->finals.size(), 1u);
  EXPECT_EQ(fed.events->finals[0].framing, Framing::kClose);
  EXPECT_EQ(fed.events->finals[0].body, "abc");
  EXPECT_FALSE(fed.events->finals[0].keep_alive);
  EXPECT_TRUE(fed.events->finals[0].ended);
  EXPECT_TRUE(fed.finished);
}

TEST(ClientCodec, a_close_before_the_framed_end_is_a_truncation) {
  for (const char* input :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    const auto fed = feed_response(input, Method::kGet, false, {}, true);
    EXPECT_FALSE(fed.finished) << input;
    EXPECT_TRUE(fed.events->finals.empty() || !fed.events->finals[0].ended) << input;
    EXPECT_EQ(fed.events->error, "");
  }
  EXPECT_TRUE(feed_response("HTTP/1.1 204 No\r\n\r\n", Method::kGet, false, {}, true).finished);
}

TEST(ClientCodec, head_204_and_304_have_no_body_whatever_they_declare) {
  for (const char* framing : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    for (const auto& [line, method] :
         {std::pair{"HTTP/1.1 200 OK\r\n", Method::kHead}, std::pair{"HTTP/1.1 204 No Content\r\n", Method::kGet},
          std::pair{"HTTP/1.1 304 Not Modified\r\n", Method::kGet}}) {
      const auto fed = feed_response(std::string(line) + framing + "\r\nsurplus", method);
      ASSERT_EQ(fed.events->finals.size(), 1u) << line << framing << fed.events->error;
      const auto& r = fed.events->finals[0];
      EXPECT_EQ(r.framing, Framing::kNone);
      EXPECT_EQ(r.body, "");
      EXPECT_TRUE(r.ended);
      EXPECT_TRUE(r.keep_alive);
      EXPECT_EQ(r.content_length, framing[0] == 'C' ? 5 : -1);
      EXPECT_EQ(fed.left, 7u);
    }
  }
}

TEST(ClientCodec, leaves_bytes_behind_the_response) {
  EXPECT_EQ(feed_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n").left, 17u);
  EXPECT_EQ(feed_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx").left, 1u);
  H1ClientCodec idle;
  record::Responses events;
  EXPECT_EQ(idle.feed("HTTP/1.1 200 OK\r\n\r\n", events), 0u);
  EXPECT_TRUE(idle.finish(events));
}

TEST(ClientCodec, keep_alive_follows_version_and_connection) {
  const std::string rest = "Content-Length: 0\r\n\r\n";
  EXPECT_TRUE(one("HTTP/1.1 200 OK\r\n" + rest).keep_alive);
  EXPECT_FALSE(one("HTTP/1.1 200 OK\r\nConnection: Close\r\n" + rest).keep_alive);
  EXPECT_FALSE(one("HTTP/1.0 200 OK\r\n" + rest).keep_alive);
  EXPECT_TRUE(one("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + rest).keep_alive);
}

TEST(ClientCodec, reads_the_keep_alive_timeout) {
  const auto timeout = [](const std::string& value) {
    return one("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: " + value + "\r\n\r\n").keep_alive_timeout;
  };
  EXPECT_EQ(timeout("timeout=5"), 5);
  EXPECT_EQ(timeout("max=100, TIMEOUT=72"), 72);
  EXPECT_EQ(timeout("max=100"), -1);
  EXPECT_EQ(timeout("timeout=abc"), -1);
  EXPECT_EQ(timeout("timeout=-1"), -1);
  EXPECT_EQ(timeout("timeout=99999999999"), INT32_MAX);
}

TEST(ClientCodec, forwards_any_number_of_interims_within_a_size) {
  std::string input;
  for (int i = 0; i < 100; ++i) input += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  auto fed = feed_response(input + last);
  EXPECT_EQ(fed.events->interims.size(), 100u);
  EXPECT_EQ(fed.events->interims[0].status, 103);
  ASSERT_EQ(fed.events->finals.size(), 1u);
  EXPECT_EQ(fed.events->finals[0].fields, "Content-Length: 0\n");
  const std::string large = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(33'000, 'x') + "\r\n\r\n";
  EXPECT_EQ(feed_response(large + last).events->error, "");
  fed = feed_response(large + large + last);
  EXPECT_EQ(fed.events->error, "too many bytes of interim responses");
  EXPECT_EQ(fed.events->interims.size(), 1u);
}

// What nginx and HAProxy both pass on.
TEST(ClientCodec, takes_any_status_of_three_digits) {
  EXPECT_EQ(one("HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n").status, 600);
  EXPECT_EQ(one("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n").status, 999);
}

TEST(ClientCodec, takes_a_bare_line_feed_for_a_line_end) {
  const auto r = one("HTTP/1.1 200 OK\nServer: a\r\nX:  b \nContent-Length: 3\n\nabc");
  EXPECT_EQ(r.reason, "OK");
  EXPECT_EQ(r.fields, "Server: a\nX: b\nContent-Length: 3\n");
  EXPECT_EQ(r.body, "abc");
  EXPECT_TRUE(r.ended);
  const std::string mixed = "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\n\nxy";
  for (size_t cut = 1; cut < mixed.size(); ++cut) {
    const auto fed = feed_response(mixed, Method::kGet, false, {cut});
    ASSERT_EQ(fed.events->finals.size(), 1u) << cut;
    EXPECT_EQ(fed.events->finals[0].body, "x") << cut;
    EXPECT_EQ(fed.left, 1u) << cut;
  }
}

TEST(ClientCodec, takes_equal_lengths_for_one) {
  const auto r =
      one("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: b\r\ncontent-length:3\r\nContent-Length: 3 \r\n\r\nabc");
  EXPECT_EQ(r.content_length, 3);
  EXPECT_EQ(r.fields, "Content-Length: 3\nA: b\ncontent-length: 3\nContent-Length: 3\n");
  EXPECT_EQ(r.body, "abc");
}

TEST(ClientCodec, an_interim_with_a_length_has_no_body) {
  const auto fed = feed_response("HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
  EXPECT_EQ(fed.events->error, "");
  ASSERT_EQ(fed.events->finals.size(), 1u);
  EXPECT_EQ(fed.events->finals[0].status, 204);
}

TEST(ClientCodec, a_101_needs_a_question_and_both_fields) {
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\nframes";
  const auto fed = feed_response(good, Method::kGet, true);
  ASSERT_EQ(fed.events->finals.size(), 1u) << fed.events->error;
  EXPECT_TRUE(fed.events->finals[0].upgraded);
  EXPECT_EQ(fed.left, 6u);
  EXPECT_EQ(feed_response(good).events->error, "101 that was not asked for");
  constexpr const char* kMismatch = "101 without a matching Upgrade";
  for (const char* fields :
       {"", "Upgrade: websocket\r\n", "Connection: upgrade\r\n", "Upgrade: h2c\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nConnection: close\r\n"}) {
    const auto bad = feed_response("HTTP/1.1 101 S\r\n" + std::string(fields) + "\r\n", Method::kGet, true);
    EXPECT_EQ(bad.events->error, kMismatch) << fields;
    EXPECT_TRUE(bad.events->finals.empty());
  }
  const auto plain = feed_response("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno", Method::kGet, true);
  ASSERT_EQ(plain.events->finals.size(), 1u);
  EXPECT_EQ(plain.events->finals[0].body, "no");
}

TEST(ClientCodec, a_101_must_name_the_protocol_that_was_asked_for) {
  const auto error = [](std::string_view asked, const std::string& named) {
    H1ClientCodec codec;
    record::Responses events;
    codec.open(Method::kPost, asked, kAnswerLimits);
    codec.feed("HTTP/1.1 101 S\r\nUpgrade: " + named + "\r\nConnection: upgrade\r\n\r\n", events);
    return events.error;
  };
  EXPECT_EQ(error("SPDY/3.1", "spdy/3.1"), "");
  EXPECT_EQ(error("SPDY/3.1", "SPDY/3"), "101 without a matching Upgrade");
  EXPECT_EQ(error("tcp", "websocket"), "101 without a matching Upgrade");
  EXPECT_EQ(error("tcp, SPDY/3.1", "spdy/3.1"), "");
  EXPECT_EQ(error("tcp, SPDY/3.1", "tcp, SPDY/3.1"), "101 without a matching Upgrade");
}

TEST(ClientCodec, serves_one_exchange_after_another) {
  H1ClientCodec codec;
  record::Responses events;
  const std::string input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (int i = 0; i < 3; ++i) {
    codec.open(Method::kGet, {}, kAnswerLimits);
    EXPECT_EQ(codec.feed(input, events), input.size());
  }
  EXPECT_EQ(events.finals.size(), 3u);
}

struct Case {
  const char* name;
  std::string input;
  const char* error;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

std::string ok(const std::string& lines, const std::string& body = "") {
  return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" + body;
}
std::string repeat(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

class HostileResponse : public testing::TestWithParam<Case> {};

TEST_P(HostileResponse, verdict_is_the_same_at_every_cut) {
  const Case& c = GetParam();
  const auto whole = feed_response(c.input);
  EXPECT_EQ(whole.events->error, c.error);
  EXPECT_FALSE(whole.events->out_of_order);
  // A reader that gets single bytes looks at all of the head so far each time: of a very long one, in pieces.
  std::vector<size_t> cuts = every_byte(c.input.size());
  if (c.input.size() > 20'000) std::erase_if(cuts, [](size_t at) { return at > 2000 && at % 641 != 0; });
  const auto slow = feed_response(c.input, Method::kGet, false, cuts);
  EXPECT_EQ(*slow.events, *whole.events) << slow.events->error;
  const size_t step = c.input.size() > 2000 ? 977 : 1;
  for (size_t cut = 1; cut < c.input.size(); cut += step)
    ASSERT_EQ(*feed_response(c.input, Method::kGet, false, {cut}).events, *whole.events) << "cut at " << cut;
}

constexpr const char* kStatusLine = "status line without HTTP/1.0 or HTTP/1.1";
constexpr const char* kThreeDigits = "status line without a status of three digits";
constexpr const char* kRange = "status is below 100";
constexpr const char* kBoth = "both Content-Length and Transfer-Encoding";
constexpr const char* kDifferent = "different Content-Lengths";
constexpr const char* kCoding = "Transfer-Encoding is not exactly chunked";
constexpr const char* kFold = "folded header line";
constexpr const char* kControl = "control character in the head";

INSTANTIATE_TEST_SUITE_P(
    Table, HostileResponse,
    testing::Values(
        Case{"not_http", "SSH-2.0-OpenSSH\r\n", "not an HTTP response"}, Case{"html", "<html>", "not an HTTP response"},
        Case{"empty_line_first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "not an HTTP response"},
        Case{"icy", "ICY 200 OK\r\n\r\n", "not an HTTP response"}, Case{"http2", "HTTP/2 200\r\n\r\n", kStatusLine},
        Case{"http20", "HTTP/2.0 200 OK\r\n\r\n", kStatusLine}, Case{"http09", "HTTP/0.9 200 OK\r\n\r\n", kStatusLine},
        Case{"http12", "HTTP/1.2 200 OK\r\n\r\n", kStatusLine}, Case{"no_status", "HTTP/1.1\r\n\r\n", kThreeDigits},
        Case{"two_digits", "HTTP/1.1 20 OK\r\n\r\n", kThreeDigits},
        Case{"two_digits_end", "HTTP/1.1 20\r\n\r\n", kThreeDigits},
        Case{"four_digits", "HTTP/1.1 2000 OK\r\n\r\n", "status line with more than three digits of status"},
        Case{"letters", "HTTP/1.1 2xx OK\r\n\r\n", kThreeDigits},
        Case{"minus", "HTTP/1.1 -20 OK\r\n\r\n", kThreeDigits},
        Case{"two_spaces", "HTTP/1.1  200 OK\r\n\r\n", kThreeDigits},
        Case{"status_099", "HTTP/1.1 099 OK\r\n\r\n", kRange}, Case{"status_000", "HTTP/1.1 000 OK\r\n\r\n", kRange},
        Case{"reason_without_space", "HTTP/1.1 200OK\r\n\r\n", "status line with more than three digits of status"},
        Case{"reason_bare_cr", "HTTP/1.1 200 O\rK\r\n\r\n", "CR without LF"},
        Case{"reason_nul", "HTTP/1.1 200 O\0K\r\n\r\n"s, "NUL in the head"},
        Case{"value_bare_cr", ok("X: a\rSet-Cookie: b\r\n"), "CR without LF"},
        Case{"cr_before_crlf", ok("X: a\r\r\n"), "CR without LF"},
        Case{"lf_before_cr", "HTTP/1.1 200 OK\n\r\r\n", "CR without LF"},
        Case{"lf_fold", "HTTP/1.1 200 OK\nX: a\n b\n\n", kFold},
        Case{"value_nul", ok("X: a\0\r\n"s), "NUL in the head"}, Case{"value_escape", ok("X: \x1b\r\n"), kControl},
        Case{"value_del", ok("X: \x7f\r\n"), kControl}, Case{"fold", ok("X: a\r\n b\r\n"), kFold},
        Case{"fold_first", ok(" X: a\r\n"), kFold}, Case{"empty_name", ok(": a\r\n"), "empty header name"},
        Case{"space_in_name", ok("Content-Length : 1\r\n"), "white space in a header name"},
        Case{"no_colon", ok("abc\r\n"), "header line without a colon"},
        Case{"bad_name", ok("a(b: c\r\n"), "illegal character in a header name"},
        Case{"cl_te", ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), kBoth},
        Case{"te_cl", ok("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), kBoth},
        Case{"cl_twice_same_and_te",
             ok("Content-Length: 3\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), kBoth},
        Case{"cl_twice_different", ok("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), kDifferent},
        Case{"cl_thrice_last_differs", ok("Content-Length: 3\r\nContent-Length: 3\r\nContent-Length: 4\r\n", "abc"),
             kDifferent},
        Case{"cl_thrice_spelt_differently",
             ok("Content-Length: 3\r\ncontent-length:3\r\nContent-Length: 03\r\n", "abc"), kDifferent},
        Case{"cl_list", ok("Content-Length: 3, 3\r\n", "abc"), "invalid Content-Length"},
        Case{"cl_minus", ok("Content-Length: -1\r\n"), "invalid Content-Length"},
        Case{"cl_empty", ok("Content-Length:\r\n"), "invalid Content-Length"},
        Case{"cl_too_large", ok("Content-Length: 9223372036854775808\r\n"), "invalid Content-Length"},
        Case{"te_gzip", ok("Transfer-Encoding: gzip\r\n"), kCoding},
        Case{"te_gzip_chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), kCoding},
        Case{"te_identity", ok("Transfer-Encoding: identity\r\n"), kCoding},
        Case{"te_empty", ok("Transfer-Encoding:\r\n"), kCoding},
        Case{"te_twice", ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
             "more than one Transfer-Encoding"},
        Case{"te_in_http10", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             "Transfer-Encoding in HTTP/1.0"},
        Case{"unasked_101", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
             "101 that was not asked for"},
        Case{"interim_storm", repeat("HTTP/1.1 100 Continue\r\n\r\n", 3000), "too many bytes of interim responses"},
        Case{"many_fields", ok(repeat("a: b\r\n", 1001)), "too many header fields"},
        Case{"large_head", ok(repeat("a: " + std::string(9000, 'b') + "\r\n", 30)), "header block is too large"},
        Case{"endless_line", ok("a: " + std::string(300'000, 'b')), "header block is too large"},
        Case{"bad_chunk", ok("Transfer-Encoding: chunked\r\n", "zz\r\n"), "chunk without a size"},
        Case{"chunk_spill", ok("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
             "chunk data is not followed by CRLF"},
        Case{"endless_connection", ok("Connection: " + repeat("a,", 40) + "\r\n"), "too many Connection options"}),
    [](const testing::TestParamInfo<Case>& tested) { return std::string(tested.param.name); });

TEST(ClientCodec, takes_a_response_head_larger_than_a_request_may_be) {
  EXPECT_EQ(one(ok(repeat("Set-Cookie: " + std::string(9000, 'b') + "\r\n", 6) + "Content-Length: 0\r\n")).status, 200);
  EXPECT_EQ(one(ok("A: " + std::string(70'000, 'b') + "\r\nContent-Length: 0\r\n")).status, 200);
  for (const int fields : {23, 24, 143, 144, 150, 999})
    EXPECT_EQ(one(ok(repeat("a: b\r\n", fields) + "Content-Length: 0\r\n")).status, 200) << fields;
}

TEST(ClientCodec, response_head_limits_can_be_set) {
  const HeadLimits limits{.head_bytes = 100, .line_bytes = 100, .fields = 2};
  const auto error = [&](const std::string& head) {
    H1ClientCodec codec;
    record::Responses events;
    codec.open(Method::kGet, {}, limits);
    codec.feed(head, events);
    return events.error;
  };
  EXPECT_EQ(error(ok("A: b\r\nContent-Length: 0\r\n")), "");
  EXPECT_EQ(error(ok("A: b\r\nB: c\r\nContent-Length: 0\r\n")), "too many header fields");
  EXPECT_EQ(error(ok("A: " + std::string(100, 'b') + "\r\n")), "header block is too large");
  EXPECT_EQ(error("HTTP/1.1 200 OK\nA: b\n\n"), "LF without CR");
}

TEST(ClientCodec, bare_lf_ends_a_line_of_a_chunked_response) {
  const std::string input =
      "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;a=b\nabc\n2\r\nde\n0\nTrailer: x\n\nsurplus";
  const auto fed = feed_response(input);
  ASSERT_EQ(fed.events->finals.size(), 1u) << fed.events->error;
  EXPECT_EQ(fed.events->finals[0].body, "abcde");
  EXPECT_TRUE(fed.events->finals[0].ended);
  EXPECT_EQ(fed.left, 7u);
  EXPECT_EQ(*feed_response(input, Method::kGet, false, every_byte(input.size())).events, *fed.events);
}

TEST(ClientCodec, events_are_the_same_at_every_cut) {
  const std::string input =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4;a=b\r\nWiki\r\n5\r\npedia\r\n0\r\nT: u\r\n\r\n";
  const auto whole = feed_response(input);
  ASSERT_EQ(whole.events->finals.size(), 1u);
  EXPECT_EQ(whole.events->finals[0].body, "Wikipedia");
  for (size_t cut = 1; cut < input.size(); ++cut)
    EXPECT_EQ(*feed_response(input, Method::kGet, false, {cut}).events, *whole.events) << cut;
  EXPECT_EQ(*feed_response(input, Method::kGet, false, every_byte(input.size())).events, *whole.events);
}

}  // namespace
}  // namespace weir::http
