// SRV records out of DNS messages, the broken ones too.
#include "io/dns_srv.h"

#include <gtest/gtest.h>

#include "unit/io/dns_server.h"

namespace weir::io::test {
namespace {

const std::string kQuestion = dns_name("_http._tcp.app.test") + dns_u16(kSrv) + dns_u16(1);

std::string message(const std::vector<DnsRecord>& records) {
  return dns_reply("id", kQuestion, 0, records);
}

std::vector<std::string> texts(const std::optional<SrvAnswer>& answer) {
  if (!answer) return {"malformed"};
  std::vector<std::string> out;
  for (const SrvTarget& target : answer->targets)
    out.push_back(std::to_string(target.priority) + " " + std::to_string(target.weight) + " " + target.host + ":" +
                  std::to_string(target.port));
  return out;
}

using Texts = std::vector<std::string>;

TEST(ParseSrv, gives_targets_lowest_priority_first_and_the_least_ttl) {
  const auto answer = parse_srv(message({srv_record(20, 1, 80, "c.test", 9), srv_record(10, 2, 81, "b.test", 8),
                                         srv_record(10, 65535, 65535, "a.test", 7)}));
  EXPECT_EQ(texts(answer), (Texts{"10 2 b.test:81", "10 65535 a.test:65535", "20 1 c.test:80"}));
  EXPECT_EQ(answer->ttl_seconds, 7);
}

TEST(ParseSrv, takes_only_records_of_its_question) {
  DnsRecord stray = srv_record(1, 1, 80, "evil.test", 1);
  stray.owner = "_http._tcp.other.test";
  DnsRecord shouting = srv_record(1, 1, 80, "a.test", 5);
  shouting.owner = "_HTTP._tcp.APP.test";
  const auto answer = parse_srv(message({stray, shouting}));
  EXPECT_EQ(texts(answer), (Texts{"1 1 a.test:80"}));
  EXPECT_EQ(answer->ttl_seconds, 5);
}

TEST(ParseSrv, follows_aliases) {
  DnsRecord record = srv_record(1, 1, 80, "a.test", 60);
  record.owner = "real.test";
  const auto answer = parse_srv(message({{kCname, 5, dns_name("real.test")}, record}));
  EXPECT_EQ(texts(answer), (Texts{"1 1 a.test:80"}));
  EXPECT_EQ(answer->ttl_seconds, 5);
}

TEST(ParseAlias, gives_the_end_of_the_chain_alone) {
  DnsRecord second{kCname, 9, dns_name("real.test")};
  second.owner = "middle.test";
  const std::string both = message({{kCname, 12, dns_name("middle.test")}, second, srv_record(1, 1, 80, "a.test")});
  const auto answer = parse_alias(both);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->alias, "real.test");
  EXPECT_EQ(answer->ttl_seconds, 9);
  EXPECT_TRUE(answer->targets.empty());
  EXPECT_EQ(parse_alias(message({srv_record(1, 1, 80, "a.test")}))->alias, "");
  EXPECT_EQ(parse_alias(message({{kCname, 12, dns_name("no host.test")}}))->alias, "");
  EXPECT_FALSE(parse_alias(both.substr(0, both.size() - 40)));
}

TEST(ParseSrv, skips_other_types_and_invalid_targets) {
  EXPECT_EQ(texts(parse_srv(message({address_record("10.0.0.1"), srv_record(0, 0, 0, ""),
                                     srv_record(0, 0, 1, "a b.test"), srv_record(0, 0, 1, "a_b-1.test")}))),
            (Texts{"0 0 a_b-1.test:1"}));
}

TEST(ParseSrv, takes_256_targets_at_most) {
  std::vector<DnsRecord> records;
  for (size_t i = 0; i < 300; ++i) records.push_back(srv_record(300 - i, 1, 80, "t" + std::to_string(i) + ".test"));
  const auto answer = parse_srv(message(records));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->targets.size(), 256U);
  EXPECT_EQ(answer->targets.front().priority, 1);
}

TEST(ParseSrv, a_ttl_with_its_top_bit_set_is_zero) {
  std::string text = message({srv_record(1, 1, 80, "a.test")});
  text[12 + kQuestion.size() + 2 + 4] = '\x80';
  EXPECT_EQ(parse_srv(text)->ttl_seconds, 0);
}

TEST(ParseSrv, refuses_a_message_that_is_cut_anywhere) {
  const std::string whole = message({srv_record(1, 1, 80, "a.test"), srv_record(2, 1, 80, "b.test")});
  ASSERT_TRUE(parse_srv(whole));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(parse_srv(std::string_view(whole).substr(0, length))) << length;
}

TEST(ParseSrv, refuses_a_record_longer_than_its_length) {
  DnsRecord record = srv_record(1, 1, 80, "a.test");
  std::string text = message({record});
  text[text.size() - record.data.size() - 1] = 3;
  EXPECT_FALSE(parse_srv(text));
}

TEST(ParseSrv, refuses_names_that_point_at_themselves) {
  std::string text = message({srv_record(1, 1, 80, "a.test")});
  const size_t target = text.size() - dns_name("a.test").size();
  text.resize(target);
  text += '\xc0' + std::string(1, static_cast<char>(target));
  text[target - 7] = 8;
  EXPECT_FALSE(parse_srv(text));
}

TEST(ParseSrv, survives_every_byte_being_another) {
  const std::string whole = message({srv_record(1, 1, 80, "a.test"), {kCname, 5, dns_name("real.test")}});
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string text = whole;
      text[at] = static_cast<char>(value);
      (void)parse_srv(text);
    }
  }
}

}  // namespace
}  // namespace weir::io::test
