// Resolver against a small DNS server of our own: addresses and their order, the least TTL, errors, and ending from
// inside.
#include "io/resolver.h"

#include <gtest/gtest.h>

#include <optional>

#include "unit/io/dns_server.h"

namespace weir::io::test {
namespace {

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() : resolver_(std::make_unique<Resolver>(loop_, std::vector{dns_.address()})) {}

  // The server lives in this thread: no waiting in the poll.
  bool until(const std::function<bool()>& done) {
    const MonoMs end = monotonic_ms() + 10'000;
    while (!done() && monotonic_ms() < end) {
      dns_.serve();
      loop_.turn(false);
    }
    return done();
  }

  Result<ResolveAnswer> ask(const std::string& name, bool ipv6 = true) {
    std::optional<Result<ResolveAnswer>> got;
    resolver_->resolve(name, 8080, ipv6, [&](Result<ResolveAnswer> answer) { got = std::move(answer); });
    EXPECT_FALSE(got) << "told from inside resolve()";
    if (!until([&] { return got.has_value(); })) return Unexpected{std::string("no answer")};
    return *got;
  }

  Loop loop_;
  DnsServer dns_;
  std::unique_ptr<Resolver> resolver_;
};

std::vector<std::string> texts(const ResolveAnswer& answer) {
  std::vector<std::string> out;
  for (const ResolvedPeer& peer : answer.peers) out.push_back(peer.address.to_string());
  return out;
}

TEST_F(ResolverTest, gives_every_address_with_the_port_asked_ipv4_first) {
  dns_.add("app.test", address_record("fd00::1", 60));
  dns_.add("app.test", address_record("10.0.0.1", 30));
  dns_.add("app.test", address_record("10.0.0.2", 20));
  const auto answer = ask("app.test");
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(texts(*answer), (std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"}));
  EXPECT_EQ(answer->ttl_seconds, 20);
}

TEST_F(ResolverTest, asks_for_no_ipv6_when_not_wanted) {
  dns_.add("app.test", address_record("fd00::1", 60));
  dns_.add("app.test", address_record("10.0.0.1", 30));
  const auto answer = ask("app.test", false);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(texts(*answer), (std::vector<std::string>{"10.0.0.1:8080"}));
  EXPECT_EQ(dns_.questions, 1);
}

TEST_F(ResolverTest, an_unknown_name_is_an_error_with_nginxs_words) {
  const auto answer = ask("nobody.test");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), "host not found in upstream \"nobody.test\"");
}

TEST_F(ResolverTest, addresses_and_the_hosts_file_need_no_server) {
  const auto literal = ask("192.0.2.7");
  ASSERT_TRUE(literal) << literal.error();
  EXPECT_EQ(texts(*literal), (std::vector<std::string>{"192.0.2.7:8080"}));
  const auto local = ask("localhost", false);
  ASSERT_TRUE(local) << local.error();
  EXPECT_EQ(texts(*local), (std::vector<std::string>{"127.0.0.1:8080"}));
  EXPECT_EQ(local->ttl_seconds, 0);
  EXPECT_FALSE(ask(""));
  EXPECT_EQ(dns_.questions, 0);
}

TEST_F(ResolverTest, a_server_that_is_no_address_fails_every_question) {
  resolver_ = std::make_unique<Resolver>(loop_, std::vector<std::string>{"not an address"});
  const auto answer = ask("app.test");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().find("app.test"), std::string::npos);
}

TEST_F(ResolverTest, a_port_that_nobody_serves_is_an_error) {
  std::string nowhere;
  {
    const DnsServer gone;
    nowhere = gone.address();
  }
  resolver_ = std::make_unique<Resolver>(loop_, std::vector{nowhere});
  EXPECT_FALSE(ask("app.test"));
}

TEST_F(ResolverTest, many_questions_at_once_get_their_own_answers) {
  dns_.add("one.test", address_record("10.0.0.1", 30));
  dns_.add("two.test", address_record("10.0.0.2", 30));
  int right = 0;
  for (int i = 0; i < 20; ++i) {
    const bool one = i % 2 == 0;
    resolver_->resolve(one ? "one.test" : "two.test", 80, false, [&, one](Result<ResolveAnswer> answer) {
      if (answer && texts(*answer)[0] == (one ? "10.0.0.1:80" : "10.0.0.2:80")) ++right;
    });
  }
  EXPECT_TRUE(until([&] { return right == 20; }));
}

TEST_F(ResolverTest, may_ask_again_inside_its_callback) {
  dns_.add("app.test", address_record("10.0.0.1", 30));
  int answers = 0;
  std::function<void(Result<ResolveAnswer>)> again = [&](const Result<ResolveAnswer>&) {
    if (++answers == 1) resolver_->resolve("app.test", 80, true, again);
    if (answers == 2) resolver_->resolve("127.0.0.1", 80, true, again);
  };
  resolver_->resolve("app.test", 80, true, again);
  EXPECT_TRUE(until([&] { return answers == 3; }));
}

TEST_F(ResolverTest, may_be_destroyed_inside_its_callback) {
  dns_.add("app.test", address_record("10.0.0.1", 30));
  for (const char* name : {"app.test", "127.0.0.1"}) {
    resolver_ = std::make_unique<Resolver>(loop_, std::vector{dns_.address()});
    int answers = 0;
    for (int i = 0; i < 2; ++i) {
      resolver_->resolve(name, 80, true, [&](const Result<ResolveAnswer>&) {
        ++answers;
        resolver_.reset();
      });
    }
    EXPECT_TRUE(until([&] { return answers > 0; }));
    for (int i = 0; i < 5; ++i) loop_.turn(false);
    EXPECT_EQ(answers, 1);
  }
}

TEST_F(ResolverTest, destroyed_it_calls_nobody) {
  dns_.mute = true;
  bool called = false;
  resolver_->resolve("app.test", 80, true, [&](const Result<ResolveAnswer>&) { called = true; });
  EXPECT_TRUE(until([&] { return dns_.questions > 0; }));
  resolver_->resolve("127.0.0.1", 80, true, [&](const Result<ResolveAnswer>&) { called = true; });
  resolver_.reset();
  for (int i = 0; i < 5; ++i) loop_.turn(false);
  EXPECT_FALSE(called);
}

TEST(ResolverAtTheLoopsEnd, is_silent) {
  DnsServer dns;
  auto loop = std::make_unique<Loop>();
  Resolver resolver(*loop, {dns.address()});
  resolver.resolve("app.test", 80, true, [](const Result<ResolveAnswer>&) { FAIL(); });
  loop->turn(false);
  loop.reset();
}

}  // namespace
}  // namespace weir::io::test
