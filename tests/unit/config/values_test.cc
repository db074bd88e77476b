// Sizes, times, switches, addresses, distances.
#include "config/values.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Values, sizes_have_binary_units) {
  EXPECT_EQ(parse_size("512"), 512);
  EXPECT_EQ(parse_size("8k"), 8192);
  EXPECT_EQ(parse_size("8K"), 8192);
  EXPECT_EQ(parse_size("1m"), 1 << 20);
  EXPECT_EQ(parse_size("2g"), 2LL << 30);
  for (const char* wrong : {"", "k", "-1", "1kk", "1 k", "1t", "1.5m", "9223372036854775807k"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Values, times_have_units_and_a_bare_number_is_seconds) {
  EXPECT_EQ(parse_time("60"), Millis(60'000));
  EXPECT_EQ(parse_time("0"), Millis(0));
  EXPECT_EQ(parse_time("1500ms"), Millis(1500));
  EXPECT_EQ(parse_time("1m"), Millis(60'000));
  EXPECT_EQ(parse_time("1h30m"), Millis(5'400'000));
  EXPECT_EQ(parse_time("1d 12h"), Millis(129'600'000));
  EXPECT_EQ(parse_time("1m 30"), Millis(90'000));
  EXPECT_EQ(parse_time("1s500ms"), Millis(1500));
  EXPECT_EQ(parse_time("1w"), Millis(604'800'000));
  EXPECT_EQ(parse_time("1M"), Millis(2'592'000'000));
  EXPECT_EQ(parse_time("1y"), Millis(31'536'000'000));
  for (const char* wrong :
       {"", "s", "1x", "-1s", "30m1h", "1s1s", "1.5s", "1ms1s", " 1s", "1000y", "9223372036854775807"})
    EXPECT_FALSE(parse_time(wrong)) << wrong;
}

TEST(Values, switches_are_on_or_off) {
  EXPECT_EQ(parse_flag("on"), true);
  EXPECT_EQ(parse_flag("OFF"), false);
  EXPECT_FALSE(parse_flag("yes"));
}

TEST(Values, round_trip_through_print) {
  for (const int64_t size : {0LL, 1LL, 1000LL, 1024LL, 5LL << 20, 3LL << 30, (1LL << 30) + 1})
    EXPECT_EQ(parse_size(format_size(size)), size);
  for (const int64_t ms : {0LL, 1LL, 1000LL, 1500LL, 60'000LL, 3'600'000LL, 86'400'000LL, 90'061'000LL})
    EXPECT_EQ(parse_time(format_time(Millis(ms))), Millis(ms));
  EXPECT_EQ(format_time(Millis(60'000)), "1m");
  EXPECT_EQ(format_size(65'536), "64k");
}

TEST(Values, hosts_have_ports) {
  const auto text = [](std::string_view s) -> std::string {
    auto host = parse_host_port(s, 80);
    if (!host) return "error: " + host.error();
    return host->address.empty() ? host->host + " " + std::to_string(host->port) : host->address.to_string();
  };
  EXPECT_EQ(text("10.0.0.1"), "10.0.0.1:80");
  EXPECT_EQ(text("10.0.0.1:13000"), "10.0.0.1:13000");
  EXPECT_EQ(text("[::1]:8080"), "[::1]:8080");
  EXPECT_EQ(text("[::1]"), "[::1]:80");
  EXPECT_EQ(text("app.example:9"), "app.example 9");
  EXPECT_EQ(text("unix:/run/a.sock"), "unix:/run/a.sock");
  EXPECT_EQ(text("a:0"), "error: invalid port in \"a:0\"");
  EXPECT_EQ(text("a:65536"), "error: invalid port in \"a:65536\"");
  EXPECT_EQ(text("a:"), "error: invalid port in \"a:\"");
  EXPECT_EQ(text(":80"), "error: no host in \":80\"");
  EXPECT_EQ(text(""), "error: no host in \"\"");
  EXPECT_EQ(text("::1"), "error: invalid host in \"::1\", an IPv6 address is written in brackets");
  EXPECT_EQ(text("[::1"), "error: invalid host in \"[::1\"");
  EXPECT_EQ(text("[::x]:1"), "error: invalid IPv6 address in \"[::x]:1\"");
  EXPECT_EQ(text("unix:"), "error: no path in the unix domain socket \"unix:\"");
}

TEST(Values, edit_distance_counts_up_to_its_limit) {
  EXPECT_EQ(edit_distance("proxypass", "proxy_pass", 3), 1);
  EXPECT_EQ(edit_distance("lsiten", "listen", 3), 1);
  EXPECT_EQ(edit_distance("abc", "abc", 3), 0);
  EXPECT_EQ(edit_distance("abc", "xyz", 2), 3);
  EXPECT_EQ(edit_distance("", "abcd", 3), 4);
}

}  // namespace
}  // namespace weir::config
