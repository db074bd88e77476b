// The small parts: hosts, targets, hop-by-hop fields, dates, pages, phrases.
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "http/control_scan.h"
#include "http/date.h"
#include "http/forward.h"
#include "http/host.h"
#include "http/local_page.h"
#include "http/status.h"
#include "http/target.h"

namespace weir::http {
namespace {

TEST(ControlScan, name_length_stops_at_the_first_invalid_character) {
  for (size_t n = 0; n < 50; ++n) {
    for (int c = 0; c < 256; ++c) {
      const std::string line = std::string(n, 'x') + static_cast<char>(c) + "0123456789-ABCDEFGHI: value";
      const size_t whole = n + 1 + std::string_view("0123456789-ABCDEFGHI").size();
      ASSERT_EQ(name_length(line), is_tchar(static_cast<char>(c)) ? whole : n) << n << " " << c;
    }
  }
  EXPECT_EQ(name_length("a_b.c"), 5u);
}

TEST(ControlScan, is_printable_looks_at_every_byte) {
  for (size_t n = 0; n < 40; ++n) {
    for (int c = 0; c < 256; ++c) {
      const std::string text = std::string(n, 'x') + static_cast<char>(c) + "yy";
      ASSERT_EQ(is_printable(text), c > 0x20 && c < 0x7f) << n << " " << c;
    }
  }
}

TEST(Host, is_made_ready_for_routing) {
  Arena arena;
  const std::pair<const char*, const char*> good[] = {
      {"a", "a"},
      {"Example.COM", "example.com"},
      {"example.com.", "example.com"},
      {"EXAMPLE.com.:8080", "example.com"},
      {"a:", "a"},
      {"a:65535", "a"},
      {"10.0.0.1:80", "10.0.0.1"},
      {"my_host-1~", "my_host-1~"},
      {"[::1]", "[::1]"},
      {"[2001:DB8::1]:443", "[2001:db8::1]"},
      {"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"},
  };
  for (const auto& [in, out] : good) EXPECT_EQ(routing_host(in, arena), out) << in;
}

TEST(Host, is_refused_when_it_can_be_read_in_two_ways) {
  Arena arena;
  for (const char* bad :
       {"",      ":",         ":80",    ".",       "..",         ".a",       "a..b",     "a..",     "a b",
        " a",    "a,b",       "a/b",    "u@a",     "a:b",        "a:80:80",  "a:655360", "a:65536", "a:+1",
        "a%41",  "a\\b",      "a?b",    "a#b",     "a;b",        "[",        "[]",       "[::1",    "::1",
        "[::g]", "[1.2.3.4]", "[::1]a", "[::1]:x", "[::1%eth0]", "\xc3\xa9", "a'b",      "a\"b",    "<a>"})
    EXPECT_EQ(routing_host(bad, arena), std::nullopt) << bad;
}

TEST(Target, keeps_raw_paths_and_finds_the_query) {
  Arena arena;
  RequestHead head;
  head.method = Method::kGet;
  ASSERT_FALSE(parse_target("/a/../b%2Fc;d?e=/f?g\\", arena, head));
  EXPECT_EQ(head.target, "/a/../b%2Fc;d?e=/f?g\\");
  EXPECT_EQ(head.path, "/a/../b%2Fc;d");
  EXPECT_EQ(head.query, "e=/f?g\\");
  EXPECT_TRUE(head.has_query);
  head.clear();
  ASSERT_FALSE(parse_target("/?", arena, head));
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.query, "");
}

TEST(Target, refuses_control_characters_and_spaces_rather_than_encode_them) {
  Arena arena;
  RequestHead head;
  head.method = Method::kGet;
  for (const std::string_view bad : {std::string_view("/\0", 2), std::string_view("/?\r\n"), std::string_view("/ "),
                                     std::string_view("/\x7f"), std::string_view("http://a/\t")})
    EXPECT_TRUE(parse_target(bad, arena, head)) << bad;
}

TEST(Target, encodes_only_forbidden_bytes) {
  Arena arena;
  const std::string_view plain = "/!\"$&'()*+,-./:;<=>@[]^_`{|}~%41";
  EXPECT_EQ(encode_unsafe(plain, arena).data(), plain.data());
  EXPECT_EQ(encode_unsafe("\x7f\xff /", arena), "%7F%FF%20/");
}

std::string kept(const FieldList& fields) {
  std::string out;
  for (const Field& f : fields)
    if (!f.dropped) out.append(f.name).append(" ");
  return out;
}

FieldList received(std::initializer_list<std::pair<const char*, const char*>> list) {
  FieldList fields;
  for (const auto& [name, value] : list) fields.add(name, value, header_token(name), false);
  return fields;
}

TEST(HopByHop, fields_named_by_connection_are_removed) {
  FieldList fields = received({{"Host", "a"},
                               {"Connection", "close, X-Private, x-other"},
                               {"X-PRIVATE", "1"},
                               {"X-Other", "2"},
                               {"X-Other", "3"},
                               {"X-Kept", "4"},
                               {"TE", "trailers"},
                               {"Trailer", "X"},
                               {"Upgrade", "h2c"},
                               {"Keep-Alive", "timeout=5"},
                               {"Proxy-Connection", "keep-alive"},
                               {"Transfer-Encoding", "chunked"},
                               {"HTTP2-Settings", "AAM"},
                               {"Proxy-Authorization", "x"},
                               {"Proxy-Authenticate", "x"}});
  drop_hop_by_hop(fields);
  EXPECT_EQ(kept(fields), "Host X-Kept ");
}

TEST(HopByHop, connection_cannot_remove_protected_fields) {
  FieldList fields =
      received({{"Connection", "Host, X-Forwarded-For, X-Forwarded-Prefix, Forwarded, X-Real-IP, Content-Type"},
                {"Connection", "Content-Security-Policy, Authorization, Cookie, Via, Sec-Fetch-Site, Origin"},
                {"Connection", "Set-Cookie, Location, Cache-Control, X-Accel-Limit-Rate, X-Added"},
                {"Host", "a"},
                {"X-Forwarded-For", "1"},
                {"X-Forwarded-Prefix", "/"},
                {"Forwarded", "for=1"},
                {"X-Real-IP", "1"},
                {"Content-Type", "a"},
                {"Content-Security-Policy", "a"},
                {"Authorization", "a"},
                {"Cookie", "a"},
                {"Via", "a"},
                {"Sec-Fetch-Site", "a"},
                {"Origin", "a"},
                {"Set-Cookie", "a"},
                {"Location", "a"},
                {"Cache-Control", "a"},
                {"X-Accel-Limit-Rate", "a"}});
  fields.add("X-Added", "by weir", HeaderToken::kOther, true);
  const int before = fields.size();
  drop_hop_by_hop(fields);
  int left = 0;
  for (const Field& f : fields) left += f.dropped ? 0 : 1;
  EXPECT_EQ(left, before - 3) << kept(fields);
}

TEST(Date, is_an_imf_fixdate) {
  DateText out;
  EXPECT_EQ(imf_fixdate(784111777'000000, out), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(imf_fixdate(0, out), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(imf_fixdate(-1, out), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(imf_fixdate(951782400'999999, out), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(imf_fixdate(4107542399'000000, out), "Sun, 28 Feb 2100 23:59:59 GMT");
  EXPECT_EQ(imf_fixdate(4107542400'000000, out), "Mon, 01 Mar 2100 00:00:00 GMT");
  EXPECT_EQ(imf_fixdate(INT64_MAX, out), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(imf_fixdate(INT64_MIN, out), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(Date, has_nginx_log_forms) {
  DateText out;
  EXPECT_EQ(time_local(23349600'000000, 360, out), "28/Sep/1970:12:00:00 +0600");
  EXPECT_EQ(time_local(23349600'000000, -210, out), "28/Sep/1970:02:30:00 -0330");
  EXPECT_EQ(time_iso8601(23349600'000000, 360, out), "1970-09-28T12:00:00+06:00");
  EXPECT_EQ(time_iso8601(23349600'000000, 0, out), "1970-09-28T06:00:00+00:00");
  EXPECT_EQ(time_msec(1503544071'123999, out), "1503544071.123");
  EXPECT_EQ(time_msec(1503544071'007000, out), "1503544071.007");
}

TEST(LocalPage, shows_the_version_only_when_configured) {
  Arena arena;
  EXPECT_EQ(local_page(503, false, arena),
            "<html>\r\n<head><title>503 Service Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service "
            "Unavailable</h1></center>\r\n<hr><center>weir</center>\r\n</body>\r\n</html>\r\n");
  EXPECT_NE(local_page(404, true, arena).find("<hr><center>weir/" WEIR_VERSION "</center>"), std::string_view::npos);
  EXPECT_NE(local_page(599, false, arena).find("<title>599</title>"), std::string_view::npos);
  EXPECT_EQ(server_name(false), "weir");
}

TEST(Status, has_phrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "");
}

TEST(ControlScan, agrees_with_looking_at_each_byte) {
  for (size_t size = 0; size < 70; ++size) {
    for (int c = 0; c < 256; ++c) {
      for (size_t at = 0; at < size; at += 3) {
        std::string text(size, static_cast<char>(0x80 + size));
        text[at] = static_cast<char>(c);
        const bool control = c < 0x20 || c == 0x7f;
        ASSERT_EQ(find_control(text, 0, size), control ? at : size) << size << " " << c << " " << at;
        ASSERT_EQ(find_control(text, at / 2, size), control ? at : size) << size << " " << c << " " << at;
      }
    }
  }
  EXPECT_TRUE(is_clean_value("a\tb"));
  EXPECT_FALSE(is_clean_value("\ta\n"));
}

}  // namespace
}  // namespace weir::http
