// Many questions at once against a small DNS server of our own: SRV records, failures, lies, limits of time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/dns.h"
#include "unit/io/dns_server.h"

namespace weir::io::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Millis kPlenty{20'000};

// "10.0.0.1:81 weight=7 backup"
std::vector<std::string> texts(const Result<ResolveAnswer>& answer) {
  if (!answer) return {answer.error()};
  std::vector<std::string> out;
  for (const ResolvedPeer& peer : answer->peers) {
    out.push_back(peer.address.to_string());
    if (peer.weight != 0) out.back() += " weight=" + std::to_string(peer.weight);
    if (peer.backup) out.back() += " backup";
  }
  return out;
}

class ResolveAll : public testing::Test {
 protected:
  DnsQuestion question(const std::string& host, const std::string& service = "") const {
    DnsQuestion out;
    out.host = host;
    out.port = 80;
    out.service = service;
    out.servers = {dns_.address()};
    return out;
  }
  Result<ResolveAnswer> ask(const DnsQuestion& one, Millis most = kPlenty) { return resolve_all({one}, most).at(0); }
  Result<ResolveAnswer> ask(const std::string& host, const std::string& service = "") {
    return ask(question(host, service));
  }

  using Manner = DnsServer::Manner;
  DnsServer dns_;
  DnsThread thread_{dns_};
};

TEST_F(ResolveAll, gives_addresses_of_both_families_and_the_least_ttl) {
  dns_.add("app.test", address_record("fd00::1", 9));
  dns_.add("app.test", address_record("10.0.0.2", 30));
  dns_.add("app.test", address_record("10.0.0.1", 20));
  const auto answer = ask("app.test");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.2:80", "10.0.0.1:80", "[fd00::1]:80"));
  EXPECT_EQ(answer->ttl_seconds, 9);
  EXPECT_FALSE(answer->partial);
}

TEST_F(ResolveAll, asks_for_the_configured_family_alone) {
  dns_.add("app.test", address_record("fd00::1"));
  dns_.add("app.test", address_record("10.0.0.1"));
  DnsQuestion one = question("app.test");
  one.ipv4 = false;
  EXPECT_THAT(texts(ask(one)), ElementsAre("[fd00::1]:80"));
  EXPECT_EQ(dns_.questions, 1);
  one.ipv6 = false;
  EXPECT_THAT(texts(ask(one)), ElementsAre(StartsWith("host not found")));
}

TEST_F(ResolveAll, follows_an_alias_and_minds_its_ttl) {
  dns_.add("app.test", {kCname, 5, dns_name("real.test")});
  DnsRecord real = address_record("10.0.0.1", 60);
  real.owner = "real.test";
  dns_.add("app.test", real);
  DnsQuestion one = question("app.test");
  one.ipv6 = false;
  const auto answer = ask(one);
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(answer->ttl_seconds, 5);
}

TEST_F(ResolveAll, an_answer_of_an_alias_alone_is_followed) {
  dns_.add("app.test", {kCname, 5, dns_name("middle.test")});
  dns_.add("middle.test", {kCname, 9, dns_name("real.test")});
  dns_.add("real.test", address_record("10.0.0.1", 60));
  const auto answer = ask("app.test");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(answer->ttl_seconds, 5);
  DnsQuestion one = question("app.test");
  dns_.add("real.test", address_record("fd00::1", 60));
  one.ipv4 = false;
  EXPECT_THAT(texts(ask(one)), ElementsAre("[fd00::1]:80"));
}

TEST_F(ResolveAll, service_that_is_an_alias_alone_is_followed) {
  dns_.add("_http._tcp.app.test", {kCname, 5, dns_name("_http._tcp.real.test")});
  dns_.add("_http._tcp.real.test", srv_record(1, 7, 81, "node.test"));
  dns_.add("node.test", {kCname, 9, dns_name("host.test")});
  dns_.add("host.test", address_record("10.0.0.1"));
  const auto answer = ask("app.test", "http");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.1:81 weight=7"));
  EXPECT_EQ(answer->ttl_seconds, 5);
}

TEST_F(ResolveAll, aliases_in_a_circle_or_without_end_are_an_error) {
  dns_.add("a.test", {kCname, 5, dns_name("b.test")});
  dns_.add("b.test", {kCname, 5, dns_name("a.test")});
  dns_.add("self.test", {kCname, 5, dns_name("self.test")});
  dns_.add("_http._tcp.a.test", {kCname, 5, dns_name("_http._tcp.a.test")});
  dns_.add("nowhere.test", {kCname, 5, dns_name("missing.test")});
  for (int i = 0; i < 12; ++i)
    dns_.add("n" + std::to_string(i) + ".test", {kCname, 5, dns_name("n" + std::to_string(i + 1) + ".test")});
  dns_.add("n12.test", address_record("10.0.0.1"));
  for (const char* host : {"a.test", "self.test", "nowhere.test", "n0.test"})
    EXPECT_THAT(texts(ask(host)), ElementsAre(StartsWith("host not found"))) << host;
  EXPECT_THAT(texts(ask("a.test", "http")), ElementsAre(StartsWith("host not found")));
  EXPECT_THAT(texts(ask("n6.test")), ElementsAre("10.0.0.1:80"));
  EXPECT_LT(dns_.questions, 200);
}

TEST_F(ResolveAll, addresses_need_no_server) {
  const auto answers = resolve_all({question("192.0.2.7"), question("::1"), question("")}, kPlenty);
  EXPECT_THAT(texts(answers[0]), ElementsAre("192.0.2.7:80"));
  EXPECT_THAT(texts(answers[1]), ElementsAre("[::1]:80"));
  EXPECT_FALSE(answers[2]);
  EXPECT_EQ(dns_.questions, 0);
}

// RFC 6761 6.3: no file and no server has a say in it.
TEST_F(ResolveAll, localhost_is_loopback_without_asking) {
  dns_.add("app.localhost", address_record("10.0.0.1"));
  DnsQuestion ipv4 = question("LOCALHOST.");
  ipv4.ipv6 = false;
  const auto answers = resolve_all({question("localhost"), ipv4, question("app.localhost")}, kPlenty);
  EXPECT_THAT(texts(answers[0]), ElementsAre("127.0.0.1:80", "[::1]:80"));
  EXPECT_THAT(texts(answers[1]), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(texts(answers[2]), ElementsAre("127.0.0.1:80", "[::1]:80"));
  EXPECT_EQ(dns_.questions, 0);
  dns_.add("notlocalhost", address_record("10.0.0.1"));
  DnsQuestion other = question("notlocalhost");
  other.ipv6 = false;
  EXPECT_THAT(texts(ask(other)), ElementsAre("10.0.0.1:80"));
}

TEST_F(ResolveAll, asks_many_names_in_the_time_of_one) {
  constexpr int kNames = 30;
  std::vector<DnsQuestion> questions;
  for (int i = 0; i < kNames; ++i) {
    const std::string name = "app" + std::to_string(i) + ".test";
    dns_.add(name, address_record(("10.0.0." + std::to_string(i)).c_str()));
    questions.push_back(question(name));
    questions.back().ipv6 = false;
  }
  dns_.hold_until(kNames);
  const auto answers = resolve_all(questions, kPlenty);
  for (size_t i = 0; i < kNames; ++i)
    EXPECT_THAT(texts(answers[i]), ElementsAre("10.0.0." + std::to_string(i) + ":80"));
  EXPECT_EQ(dns_.questions, kNames);
}

TEST_F(ResolveAll, answers_more_names_than_run_at_once) {
  std::vector<DnsQuestion> questions;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "app" + std::to_string(i) + ".test";
    if (i % 3 != 0) dns_.add(name, address_record("10.0.0.1"));
    questions.push_back(question(name));
  }
  const auto answers = resolve_all(questions, kPlenty);
  ASSERT_EQ(answers.size(), 300U);
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].has_value(), i % 3 != 0) << i;
}

TEST_F(ResolveAll, asks_each_question_at_its_own_servers) {
  DnsServer other;
  const DnsThread serving(other);
  dns_.add("app.test", address_record("10.0.0.1"));
  other.add("app.test", address_record("10.0.0.2"));
  DnsQuestion there = question("app.test");
  there.servers = {other.address()};
  DnsQuestion nowhere = question("app.test");
  nowhere.servers = {"not an address"};
  const auto answers = resolve_all({question("app.test"), there, nowhere}, kPlenty);
  EXPECT_THAT(texts(answers[0]), ElementsAre("10.0.0.1:80"));
  EXPECT_THAT(texts(answers[1]), ElementsAre("10.0.0.2:80"));
  EXPECT_THAT(texts(answers[2]), ElementsAre(HasSubstr("the resolver cannot be set up")));
}

TEST_F(ResolveAll, next_server_answers_when_the_first_fails) {
  DnsServer broken;
  const DnsThread serving(broken);
  broken.behave("app.test", Manner::kServerFailure);
  dns_.add("app.test", address_record("10.0.0.1"));
  DnsQuestion one = question("app.test");
  one.servers = {broken.address(), dns_.address()};
  EXPECT_THAT(texts(ask(one)), ElementsAre("10.0.0.1:80"));
}

TEST_F(ResolveAll, reports_the_cause_of_a_failure) {
  dns_.behave("broken.test", Manner::kServerFailure);
  EXPECT_THAT(texts(ask("nobody.test")), ElementsAre("host not found in upstream \"nobody.test\""));
  EXPECT_THAT(texts(ask("broken.test")), ElementsAre(StartsWith("host not found in upstream \"broken.test\" (")));
  EXPECT_THAT(texts(ask("nobody.test", "http")), ElementsAre("host not found in upstream \"_http._tcp.nobody.test\""));
}

TEST_F(ResolveAll, silent_server_costs_the_timeout_of_its_question) {
  dns_.behave("mute.test", Manner::kMute);
  dns_.add("app.test", address_record("10.0.0.1"));
  DnsQuestion mute = question("mute.test");
  mute.timeout = Millis(40);
  const auto answers = resolve_all({mute, question("app.test")}, kPlenty);
  EXPECT_THAT(texts(answers[0]), ElementsAre("host not found in upstream \"mute.test\" (timed out)"));
  EXPECT_THAT(texts(answers[1]), ElementsAre("10.0.0.1:80"));
}

TEST_F(ResolveAll, keeps_partial_answers_when_time_is_up) {
  dns_.behave("mute.test", Manner::kMute);
  dns_.add("app.test", address_record("10.0.0.1"));
  std::vector<DnsQuestion> questions{question("app.test")};
  for (int i = 0; i < 200; ++i) questions.push_back(question("mute.test"));
  const MonoMs start = monotonic_ms();
  const auto answers = resolve_all(questions, Millis(1000));  // time enough for the one that is answered
  EXPECT_LT(monotonic_ms() - start, 6'500);                   // they are asked anew for 7 s
  EXPECT_THAT(texts(answers.front()), ElementsAre("10.0.0.1:80"));
  EXPECT_THAT(texts(answers.back()), ElementsAre(HasSubstr("timed out")));
}

TEST_F(ResolveAll, stops_on_request) {
  dns_.behave("mute.test", Manner::kMute);
  const auto answers =
      resolve_all({question("mute.test")}, Millis(3'600'000), [this] { return dns_.questions.load() > 0; });
  EXPECT_FALSE(answers.at(0));
}

TEST_F(ResolveAll, an_answer_with_another_id_is_dropped) {
  dns_.add("app.test", address_record("10.0.0.1"));
  dns_.behave("app.test", Manner::kWrongIdFirst);
  DnsQuestion one = question("app.test");
  one.ipv6 = false;
  EXPECT_THAT(texts(ask(one)), ElementsAre("10.0.0.1:80"));
}

TEST_F(ResolveAll, an_answer_to_another_question_is_dropped) {
  dns_.add("app.test", address_record("10.0.0.1"));
  dns_.behave("app.test", Manner::kWrongQuestionFirst);
  DnsQuestion one = question("app.test");
  one.ipv6 = false;
  EXPECT_THAT(texts(ask(one)), ElementsAre("10.0.0.1:80"));
}

TEST_F(ResolveAll, a_truncated_answer_is_fetched_over_tcp) {
  for (int i = 1; i <= 200; ++i) dns_.add("app.test", address_record(("10.0.1." + std::to_string(i)).c_str()));
  dns_.behave("app.test", Manner::kTruncated);
  DnsQuestion one = question("app.test");
  one.ipv6 = false;
  const auto answer = ask(one);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->peers.size(), 200U);
  EXPECT_EQ(dns_.tcp_questions, 1);
}

TEST_F(ResolveAll, srv_records_give_ports_weights_and_tiers) {
  dns_.add("_http._tcp.app.test", srv_record(20, 3, 83, "c.test"));
  dns_.add("_http._tcp.app.test", srv_record(10, 7, 81, "a.test"));
  dns_.add("_http._tcp.app.test", srv_record(10, 0, 82, "b.test"));
  dns_.add("a.test", address_record("10.0.0.1"));
  dns_.add("a.test", address_record("10.0.0.4"));
  dns_.add("b.test", address_record("10.0.0.2"));
  dns_.add("c.test", address_record("10.0.0.3", 4));
  const auto answer = ask("app.test", "http");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.1:81 weight=7", "10.0.0.4:81 weight=7", "10.0.0.2:82 weight=1",
                                         "10.0.0.3:83 weight=3 backup"));
  EXPECT_EQ(answer->ttl_seconds, 4);
  EXPECT_FALSE(answer->partial);
}

TEST_F(ResolveAll, equal_srv_targets_are_a_single_peer) {
  dns_.add("_http._tcp.app.test", srv_record(20, 3, 80, "b.test"));
  dns_.add("_http._tcp.app.test", srv_record(10, 7, 80, "a.test"));
  dns_.add("a.test", address_record("10.0.0.1"));
  dns_.add("b.test", address_record("10.0.0.1"));
  EXPECT_THAT(texts(ask("app.test", "http")), ElementsAre("10.0.0.1:80 weight=7"));
}

TEST_F(ResolveAll, missing_srv_target_promotes_the_next_tier) {
  dns_.add("_http._tcp.app.test", srv_record(10, 1, 80, "gone.test"));
  dns_.add("_http._tcp.app.test", srv_record(20, 1, 80, "b.test"));
  dns_.add("b.test", address_record("10.0.0.2"));
  const auto answer = ask("app.test", "http");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.2:80 weight=1"));
  EXPECT_FALSE(answer->partial);
}

TEST_F(ResolveAll, failed_srv_target_makes_the_answer_partial) {
  dns_.add("_http._tcp.app.test", srv_record(10, 1, 80, "broken.test"));
  dns_.add("_http._tcp.app.test", srv_record(10, 1, 80, "b.test"));
  dns_.behave("broken.test", Manner::kServerFailure);
  dns_.add("b.test", address_record("10.0.0.2"));
  const auto answer = ask("app.test", "http");
  EXPECT_THAT(texts(answer), ElementsAre("10.0.0.2:80 weight=1"));
  EXPECT_TRUE(answer->partial);
}

TEST_F(ResolveAll, srv_without_a_usable_target_is_an_error) {
  dns_.add("_http._tcp.none.test", srv_record(0, 0, 0, ""));
  dns_.add("_http._tcp.gone.test", srv_record(0, 0, 80, "gone.test"));
  dns_.add("_http._tcp.bad.test", {kSrv, 30, "short"});
  EXPECT_THAT(texts(ask("none.test", "http")), ElementsAre("host not found in upstream \"_http._tcp.none.test\""));
  EXPECT_THAT(texts(ask("gone.test", "http")), ElementsAre("host not found in upstream \"_http._tcp.gone.test\""));
  EXPECT_THAT(texts(ask("bad.test", "http")), ElementsAre(HasSubstr("_http._tcp.bad.test\" (")));
}

TEST_F(ResolveAll, srv_questions_that_run_out_of_time_end_in_silence) {
  dns_.add("_http._tcp.app.test", srv_record(10, 1, 80, "mute.test"));
  dns_.behave("mute.test", Manner::kMute);
  dns_.behave("_http._tcp.mute.test", Manner::kMute);
  EXPECT_THAT(texts(ask(question("app.test", "http"), Millis(40))), ElementsAre(HasSubstr("timed out")));
  EXPECT_THAT(texts(ask(question("mute.test", "http"), Millis(40))), ElementsAre(HasSubstr("timed out")));
}

TEST(DnsQuestionName, follows_nginxs_rule_for_services) {
  DnsQuestion question;
  question.host = "app.test";
  EXPECT_EQ(question.name(), "app.test");
  const auto with = [&](const char* service) {
    question.service = service;
    return question.name();
  };
  EXPECT_EQ(with("http"), "_http._tcp.app.test");
  EXPECT_EQ(with("_https._tcp"), "_https._tcp.app.test");
  EXPECT_EQ(with("server1.backend"), "server1.backend.app.test");
  EXPECT_EQ(with("_http"), "_http.app.test");
}

}  // namespace
}  // namespace weir::io::test
