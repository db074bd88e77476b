// The resolver beside the loops: one question for many who ask, answers that hold, limits of time and of number.
#include "io/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>

#include "unit/io/dns_server.h"

namespace weir::io::test {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{20};

class BesideTheLoops : public testing::Test {
 protected:
  using Manner = DnsServer::Manner;
  DnsQuestion question(const std::string& host) const {
    DnsQuestion out;
    out.host = host;
    out.port = 80;
    out.servers = {dns_.address()};
    out.ipv6 = false;
    return out;
  }
  void ask(const DnsQuestion& question, Millis valid = Millis(0)) {
    resolver_.ask(question, valid, [this](Result<ResolveAnswer> answer, MonoMs good_until) {
      const std::lock_guard lock(mutex_);
      told_.push_back({answer ? answer->peers.front().address.to_string() : answer.error(), good_until});
      more_.notify_all();
    });
  }
  struct Told {
    std::string text;
    MonoMs good_until;
  };
  // Once so many have been told.
  std::vector<Told> told(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(more_.wait_for(lock, kPatience, [&] { return told_.size() >= count; }));
    return told_;
  }

  // A socket with the port that the last question came from, as soon as nobody else has it.
  OwnedFd take_port_of_question() const {
    const MonoMs end = monotonic_ms() + 1000 * kPatience.count();
    while (dns_.client_port == 0 && monotonic_ms() < end) ::poll(nullptr, 0, 1);
    OwnedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage{};
    const socklen_t length = SocketAddress::from_ip("127.0.0.1", dns_.client_port)->to_sockaddr(storage);
    while (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
      if (monotonic_ms() > end) return {};
      ::poll(nullptr, 0, 1);
    }
    return fd;
  }

  DnsServer dns_;
  DnsThread thread_{dns_};
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Told> told_;
  Resolver resolver_;
};

TEST_F(BesideTheLoops, equal_questions_under_way_are_one) {
  dns_.add("app.test", address_record("10.0.0.1"));
  dns_.add("other.test", address_record("10.0.0.2"));
  dns_.hold_until(2);
  for (int i = 0; i < 10; ++i) ask(question("app.test"));
  ask(question("other.test"));
  const auto all = told(11);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const Told& each) { return each.text == "10.0.0.1:80"; }), 10);
  EXPECT_EQ(dns_.questions, 2);
}

TEST_F(BesideTheLoops, an_answer_is_remembered_while_it_holds) {
  dns_.add("app.test", address_record("10.0.0.1", 300));
  ask(question("app.test"));
  const MonoMs until = told(1).back().good_until;
  ask(question("app.test"));
  EXPECT_EQ(told(2).back().good_until, until);
  EXPECT_EQ(dns_.questions, 1);
  EXPECT_GT(until, monotonic_ms() + 200'000);
  EXPECT_LE(until, monotonic_ms() + 300'000);
}

TEST_F(BesideTheLoops, valid_goes_before_the_ttl) {
  dns_.add("app.test", address_record("10.0.0.1", 300));
  ask(question("app.test"), Millis(5'000));
  const MonoMs until = told(1).back().good_until;
  EXPECT_LE(until, monotonic_ms() + 5'000);
}

TEST_F(BesideTheLoops, failures_are_not_remembered) {
  ask(question("nowhere.test"));
  EXPECT_THAT(told(1).back().text, HasSubstr("host not found in upstream \"nowhere.test\""));
  dns_.add("nowhere.test", address_record("10.0.0.1"));
  ask(question("nowhere.test"));
  EXPECT_EQ(told(2).back().text, "10.0.0.1:80");
}

TEST_F(BesideTheLoops, silence_ends_with_the_questions_timeout) {
  dns_.mute = true;
  DnsQuestion mute = question("app.test");
  mute.timeout = Millis(50);
  ask(mute);
  EXPECT_EQ(told(1).back().text, "host not found in upstream \"app.test\" (timed out)");
  dns_.mute = false;
  dns_.add("app.test", address_record("10.0.0.1"));
  ask(question("app.test"));
  EXPECT_EQ(told(2).back().text, "10.0.0.1:80");
}

TEST_F(BesideTheLoops, question_that_ran_out_keeps_no_channel) {
  dns_.mute = true;
  DnsQuestion mute = question("app.test");
  mute.timeout = Millis(200);
  ask(mute);
  EXPECT_THAT(told(1).back().text, HasSubstr("timed out"));
  const OwnedFd port = take_port_of_question();
  EXPECT_GE(port.get(), 0);
  EXPECT_LT(dns_.packets, 3) << "c-ares has made all its tries";
  dns_.mute = false;
  dns_.add("app.test", address_record("10.0.0.1"));
  ask(question("app.test"));
  EXPECT_EQ(told(2).back().text, "10.0.0.1:80");
}

TEST_F(BesideTheLoops, literals_and_localhost_are_known_without_asking) {
  ask(question("10.0.0.7"));
  ask(question("localhost"));
  const auto all = told(2);
  EXPECT_EQ(all[0].text, "10.0.0.7:80");
  EXPECT_EQ(all[1].text, "127.0.0.1:80");
  EXPECT_GT(all[0].good_until, monotonic_ms() + 3'000'000);
  EXPECT_EQ(dns_.questions, 0);
}

TEST_F(BesideTheLoops, questions_beyond_the_most_fail_at_once) {
  dns_.mute = true;
  for (size_t i = 0; i <= Resolver::kMostUnderWay; ++i) ask(question("h" + std::to_string(i) + ".test"));
  EXPECT_THAT(told(1).back().text, HasSubstr("too many names are being asked for"));
}

TEST_F(BesideTheLoops, ended_resolver_drops_its_questions) {
  dns_.mute = true;
  auto told = std::make_shared<int>(0);
  {
    Resolver resolver;
    resolver.ask(question("app.test"), Millis(0), [told](const Result<ResolveAnswer>&, MonoMs) { ++*told; });
    resolver.ask(question("10.0.0.1"), Millis(0), [told](const Result<ResolveAnswer>&, MonoMs) {});
  }
  EXPECT_EQ(*told, 0);
  EXPECT_EQ(told.use_count(), 1);
}

}  // namespace
}  // namespace weir::io::test
