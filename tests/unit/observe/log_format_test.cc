// Access-log lines: escapes of every byte, the combined format, golden lines.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "observe/access_log.h"
#include "observe/log_escape.h"
#include "unit/route/fake_source.h"

namespace weir::observe {
namespace {

using route::FakeSource;
using route::Var;

std::string escaped(std::string_view value, LogEscape escape) {
  std::string out;
  append_escaped(out, value, escape);
  return out;
}

std::string line_of(LogEscape escape, std::string_view format, const FakeSource& source) {
  const auto compiled = LogFormat::compile(escape, format, {});
  EXPECT_TRUE(compiled) << format;
  if (!compiled) return "";
  Arena arena;
  std::string out;
  compiled->render(source, arena, out);
  return out;
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/tests/golden/log/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

FakeSource get_request() {
  FakeSource source;
  source.set(Var::kRemoteAddr, "203.0.113.9").set(Var::kTimeLocal, "23/Nov/2026:04:30:00 +0000");
  source.set(Var::kRequest, "GET /api/app:getLang?locale=en-US HTTP/1.1").set(Var::kStatus, "200");
  source.set(Var::kBodyBytesSent, "568123").set(Var::kHttp, "referer", "https://app.example/");
  source.set(Var::kHttp, "user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
  return source;
}

TEST(LogEscape, default_escapes_every_byte_as_nginx_does) {
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<unsigned>(c));
    const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    EXPECT_EQ(escaped({&byte, 1}, LogEscape::kDefault), plain ? std::string(1, byte) : std::string(hex)) << c;
  }
}

TEST(LogEscape, json_escapes_forbidden_bytes) {
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\u%04X", static_cast<unsigned>(c));
    std::string expected(1, byte);
    if (c < 0x20 || c >= 0x7f) expected = hex;
    if (c == '"' || c == '\\') expected = std::string("\\") + byte;
    if (c == '\n') expected = "\\n";
    if (c == '\r') expected = "\\r";
    if (c == '\t') expected = "\\t";
    if (c == '\b') expected = "\\b";
    if (c == '\f') expected = "\\f";
    EXPECT_EQ(escaped({&byte, 1}, LogEscape::kJson), expected) << c;
  }
}

TEST(LogEscape, json_keeps_valid_utf8_alone) {
  EXPECT_EQ(escaped("a\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80z", LogEscape::kJson),
            "a\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80z");
  EXPECT_EQ(escaped("\xc0\xaf", LogEscape::kJson), "\\u00C0\\u00AF");                        // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80", LogEscape::kJson), "\\u00ED\\u00A0\\u0080");             // surrogate
  EXPECT_EQ(escaped("\xe4\xbd", LogEscape::kJson), "\\u00E4\\u00BD");                        // cut off
  EXPECT_EQ(escaped("\xf4\x90\x80\x80", LogEscape::kJson), "\\u00F4\\u0090\\u0080\\u0080");  // beyond U+10FFFF
  EXPECT_EQ(escaped("\xe0\x80\xaf\xc3\xa9", LogEscape::kJson), "\\u00E0\\u0080\\u00AF\xc3\xa9");
}

TEST(LogEscape, none_changes_nothing) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(escaped(all, LogEscape::kNone), all);
}

TEST(LogEscape, runs_of_clean_bytes_around_escapes_stay_whole) {
  EXPECT_EQ(escaped("ab\"cd\x01\x02"
                    "ef",
                    LogEscape::kDefault),
            "ab\\x22cd\\x01\\x02ef");
  EXPECT_EQ(escaped("", LogEscape::kDefault), "");
}

// The escape of a byte does not depend on where in a value it stands, or beside which others.
TEST(LogEscape, every_byte_is_escaped_at_every_place) {
  for (const LogEscape escape : {LogEscape::kDefault, LogEscape::kJson}) {
    for (int c = 0; c < 256; ++c) {
      const std::string byte(1, static_cast<char>(c));
      const std::string alone = escaped(byte, escape);
      for (size_t place = 0; place < 20; ++place) {
        for (const std::string other : {"a", "~", " ", "!", "#", "[", "]"}) {
          std::string value;
          std::string expected;
          for (size_t i = 0; i < 20; ++i) {
            value += i == place ? byte : other;
            expected += i == place ? alone : other;
          }
          ASSERT_EQ(escaped(value, escape), expected) << c << " at " << place;
        }
      }
    }
  }
}

TEST(LogEscape, a_long_value_is_cut) {
  const std::string longer(kLongestLogValue + 100, 'a');
  for (const LogEscape escape : {LogEscape::kDefault, LogEscape::kJson, LogEscape::kNone})
    EXPECT_EQ(escaped(longer, escape).size(), kLongestLogValue);
  EXPECT_EQ(escaped(std::string(kLongestLogValue + 1, '\n'), LogEscape::kDefault).size(), kLongestLogValue * 4);
}

TEST(LogFormat, combined_line) {
  Arena arena;
  std::string out;
  LogFormat::combined({}).render(get_request(), arena, out);
  FakeSource hostile = get_request();
  hostile.set(Var::kRemoteUser, "ad\"min\n")
      .set(Var::kHttp, "referer", "\x1b[31m\xff")
      .set(Var::kRequest, "GET /\\ HTTP/1.1");
  LogFormat::combined({}).render(hostile, arena, out);
  LogFormat::combined({}).render(FakeSource(), arena, out);
  EXPECT_EQ(out, golden("combined.txt"));
}

TEST(LogFormat, json_lines) {
  const char* format =
      "{\"time\":\"$time_iso8601\",\"request\":\"$request\",\"status\":$status,\"user\":\"$remote_user\","
      "\"upstreams\":\"$upstream_addr\",\"reason\":\"$upstream_reason\"}";
  FakeSource source = get_request();
  source.set(Var::kTimeIso8601, "2026-11-23T04:30:00+00:00").set(Var::kRemoteUser, "\"root\"\t\xe4\xbd\xa0");
  source.set(Var::kUpstreamAddr, "10.0.0.1:13000, 10.0.0.2:13000").set(Var::kUpstreamReason, "connect_refused, ok");
  FakeSource bare;
  bare.set(Var::kStatus, "400");
  EXPECT_EQ(line_of(LogEscape::kJson, format, source) + line_of(LogEscape::kJson, format, bare), golden("json.txt"));
}

TEST(LogFormat, missing_value_is_a_dash_by_default) {
  FakeSource source;
  source.set(Var::kArgs, "");
  EXPECT_EQ(line_of(LogEscape::kDefault, "[$remote_user][$args]", source), "[-][]\n");
  EXPECT_EQ(line_of(LogEscape::kJson, "[$remote_user][$args]", source), "[][]\n");
  EXPECT_EQ(line_of(LogEscape::kNone, "[$remote_user][$args]", source), "[][]\n");
}

TEST(LogFormat, text_of_the_format_is_not_escaped) {
  EXPECT_EQ(line_of(LogEscape::kDefault, "\"\t\"", FakeSource()), "\"\t\"\n");
}

TEST(LogFormat, refuses_unknown_variables) {
  const auto format = LogFormat::compile(LogEscape::kDefault, "$remote_adr", {});
  ASSERT_FALSE(format);
  EXPECT_EQ(format.error(), "unknown \"remote_adr\" variable, did you mean \"remote_addr\"?");
}

}  // namespace
}  // namespace weir::observe
