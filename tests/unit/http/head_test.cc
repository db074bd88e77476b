// Methods, header tokens and field lists.
#include "http/head.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"

namespace weir::http {
namespace {

TEST(Method, known_ones_are_case_sensitive) {
  const std::pair<const char*, Method> known[] = {
      {"GET", Method::kGet},           {"HEAD", Method::kHead},
      {"POST", Method::kPost},         {"PUT", Method::kPut},
      {"DELETE", Method::kDelete},     {"OPTIONS", Method::kOptions},
      {"PATCH", Method::kPatch},       {"TRACE", Method::kTrace},
      {"CONNECT", Method::kConnect},   {"MKCOL", Method::kMkcol},
      {"COPY", Method::kCopy},         {"MOVE", Method::kMove},
      {"PROPFIND", Method::kPropfind}, {"PROPPATCH", Method::kProppatch},
      {"LOCK", Method::kLock},         {"UNLOCK", Method::kUnlock},
      {"PURGE", Method::kPurge},       {"REPORT", Method::kReport},
      {"SEARCH", Method::kSearch},     {"ACL", Method::kAcl},
      {"QUERY", Method::kQuery},       {"MKCALENDAR", Method::kMkcalendar},
  };
  for (const auto& [text, method] : known) {
    EXPECT_EQ(parse_method(text), method) << text;
    EXPECT_EQ(parse_method(lowered(text)), Method::kOther) << text;
    EXPECT_EQ(parse_method(std::string(text) + "X"), Method::kOther) << text;
  }
  EXPECT_EQ(parse_method(""), Method::kOther);
}

TEST(Method, is_idempotent_but_for_post_lock_patch_and_unknown) {
  EXPECT_TRUE(is_idempotent(Method::kGet));
  EXPECT_TRUE(is_idempotent(Method::kDelete));
  EXPECT_FALSE(is_idempotent(Method::kPost));
  EXPECT_FALSE(is_idempotent(Method::kLock));
  EXPECT_FALSE(is_idempotent(Method::kPatch));
  EXPECT_FALSE(is_idempotent(Method::kOther));
  EXPECT_TRUE(is_idempotent(Method::kQuery));
}

constexpr std::pair<const char*, HeaderToken> kTokens[] = {
    {"Host", HeaderToken::kHost},
    {"Content-Length", HeaderToken::kContentLength},
    {"Transfer-Encoding", HeaderToken::kTransferEncoding},
    {"Connection", HeaderToken::kConnection},
    {"Keep-Alive", HeaderToken::kKeepAlive},
    {"Proxy-Connection", HeaderToken::kProxyConnection},
    {"Upgrade", HeaderToken::kUpgrade},
    {"TE", HeaderToken::kTe},
    {"Trailer", HeaderToken::kTrailer},
    {"Expect", HeaderToken::kExpect},
    {"Forwarded", HeaderToken::kForwarded},
    {"X-Forwarded-For", HeaderToken::kXForwardedFor},
    {"X-Forwarded-Proto", HeaderToken::kXForwardedProto},
    {"X-Forwarded-Host", HeaderToken::kXForwardedHost},
    {"X-Forwarded-Port", HeaderToken::kXForwardedPort},
    {"X-Real-IP", HeaderToken::kXRealIp},
    {"Proxy-Authenticate", HeaderToken::kProxyAuthenticate},
    {"Proxy-Authorization", HeaderToken::kProxyAuthorization},
    {"HTTP2-Settings", HeaderToken::kHttp2Settings},
    {"Date", HeaderToken::kDate},
    {"Server", HeaderToken::kServer},
    {"Content-Type", HeaderToken::kContentType},
    {"Content-Encoding", HeaderToken::kContentEncoding},
    {"Location", HeaderToken::kLocation},
    {"Retry-After", HeaderToken::kRetryAfter},
    {"Cache-Control", HeaderToken::kCacheControl},
    {"Set-Cookie", HeaderToken::kSetCookie},
    {"Cookie", HeaderToken::kCookie},
    {"Referer", HeaderToken::kReferer},
    {"Refresh", HeaderToken::kRefresh},
    {"User-Agent", HeaderToken::kUserAgent},
    {"Authorization", HeaderToken::kAuthorization},
    {"Accept", HeaderToken::kAccept},
    {"Accept-Encoding", HeaderToken::kAcceptEncoding},
    {"Origin", HeaderToken::kOrigin},
    {"X-App", HeaderToken::kXAppName},
    {"X-Hostname", HeaderToken::kXHostname},
    {"Sec-WebSocket-Key", HeaderToken::kSecWebSocketKey},
    {"Sec-WebSocket-Accept", HeaderToken::kSecWebSocketAccept},
    {"Sec-WebSocket-Version", HeaderToken::kSecWebSocketVersion},
    {"Sec-WebSocket-Extensions", HeaderToken::kSecWebSocketExtensions},
    {"Sec-WebSocket-Protocol", HeaderToken::kSecWebSocketProtocol},
    {"If-Modified-Since", HeaderToken::kIfModifiedSince},
    {"If-None-Match", HeaderToken::kIfNoneMatch},
    {"Range", HeaderToken::kRange},
    {"ETag", HeaderToken::kEtag},
    {"Last-Modified", HeaderToken::kLastModified},
    {"Vary", HeaderToken::kVary},
    {"X-Accel-Expires", HeaderToken::kXAccelExpires},
    {"X-Accel-Redirect", HeaderToken::kXAccelRedirect},
    {"X-Accel-Buffering", HeaderToken::kXAccelBuffering},
};

TEST(HeaderToken, knows_every_name_in_any_case) {
  // Every token but kOther has a name here: the enumeration ends with kXAccelBuffering.
  EXPECT_EQ(std::size(kTokens), static_cast<size_t>(HeaderToken::kXAccelBuffering));
  for (const auto& [text, token] : kTokens) {
    std::string upper(text);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    EXPECT_EQ(header_token(text), token) << text;
    EXPECT_EQ(header_token(lowered(text)), token) << text;
    EXPECT_EQ(header_token(upper), token) << text;
  }
}

TEST(HeaderToken, does_not_take_a_look_alike_for_a_token) {
  for (const auto& [text, token] : kTokens) {
    std::string name(text);
    EXPECT_EQ(header_token(name + "x"), HeaderToken::kOther) << name;
    EXPECT_NE(header_token(name.substr(1)), token) << name;
    for (char& c : name) c = c == '-' ? '_' : c;
    if (name != text) {
      EXPECT_EQ(header_token(name), HeaderToken::kOther) << name;
    }
    name = text;
    name.back() = static_cast<char>(name.back() ^ 0x40);
    EXPECT_EQ(header_token(name), HeaderToken::kOther) << name;
  }
  EXPECT_EQ(header_token(""), HeaderToken::kOther);
  EXPECT_EQ(header_token("Content\rLength"), HeaderToken::kOther);
  EXPECT_EQ(header_token(std::string(5000, 'a')), HeaderToken::kOther);
}

TEST(FieldList, finds_kept_fields_by_token_and_name) {
  FieldList fields;
  EXPECT_TRUE(fields.add("X-One", "1", HeaderToken::kOther, false));
  EXPECT_TRUE(fields.add("Host", "a", HeaderToken::kHost, false));
  EXPECT_TRUE(fields.add("x-one", "2", HeaderToken::kOther, false));
  ASSERT_NE(fields.find("X-ONE"), nullptr);
  EXPECT_EQ(fields.find("X-ONE")->value, "1");
  EXPECT_EQ(fields.find(HeaderToken::kHost)->value, "a");
  fields.drop("x-ONE");
  fields.drop(HeaderToken::kHost);
  EXPECT_EQ(fields.find("x-one"), nullptr);
  EXPECT_EQ(fields.find(HeaderToken::kHost), nullptr);
  EXPECT_EQ(fields.size(), 3);
}

TEST(FieldList, grows_past_its_inline_part_and_shrinks_on_clear) {
  FieldList fields;
  for (int turn = 0; turn < 2; ++turn) {
    const std::vector<std::string> names = [] {
      std::vector<std::string> out;
      for (int i = 0; i < 2 * FieldList::kInline; ++i) out.push_back("X-" + std::to_string(i));
      return out;
    }();
    for (const std::string& name : names) ASSERT_TRUE(fields.add(name, "v", HeaderToken::kOther, false));
    fields.drop("x-3");
    ASSERT_EQ(fields.size(), 2 * FieldList::kInline);
    for (int i = 0; i < fields.size(); ++i) {
      EXPECT_EQ(fields.begin()[i].name, names[static_cast<size_t>(i)]);
      EXPECT_EQ(fields.begin()[i].dropped, i == 3);
    }
    EXPECT_NE(fields.find("X-47"), nullptr);
    fields.clear();
    EXPECT_EQ(fields.size(), 0);
    EXPECT_EQ(fields.find("X-0"), nullptr);
  }
}

TEST(FieldList, grows_to_its_capacity_and_keeps_its_fields) {
  FieldList fields;
  const std::string names(FieldList::kMost, 'n');
  for (int i = 0; i < FieldList::kMost; ++i)
    ASSERT_TRUE(fields.add(std::string_view(names).substr(0, static_cast<size_t>(i)), "b", HeaderToken::kOther));
  EXPECT_TRUE(fields.full());
  EXPECT_FALSE(fields.add("a", "b", HeaderToken::kOther));
  EXPECT_EQ(fields.size(), FieldList::kMost);
  const FieldList copy = fields;
  ASSERT_EQ(copy.size(), FieldList::kMost);
  for (int i = 0; i < FieldList::kMost; ++i) ASSERT_EQ(copy.begin()[i].name.size(), static_cast<size_t>(i));
}

TEST(FieldList, gives_a_very_large_room_back_when_cleared) {
  FieldList fields;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) fields.add("a", "b", HeaderToken::kOther);
    EXPECT_GT(fields.heap_bytes(), 1000 * sizeof(Field));
    fields.clear();
    EXPECT_EQ(fields.heap_bytes(), 0u);
    for (int i = 0; i < 100; ++i) fields.add("a", "b", HeaderToken::kOther);
    fields.clear();
    EXPECT_EQ(fields.heap_bytes(), FieldList::kKept * sizeof(Field));
  }
}

}  // namespace
}  // namespace weir::http
