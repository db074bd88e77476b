// Requests that must be refused before anything goes upstream (smuggling, confusion, bombs), each fed whole, byte by
// byte and cut at every offset: the verdict must not depend on the cuts.
#include <gtest/gtest.h>

#include <string>

#include "unit/http/record.h"

namespace weir::http {
namespace {

using namespace std::string_literals;
using record::every_byte;
using record::feed_requests;

struct Case {
  const char* name;
  std::string input;
  int status;  // 0: accepted
  const char* reason;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

// A complete head of a request for "/" with Host and these lines.
std::string post(const std::string& lines, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body;
}
std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\n" + lines + "\r\n";
}
std::string line(const std::string& request_line) {
  return request_line + "\r\nHost: a\r\n\r\n";
}
std::string chunks(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
std::string repeat(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

constexpr const char* kBoth = "Content-Length is repeated or stands beside Transfer-Encoding";
constexpr const char* kLength = "invalid Content-Length";
constexpr const char* kCoding = "Transfer-Encoding is not exactly chunked";
// llhttp's own verdict, which comes before ours.
constexpr const char* kCodingEarly = "invalid Transfer-Encoding";
constexpr const char* kFold = "folded header line";
constexpr const char* kBareCr = "CR without LF";
constexpr const char* kBareLf = "LF without CR";
constexpr const char* kControl = "control character in the head";
constexpr const char* kNameSpace = "white space in a header name";
constexpr const char* kName = "illegal character in a header name";
constexpr const char* kHost = "invalid Host";
constexpr const char* kVersion = "HTTP version is neither 1.0 nor 1.1";
constexpr const char* kVersionForm = "request line does not end in one space and an HTTP version";
constexpr const char* kTargetForm = "request target is neither a path nor an http URI";
constexpr const char* kConnection = "Connection names Content-Length, Transfer-Encoding or Host";

class HostileRequest : public testing::TestWithParam<Case> {};

TEST_P(HostileRequest, verdict_is_the_same_at_every_cut) {
  const Case& c = GetParam();
  const auto whole = feed_requests(c.input);
  EXPECT_EQ(whole.events->status, c.status);
  EXPECT_EQ(whole.events->reason, c.reason);
  EXPECT_FALSE(whole.events->out_of_order);
  EXPECT_LE(whole.events->rejects, 1);
  if (c.status != 0) {
    EXPECT_EQ(whole.left, 0u);
    EXPECT_FALSE(whole.inside);
  }
  const std::vector<size_t> bytes = every_byte(c.input.size());
  const auto slow = feed_requests(c.input, bytes);
  EXPECT_EQ(*slow.events, *whole.events) << slow.events->reason;
  const size_t step = c.input.size() > 2000 ? 97 : 1;
  for (size_t cut = 1; cut < c.input.size(); cut += step) {
    const auto split = feed_requests(c.input, {cut});
    ASSERT_EQ(*split.events, *whole.events) << "cut at " << cut << ": " << split.events->reason;
  }
}

std::string test_name(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

// THREATS 1-4: two ideas of where the message ends.
INSTANTIATE_TEST_SUITE_P(
    Framing, HostileRequest,
    testing::Values(
        Case{"cl_te", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "1\r\nZ\r\nQ"), 400, kBoth},
        Case{"te_cl", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"), 400, kBoth},
        Case{"te_cl_zero", post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400, kBoth},
        Case{"te_xchunked", post("Transfer-Encoding: xchunked\r\n"), 501, "unknown transfer coding"},
        Case{"te_gzip", post("Transfer-Encoding: gzip\r\n"), 501, "unknown transfer coding"},
        Case{"te_identity", post("Transfer-Encoding: identity\r\n"), 501, "unknown transfer coding"},
        Case{"te_chunked_x", post("Transfer-Encoding: chunkedx\r\n"), 501, "unknown transfer coding"},
        Case{"te_chunked_twice", post("Transfer-Encoding: chunked, chunked\r\n"), 400, kCodingEarly},
        Case{"te_identity_chunked", post("Transfer-Encoding: identity, chunked\r\n"), 400, kCoding},
        Case{"te_gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 400, kCoding},
        Case{"te_chunked_gzip", post("Transfer-Encoding: chunked, gzip\r\n"), 400, kCodingEarly},
        Case{"te_leading_comma", post("Transfer-Encoding: ,chunked\r\n"), 400, kCoding},
        Case{"te_trailing_comma", post("Transfer-Encoding: chunked,\r\n"), 400, kCodingEarly},
        Case{"te_quoted", post("Transfer-Encoding: \"chunked\"\r\n"), 400, kCoding},
        Case{"te_parameter", post("Transfer-Encoding: chunked;q=1\r\n"), 400, kCoding},
        Case{"te_empty", post("Transfer-Encoding:\r\n"), 400, kCoding},
        Case{"te_inner_space", post("Transfer-Encoding: chu nked\r\n"), 400, kCoding},
        Case{"te_vertical_tab",
             post("Transfer-Encoding: \x0b"
                  "chunked\r\n"),
             400, kControl},
        Case{"te_form_feed", post("Transfer-Encoding: chunked\x0c\r\n"), 400, kControl},
        Case{"te_nbsp",
             post("Transfer-Encoding: \xa0"
                  "chunked\r\n"),
             400, kCoding},
        Case{"te_two_lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, kCodingEarly},
        Case{"te_identity_line_then_chunked", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
             400, "more than one Transfer-Encoding"},
        Case{"te_space_before_colon", post("Transfer-Encoding : chunked\r\n"), 400, kNameSpace},
        Case{"te_tab_before_colon", post("Transfer-Encoding\t: chunked\r\n"), 400, kNameSpace},
        Case{"te_folded_value", post("Transfer-Encoding:\r\n chunked\r\n"), 400, kFold},
        Case{"te_folded_name", post("X: y\r\n Transfer-Encoding: chunked\r\n"), 400, kFold},
        Case{"te_in_http10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
             "Transfer-Encoding in HTTP/1.0"},
        Case{"te_with_underscore_is_no_te", post("Transfer_Encoding: chunked\r\n"), 0, ""},
        Case{"te_behind_bare_cr", post("X-Abc: \rTransfer-Encoding: chunked\r\n"), 400, kBareCr},
        Case{"te_behind_bare_lf", post("X-Abc: \nTransfer-Encoding: chunked\r\n"), 400, kBareLf},
        Case{"te_upper_case", post("TRANSFER-ENCODING: CHUNKED\r\n", "0\r\n\r\n"), 0, ""},
        Case{"te_trailing_space_is_ows", post("Transfer-Encoding: chunked \r\n", "0\r\n\r\n"), 0, ""},
        Case{"cl_empty", post("Content-Length:\r\n"), 400, kLength},
        Case{"cl_space", post("Content-Length:  \r\n"), 400, kLength},
        Case{"cl_plus", post("Content-Length: +1\r\n", "x"), 400, kLength},
        Case{"cl_minus", post("Content-Length: -1\r\n"), 400, kLength},
        Case{"cl_hex", post("Content-Length: 0x1\r\n", "x"), 400, kLength},
        Case{"cl_list", post("Content-Length: 1,1\r\n", "x"), 400, kLength},
        Case{"cl_list_space", post("Content-Length: 1, 1\r\n", "x"), 400, kLength},
        Case{"cl_two_numbers", post("Content-Length: 1 1\r\n", "x"), 400, kLength},
        Case{"cl_letters", post("Content-Length: five\r\n"), 400, kLength},
        Case{"cl_float", post("Content-Length: 1.0\r\n"), 400, kLength},
        Case{"cl_quoted", post("Content-Length: \"1\"\r\n"), 400, kLength},
        Case{"cl_semicolon", post("Content-Length: 1;\r\n"), 400, kLength},
        Case{"cl_nul", post("Content-Length: 1\0\r\n"s), 400, "NUL in the head"},
        Case{"cl_two_to_63", post("Content-Length: 9223372036854775808\r\n"), 400, kLength},
        Case{"cl_two_to_64", post("Content-Length: 18446744073709551616\r\n"), 400, kLength},
        Case{"cl_two_to_64_and_one", post("Content-Length: 18446744073709551617\r\n"), 400, kLength},
        Case{"cl_forty_digits", post("Content-Length: 1000000000000000000000000000000000000001\r\n"), 400, kLength},
        Case{"cl_twice_same", post("Content-Length: 1\r\nContent-Length: 1\r\n", "x"), 400, kBoth},
        Case{"cl_twice_different", post("Content-Length: 1\r\nContent-Length: 2\r\n", "xx"), 400, kBoth},
        Case{"cl_folded", post("Content-Length:\r\n 5\r\n"), 400, kFold},
        Case{"cl_folded_digits", post("Content-Length: 1\r\n 2\r\n"), 400, kFold},
        Case{"cl_space_before_colon", post("Content-Length : 5\r\n"), 400, kNameSpace},
        Case{"cl_zeros_are_zero", post("Content-Length: 00\r\n"), 0, ""},
        Case{"cl_long_name", post("Content-Length" + std::string(270, '0') + ": 5\r\n"), 0, ""}),
    test_name);

// THREATS 6-10: lines and fields.
INSTANTIATE_TEST_SUITE_P(
    Lines, HostileRequest,
    testing::Values(Case{"head_ended_by_cr_x", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400, kBareCr},
                    Case{"bare_cr_in_value", get("Host: a\r\nX: a\rb\r\n"), 400, kBareCr},
                    Case{"bare_cr_in_name", get("Host: a\r\nX\rY: 1\r\n"), 400, kBareCr},
                    Case{"bare_cr_in_target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400, kBareCr},
                    Case{"double_cr", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, kBareCr},
                    Case{"lf_ends_request_line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, kBareLf},
                    Case{"lf_ends_field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, kBareLf},
                    Case{"lf_ends_head", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, kBareLf},
                    Case{"lf_lf", "GET / HTTP/1.1\n\n", 400, kBareLf},
                    Case{"lf_first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, kBareLf},
                    Case{"http09_with_lf", "GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400, kBareLf},
                    Case{"fold_in_host", "GET / HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\nhello", 400, kFold},
                    Case{"fold_with_tab", get("Host: a\r\n\tb\r\n"), 400, kFold},
                    Case{"first_field_starts_with_space", get(" Host: a\r\n"), 400, kFold},
                    Case{"first_field_starts_with_tab", get("\tHost: a\r\n"), 400, kFold},
                    Case{"line_of_one_space", get("Host: a\r\n \r\n"), 400, kFold},
                    Case{"space_before_colon", get("Host : a\r\n"), 400, kNameSpace},
                    Case{"space_inside_name", get("Host: a\r\nX Y: 1\r\n"), 400, kNameSpace},
                    Case{"empty_name", get("Host: a\r\n: v\r\n"), 400, "empty header name"},
                    Case{"no_colon", get("Host: a\r\nXY\r\n"), 400, "header line without a colon"},
                    Case{"parenthesis_in_name", get("Host: a\r\nX(Y: 1\r\n"), 400, kName},
                    Case{"slash_in_name", get("Host: a\r\nX/Y: 1\r\n"), 400, kName},
                    Case{"quote_in_name", get("Host: a\r\n\"X\": 1\r\n"), 400, kName},
                    Case{"at_in_name", get("Host: a\r\nX@: 1\r\n"), 400, kName},
                    Case{"brace_in_name", get("Host: a\r\n{X}: 1\r\n"), 400, kName},
                    Case{"high_byte_in_name", get("Host: a\r\nX\xe9: 1\r\n"), 400, kName},
                    Case{"nul_in_name", get("Host: a\r\nX\0Y: 1\r\n"s), 400, "NUL in the head"},
                    Case{"nul_in_value", get("Host: a\r\nX: a\0b\r\n"s), 400, "NUL in the head"},
                    Case{"nul_in_target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s, 400, "NUL in the head"},
                    Case{"bell_in_value",
                         get("Host: a\r\nX: a\x07"
                             "b\r\n"),
                         400, kControl},
                    Case{"escape_in_value", get("Host: a\r\nX: \x1b[31m\r\n"), 400, kControl},
                    Case{"del_in_value", get("Host: a\r\nX: a\x7f\r\n"), 400, kControl},
                    Case{"vertical_tab_in_value", get("Host: a\r\nX: \x0b\r\n"), 400, kControl},
                    Case{"tab_in_name", get("Host: a\r\nX\tY: 1\r\n"), 400, kNameSpace},
                    Case{"three_empty_lines", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
                         "too many empty lines before the message"},
                    Case{"empty_lines_only", repeat("\r\n", 20), 400, "too many empty lines before the message"},
                    Case{"cr_then_get", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, kBareCr},
                    Case{"high_byte_in_value_is_fine", get("Host: a\r\nX: \xe9\r\n"), 0, ""},
                    Case{"tab_in_value_is_fine", get("Host: a\r\nX: a\tb\r\n"), 0, ""}),
    test_name);

// The request line.
INSTANTIATE_TEST_SUITE_P(
    RequestLine, HostileRequest,
    testing::Values(
        Case{"tls_client_hello", "\x16\x03\x01\x02\x00\x01"s, 400, "TLS handshake on a plain-text port"},
        Case{"space_first", line(" GET / HTTP/1.1"), 400, "white space before the request line"},
        Case{"colon_first", line(":GET / HTTP/1.1"), 400, "request does not start with a method"},
        Case{"high_byte_first", "\xff\xfe", 400, "request does not start with a method"},
        Case{"nul_first", "\0"s, 400, "NUL in the head"},
        Case{"proxy_protocol", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
             kVersionForm},
        Case{"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, kVersion},
        Case{"http2_preface_cut", "PRI * HTTP/2.0\r\n", 505, kVersion},
        Case{"http20", line("GET / HTTP/2.0"), 505, kVersion}, Case{"http12", line("GET / HTTP/1.2"), 505, kVersion},
        Case{"http09", line("GET / HTTP/0.9"), 505, kVersion},
        Case{"http111", line("GET / HTTP/1.11"), 400, kVersionForm},
        Case{"http_without_dot", line("GET / HTTP/11"), 400, kVersionForm},
        Case{"http_lower_case", line("GET / http/1.1"), 400, kVersionForm},
        Case{"no_version", line("GET /"), 400, "request line without a version (HTTP/0.9)"},
        Case{"method_only", line("GET"), 400, "request line without a target"},
        Case{"trailing_space", line("GET / HTTP/1.1 "), 400, kVersionForm},
        Case{"two_spaces_before_target", line("GET  / HTTP/1.1"), 400, "more than one space before the target"},
        Case{"two_spaces_behind_target", line("GET /  HTTP/1.1"), 400, kVersionForm},
        Case{"space_in_target", line("GET /a b HTTP/1.1"), 400, kVersionForm},
        Case{"second_request_in_target", line("GET /admin HTTP/1.1 HTTP/1.1"), 400, kVersionForm},
        Case{"tab_between", line("GET\t/\tHTTP/1.1"), 400, kControl},
        Case{"rtsp", line("DESCRIBE / RTSP/1.0"), 400, kVersionForm},
        Case{"ice", line("SOURCE / ICE/1.0"), 400, kVersionForm},
        Case{"any_token_is_fine", line("m!#$%&'*+-.^_`|~9 / HTTP/1.1"), 0, ""},
        Case{"lower_case_method", line("get / HTTP/1.1"), 501, "known method in other case"},
        Case{"mixed_case_head", line("Head / HTTP/1.1"), 501, "known method in other case"},
        Case{"lower_case_connect", line("connect / HTTP/1.1"), 501, "known method in other case"},
        Case{"source_http_is_fine", line("SOURCE / HTTP/1.1"), 0, ""},
        Case{"unknown_method_cl_te",
             "MKCALENDAR / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400, kBoth},
        Case{"unknown_method_without_target", line("NOTIFY  HTTP/1.1"), 400, "more than one space before the target"},
        Case{"unknown_method_asterisk", line("PRI * HTTP/1.1"), 400, "asterisk target of a method other than OPTIONS"},
        Case{"illegal_method", line("GE(T / HTTP/1.1"), 400, "illegal character in the method"},
        Case{"connect", line("CONNECT x:25 HTTP/1.1"), 405, "CONNECT is not served"},
        Case{"connect_path", line("CONNECT / HTTP/1.1"), 405, "CONNECT is not served"},
        Case{"trace", line("TRACE / HTTP/1.1"), 405, "TRACE is not served"},
        Case{"purge_is_fine", line("PURGE / HTTP/1.1"), 0, ""}),
    test_name);

// THREATS 26-28: target and Host.
INSTANTIATE_TEST_SUITE_P(
    Target, HostileRequest,
    testing::Values(
        Case{"fragment", line("GET /a#x HTTP/1.1"), 400, "fragment in the request target"},
        Case{"fragment_in_query", line("GET /a?b#x HTTP/1.1"), 400, "fragment in the request target"},
        Case{"backslash", line("GET /a\\..\\b HTTP/1.1"), 400, "backslash in the path"},
        Case{"backslash_first", line("GET \\a HTTP/1.1"), 400, kTargetForm},
        Case{"percent_nul", line("GET /a%00b HTTP/1.1"), 400, "%00 in the request target"},
        Case{"percent_nul_in_query", line("GET /a?b=%00 HTTP/1.1"), 400, "%00 in the request target"},
        Case{"percent_broken", line("GET /a%zz HTTP/1.1"), 400, "malformed percent-encoding in the path"},
        Case{"percent_short", line("GET /a%4 HTTP/1.1"), 400, "malformed percent-encoding in the path"},
        Case{"percent_broken_in_query_is_fine", line("GET /a?100% HTTP/1.1"), 0, ""},
        Case{"overlong_slash_in_four", line("GET /\xf0\x80\x80\xaf HTTP/1.1"), 400,
             "overlong UTF-8 in the request target"},
        Case{"overlong_in_query", line("GET /?a=\xc1\x9c HTTP/1.1"), 400, "overlong UTF-8 in the request target"},
        Case{"control_in_target", line("GET /a\x01 HTTP/1.1"), 400, kControl},
        Case{"del_in_target", line("GET /a\x7f HTTP/1.1"), 400, kControl},
        Case{"asterisk_of_get", line("GET * HTTP/1.1"), 400, "asterisk target of a method other than OPTIONS"},
        Case{"asterisk_with_more", line("OPTIONS *x HTTP/1.1"), 400, kTargetForm},
        Case{"authority_form", line("GET a:80 HTTP/1.1"), 400, kTargetForm},
        Case{"no_slash", line("GET admin HTTP/1.1"), 400, kTargetForm},
        Case{"ftp", line("GET ftp://a/ HTTP/1.1"), 400, kTargetForm},
        Case{"http_one_slash", line("GET http:/a/ HTTP/1.1"), 400, kTargetForm},
        Case{"absolute_without_host", line("GET http:///x HTTP/1.1"), 400, "invalid authority in the request target"},
        Case{"absolute_user_info", line("GET http://u@a/ HTTP/1.1"), 400, "invalid authority in the request target"},
        Case{"absolute_bad_port", line("GET http://a:99999/ HTTP/1.1"), 400, "invalid authority in the request target"},
        Case{"absolute_backslash", line("GET http://a\\b/ HTTP/1.1"), 400, "backslash in the path"},
        Case{"absolute_fragment", line("GET http://a#b HTTP/1.1"), 400, "fragment in the request target"},
        Case{"absolute_without_a_host_field", "GET http://a/ HTTP/1.1\r\n\r\n", 400, "no Host"},
        Case{"absolute_with_bad_host_field", "GET http://a/ HTTP/1.1\r\nHost: b, c\r\n\r\n", 400, kHost},
        Case{"double_slash_is_fine", line("GET //admin HTTP/1.1"), 0, ""},
        Case{"encoded_slash_is_fine", line("GET /a%2f..%5c HTTP/1.1"), 0, ""},
        Case{"dots_are_the_routers", line("GET /a/../..;/b HTTP/1.1"), 0, ""},
        Case{"overlong_utf8_slash", line("GET /\xc0\xaf HTTP/1.1"), 400, "overlong UTF-8 in the request target"},
        Case{"overlong_utf8_dot_of_three", line("GET /\xe0\x80\xae HTTP/1.1"), 400,
             "overlong UTF-8 in the request target"},
        Case{"raw_utf8_is_encoded", line("GET /\xc3\xa9 HTTP/1.1"), 0, ""},
        Case{"raw_latin1_is_encoded", line("GET /\xe9t\xe9 HTTP/1.1"), 0, ""},
        Case{"host_missing", "GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
        Case{"host_missing_with_others", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, "no Host"},
        Case{"host_twice", get("Host: a\r\nHost: b\r\n"), 400, "more than one Host"},
        Case{"host_twice_same", get("Host: a\r\nHost: a\r\n"), 400, "more than one Host"},
        Case{"host_twice_http10", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, "more than one Host"},
        Case{"host_empty", get("Host:\r\n"), 400, kHost}, Case{"host_list", get("Host: a, b\r\n"), 400, kHost},
        Case{"host_path", get("Host: a/b\r\n"), 400, kHost}, Case{"host_user_info", get("Host: u@a\r\n"), 400, kHost},
        Case{"host_space", get("Host: a b\r\n"), 400, kHost}, Case{"host_bad_port", get("Host: a:80x\r\n"), 400, kHost},
        Case{"host_port_too_large", get("Host: a:65536\r\n"), 400, kHost},
        Case{"host_two_ports", get("Host: a:80:80\r\n"), 400, kHost},
        Case{"host_dots", get("Host: a..b\r\n"), 400, kHost}, Case{"host_dot_only", get("Host: .\r\n"), 400, kHost},
        Case{"host_percent", get("Host: a%2eb\r\n"), 400, kHost},
        Case{"host_high_byte", get("Host: \xc3\xa9\r\n"), 400, kHost},
        Case{"host_question", get("Host: a?b\r\n"), 400, kHost},
        Case{"host_fragment", get("Host: a#b\r\n"), 400, kHost},
        Case{"host_ipv6_open", get("Host: [::1\r\n"), 400, kHost},
        Case{"host_ipv6_bad", get("Host: [::1::2]\r\n"), 400, kHost},
        Case{"host_ipv6_zone", get("Host: [fe80::1%25eth0]\r\n"), 400, kHost},
        Case{"host_ipv6_trailer", get("Host: [::1]x\r\n"), 400, kHost},
        Case{"host_too_long", get("Host: " + std::string(256, 'a') + "\r\n"), 400, kHost}),
    test_name);

// THREATS 5, 24: what is asked of the connection.
INSTANTIATE_TEST_SUITE_P(
    Connection, HostileRequest,
    testing::Values(
        Case{"names_content_length", post("Connection: close, Content-Length\r\nContent-Length: 0\r\n"), 400,
             kConnection},
        Case{"names_transfer_encoding", post("Connection: transfer-encoding\r\n"), 400, kConnection},
        Case{"names_host", post("Connection: x\r\nConnection: HOST\r\n"), 400, kConnection},
        Case{"names_te_is_fine", post("Connection: TE\r\nTE: trailers\r\n"), 0, ""},
        Case{"names_forwarded_is_no_reason", post("Connection: close, X-Forwarded-For, Authorization\r\n"), 0, ""},
        Case{"too_many_options", post("Connection: " + repeat("a,", 33) + "\r\n"), 400, "too many Connection options"},
        Case{"many_commas_are_no_options", post("Connection: " + std::string(1000, ',') + "close\r\n"), 0, ""},
        Case{"expect_unknown", post("Expect: 200-ok\r\n"), 417, "unknown Expect"},
        Case{"expect_prefixed", post("Expect: y 100-continue\r\n"), 417, "unknown Expect"},
        Case{"expect_list", post("Expect: 100-continue, x\r\n"), 417, "unknown Expect"},
        Case{"expect_twice", post("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417, "unknown Expect"},
        Case{"expect_empty", post("Expect:\r\n"), 417, "unknown Expect"}),
    test_name);

// THREATS 11-13: chunks.
constexpr const char* kSize = "illegal character in a chunk size";
constexpr const char* kExtension = "malformed chunk extension";
constexpr const char* kAfterData = "chunk data is not followed by CRLF";
INSTANTIATE_TEST_SUITE_P(
    Chunks, HostileRequest,
    testing::Values(
        Case{"size_lf", chunks("1\nA\r\n0\r\n\r\n"), 400, kSize},
        Case{"size_cr_only", chunks("1\rXA\r\n"), 400, "CR without LF in a chunk size line"},
        Case{"size_hex_prefix", chunks("0x1\r\nA\r\n"), 400, kSize},
        Case{"size_plus", chunks("+1\r\nA\r\n"), 400, "chunk without a size"},
        Case{"size_minus", chunks("-1\r\nA\r\n"), 400, "chunk without a size"},
        Case{"size_leading_space", chunks(" 1\r\nA\r\n"), 400, "chunk without a size"},
        Case{"size_trailing_space", chunks("1 \r\nA\r\n"), 400, kSize},
        Case{"size_trailing_tab", chunks("1\t\r\nA\r\n"), 400, kSize},
        Case{"size_underscore", chunks("_1\r\nA\r\n"), 400, "chunk without a size"},
        Case{"size_empty", chunks("\r\nA\r\n"), 400, "chunk without a size"},
        Case{"size_extension_only", chunks(";a\r\n"), 400, "chunk without a size"},
        Case{"size_17_digits", chunks("00000000000000001\r\nA\r\n"), 400, "chunk size has more than 16 digits"},
        Case{"size_two_to_63", chunks("8000000000000000\r\n"), 400, "chunk size is too large"},
        Case{"size_two_to_64", chunks("ffffffffffffffff\r\n"), 400, "chunk size is too large"},
        Case{"size_g", chunks("g\r\n"), 400, "chunk without a size"},
        Case{"extension_lf", chunks("5;\nhello\r\n0\r\n\r\n"), 400, kExtension},
        Case{"extension_name_lf", chunks("5;a\nhello\r\n0\r\n\r\n"), 400, kExtension},
        Case{"extension_cr_inside", chunks("1;a\rb\r\nA\r\n"), 400, "CR without LF in a chunk size line"},
        Case{"extension_empty", chunks("1;\r\nA\r\n"), 400, kExtension},
        Case{"extension_empty_value", chunks("1;a=\r\nA\r\n"), 400, kExtension},
        Case{"extension_space", chunks("1; a\r\nA\r\n"), 400, kExtension},
        Case{"extension_nul", chunks("1;a\0\r\nA\r\n"s), 400, kExtension},
        Case{"extension_lf_in_quotes", chunks("1;a=\"\n\"\r\nA\r\n"), 400, "control character in a chunk extension"},
        Case{"extension_crlf_in_quotes", chunks("1;a=\"\r\n\"\r\nA\r\n"), 400,
             "control character in a chunk extension"},
        Case{"extension_behind_quotes", chunks("1;a=\"b\"c\r\nA\r\n"), 400, kExtension},
        Case{"extension_too_long", chunks("1;" + std::string(256, 'a') + "\r\nA\r\n"), 400,
             "chunk extension is too long"},
        Case{"extension_flood", chunks(repeat("1;" + std::string(200, 'a') + "\r\nA\r\n", 90)), 400,
             "too many chunk extensions or leading zeros"},
        Case{"leading_zero_flood", chunks(repeat("0000000000000001\r\nA\r\n", 1200)), 400,
             "too many chunk extensions or leading zeros"},
        Case{"data_too_long", chunks("1\r\nAB\r\n0\r\n\r\n"), 400, kAfterData},
        Case{"data_then_xx", chunks("1\r\nAXX0\r\n\r\n"), 400, kAfterData},
        Case{"data_then_lf", chunks("1\r\nA\n0\r\n\r\n"), 400, kAfterData},
        Case{"data_then_cr_x", chunks("1\r\nA\rX"), 400, kAfterData},
        Case{"last_chunk_lf", chunks("0\r\n\n"), 400, "malformed trailer"},
        Case{"last_chunk_cr_x", chunks("0\r\n\rX"), 400, "CR without LF after the last chunk"},
        Case{"last_size_lf", chunks("0\n\r\n"), 400, kSize},
        Case{"trailer_fold", chunks("0\r\nA: b\r\n c\r\n\r\n"), 400, "malformed trailer"},
        Case{"trailer_without_colon", chunks("0\r\nAB\r\n\r\n"), 400, "malformed trailer"},
        Case{"trailer_space_before_colon", chunks("0\r\nA : b\r\n\r\n"), 400, "malformed trailer"},
        Case{"trailer_bare_cr", chunks("0\r\nA: b\rc\r\n\r\n"), 400, "CR without LF in a trailer"},
        Case{"trailer_bare_lf", chunks("0\r\nA: b\nc: d\r\n\r\n"), 400, "control character in a trailer"},
        Case{"trailer_nul", chunks("0\r\nA: \0\r\n\r\n"s), 400, "control character in a trailer"},
        Case{"trailer_bomb", chunks("0\r\n" + repeat("A: " + std::string(100, 'b') + "\r\n", 90)), 400,
             "trailers are too large"},
        Case{"trailers_are_dropped", chunks("0\r\nHost: b\r\nContent-Length: 5\r\nX-Forwarded-For: 1\r\n\r\n"), 0, ""},
        Case{"one_byte_chunks_are_fine", chunks(repeat("1\r\nA\r\n", 500) + "0\r\n\r\n"), 0, ""}),
    test_name);

// THREATS 14: size.
INSTANTIATE_TEST_SUITE_P(
    Limits, HostileRequest,
    testing::Values(
        Case{"target_too_long", line("GET /" + std::string(8200, 'a') + " HTTP/1.1"), 414, "request line is too long"},
        Case{"target_endless", "GET /" + std::string(8200, 'a'), 414, "request line is too long"},
        Case{"method_endless", std::string(8200, 'A'), 414, "request line is too long"},
        Case{"target_at_the_limit", line("GET /" + std::string(8192 - 14, 'a') + " HTTP/1.1"), 0, ""},
        Case{"target_over_the_limit", line("GET /" + std::string(8192 - 13, 'a') + " HTTP/1.1"), 414,
             "request line is too long"},
        Case{"field_too_long", get("Host: a\r\nX: " + std::string(8200, 'a') + "\r\n"), 431,
             "header field line is too long"},
        Case{"field_endless", "GET / HTTP/1.1\r\nX: " + std::string(8200, 'a'), 431, "header field line is too long"},
        Case{"field_at_the_limit", get("Host: a\r\nX: " + std::string(8189, 'a') + "\r\n"), 0, ""},
        Case{"name_too_long", get("Host: a\r\n" + std::string(8200, 'X') + ": a\r\n"), 431,
             "header field line is too long"},
        Case{"block_too_large", get("Host: a\r\n" + repeat("X: " + std::string(4000, 'a') + "\r\n", 9)), 431,
             "header block is too large"},
        Case{"a_hundred_fields", get("Host: a\r\n" + repeat("X: y\r\n", 99)), 0, ""},
        Case{"a_hundred_and_one_fields", get("Host: a\r\n" + repeat("X: y\r\n", 100)), 431, "too many header fields"},
        Case{"ten_thousand_fields", get("Host: a\r\n" + repeat("X:\r\n", 10000)), 431, "too many header fields"}),
    test_name);

TEST(HostileHead, is_refused_at_its_first_bad_byte) {
  for (const std::string& input :
       {"\x16"s, "GET / HTTP/1.1\n"s, "GET /\r"s + "x", "PRI * HTTP/2.0\r\n"s, "GET / HTTP/1.1\r\n "s,
        "GET / HTTP/1.1\r\n:"s, "GET / HTTP/1.1\r\nX: \x01"s, "GET / HTTP/1.1\r\nX Y: z\r\n"s}) {
    EXPECT_EQ(feed_requests(input.substr(0, input.size() - 1)).events->status, 0) << input;
    EXPECT_NE(feed_requests(input).events->status, 0) << input;
  }
}

TEST(HostileHead, names_the_request_line_once_it_is_complete) {
  EXPECT_EQ(feed_requests("GET /x HTTP/1.1\r\n: a\r\n").events->refused_line, "GET /x HTTP/1.1");
  EXPECT_EQ(feed_requests("TRACE /x HTTP/1.1\r\n").events->refused_line, "TRACE /x HTTP/1.1");
  EXPECT_EQ(feed_requests("GET /#x HTTP/1.1\r\n\r\n").events->refused_line, "GET /#x HTTP/1.1");
  EXPECT_EQ(feed_requests("GET /x\n").events->refused_line, "");
}

TEST(HostileHead, has_limits_that_can_be_set) {
  const HeadLimits limits{.head_bytes = 100, .line_bytes = 30, .fields = 2};
  EXPECT_EQ(feed_requests("GET /" + std::string(30, 'a'), {}, limits).events->status, 414);
  EXPECT_EQ(feed_requests("GET / HTTP/1.1\r\nX: " + std::string(30, 'a'), {}, limits).events->status, 431);
  EXPECT_EQ(feed_requests(get("Host: a\r\nX: a\r\nY: b\r\n"), {}, limits).events->reason, "too many header fields");
  EXPECT_EQ(feed_requests(get("Host: a\r\nX: a\r\n"), {}, limits).events->status, 0);
}

TEST(HostileHead, field_count_never_exceeds_the_capacity) {
  const HeadLimits limits{.head_bytes = 1 << 20, .line_bytes = 8192, .fields = 100000};
  EXPECT_EQ(feed_requests(get("Host: a\r\n" + repeat("X: y\r\n", 8191)), {}, limits).events->status, 0);
  EXPECT_EQ(feed_requests(get("Host: a\r\n" + repeat("X: y\r\n", 8192)), {}, limits).events->status, 431);
}

TEST(HostileHead, bare_lf_hides_nothing_when_accepted) {
  const HeadLimits limits{.bare_lf = true};
  const std::pair<const char*, const char*> cases[] = {
      {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", kBoth},
      {"POST / HTTP/1.1\nHost: a\nX: y\n Content-Length: 5\n\n", kFold},
      {"GET / HTTP/1.1\nHost: a\nHost: b\n\n", "more than one Host"},
      {"GET / HTTP/1.1\nHost: a\nX: \r\r\nY: z\n\n", kBareCr},
      {"GET /\nHost: a\n\n", "request line without a version (HTTP/0.9)"},
      {"GET / HTTP/1.1\n\rHost: a\n\n", kBareCr},
      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nA\r\n0\r\n\r\n",
       "illegal character in a chunk size"},
  };
  for (const auto& [input, reason] : cases) {
    EXPECT_EQ(feed_requests(input, {}, limits).events->reason, reason) << input;
    const auto bytes = every_byte(std::string_view(input).size());
    EXPECT_EQ(feed_requests(input, bytes, limits).events->reason, reason) << input;
  }
}

TEST(HostileRequestAfterAGoodOne, is_refused_alone) {
  const auto fed = feed_requests(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /3 HTTP/1.1\r\n");
  ASSERT_EQ(fed.events->requests.size(), 1u);
  EXPECT_EQ(fed.events->requests[0].target, "/1");
  EXPECT_EQ(fed.events->status, 400);
}

}  // namespace
}  // namespace weir::http
