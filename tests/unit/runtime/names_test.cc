// Host names of upstream servers over loads and refreshes.
#include "runtime/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace weir::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

io::ResolvedPeer peer(const char* ip, uint16_t port = 80) {
  return {*SocketAddress::from_ip(ip, port)};
}

config::UpstreamServer line(const char* host, bool resolve = false) {
  config::UpstreamServer server;
  server.host = host;
  server.port = 80;
  server.resolve = resolve;
  return server;
}

class NameBookTest : public ::testing::Test {
 protected:
  NameBookTest() { model_.upstreams.resize(1); }

  void lines(std::vector<config::UpstreamServer> servers) { model_.upstreams[0].servers = std::move(servers); }
  void answer(const std::string& host, std::vector<io::ResolvedPeer> peers, int ttl = 30) {
    dns_[host] = {std::move(peers), ttl, false};
  }
  void fail(const std::string& host) { dns_.erase(host); }

  // What a build is told of the n-th line, as text; the error when there is none.
  std::vector<std::string> peers(const ResolveName& resolve, size_t n = 0) {
    const auto found = resolve(question_of(model_.upstreams[0], model_.upstreams[0].servers[n]));
    if (!found) return {found.error()};
    std::vector<std::string> out;
    for (const io::ResolvedPeer& each : *found) out.push_back(each.address.to_string());
    return out;
  }
  std::vector<std::string> known(size_t n = 0) { return peers(names_.known(), n); }

  std::vector<Result<io::ResolveAnswer>> ask(const std::vector<io::DnsQuestion>& questions,
                                             const std::function<bool()>& stopped) {
    std::vector<Result<io::ResolveAnswer>> out;
    asked_.clear();
    ++rounds_;
    for (const io::DnsQuestion& question : questions) {
      asked_.push_back(question.host);
      if (while_asking_) while_asking_();
      const auto found = dns_.find(question.host);
      if (stopped() || found == dns_.end())
        out.emplace_back(Unexpected{"host not found in upstream \"" + question.host + "\""});
      else
        out.emplace_back(found->second);
    }
    return out;
  }

  config::Model model_;
  std::map<std::string, io::ResolveAnswer> dns_;
  std::vector<std::string> asked_;
  int rounds_ = 0;
  std::function<void()> while_asking_;
  MonoMs now_ = 1'000'000;
  NameBook names_{[this](const auto& questions, Millis, const auto& stopped) { return ask(questions, stopped); },
                  [this] { return now_; }};
};

TEST_F(NameBookTest, resolves_all_names_of_a_load_together) {
  lines({line("app"), line("app"), line("none"), line("")});
  answer("app", {peer("10.0.0.1")});
  const ResolveName resolve = names_.fresh(model_);
  EXPECT_EQ(rounds_, 1);
  EXPECT_THAT(asked_, ElementsAre("app", "none"));
  EXPECT_THAT(peers(resolve, 1), ElementsAre("10.0.0.1:80"));
  EXPECT_THAT(peers(resolve, 2), ElementsAre("host not found in upstream \"none\""));
}

TEST_F(NameBookTest, sends_no_question_without_names) {
  lines({line("")});
  (void)names_.fresh(model_);
  EXPECT_EQ(rounds_, 0);
  EXPECT_EQ(names_.next_due(model_), kNever);
}

TEST_F(NameBookTest, keeps_addresses_when_a_later_load_fails) {
  lines({line("app")});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  fail("app");
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(names_.next_due(model_), kNever);
}

TEST_F(NameBookTest, keeps_addresses_of_a_host_over_another_port) {
  lines({line("app")});
  answer("app", {peer("10.0.0.1"), peer("fd00::1")});
  (void)names_.fresh(model_);
  fail("app");
  config::UpstreamServer moved = line("app", true);
  moved.port = 81;
  lines({moved});
  model_.upstreams[0].resolver.ipv6 = false;
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre("10.0.0.1:81"));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  lines({line("other")});
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre(HasSubstr("host not found")));
}

TEST_F(NameBookTest, asks_again_for_a_lost_name) {
  lines({line("app"), line("fine")});
  answer("app", {peer("10.0.0.1")});
  answer("fine", {peer("10.0.0.2")});
  (void)names_.fresh(model_);
  const NameQuestion app = question_of(model_.upstreams[0], model_.upstreams[0].servers[0]);
  now_ += 4'999;
  names_.note_lost(app, true);
  EXPECT_EQ(names_.next_due(model_), kNever) << "just asked";
  now_ += 1;
  names_.note_lost(app, true);
  EXPECT_LE(names_.next_due(model_), now_);
  answer("app", {peer("10.0.0.9")});
  EXPECT_TRUE(names_.refresh(model_));
  EXPECT_THAT(asked_, ElementsAre("app"));
  EXPECT_THAT(known(), ElementsAre("10.0.0.9:80"));
  names_.note_lost(app, true);
  EXPECT_EQ(names_.next_due(model_), kNever) << "asked once in five seconds";
  now_ += 10'000;
  names_.note_lost(app, false);
  EXPECT_EQ(names_.next_due(model_), kNever);
}

TEST_F(NameBookTest, lost_name_keeps_its_addresses_while_dns_fails) {
  lines({line("app")});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  now_ += 10'000;
  names_.note_lost(question_of(model_.upstreams[0], model_.upstreams[0].servers[0]), true);
  fail("app");
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_THAT(known(), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
}

TEST_F(NameBookTest, names_resolved_once_are_listed) {
  auto named = [](const char* host, bool resolve) {
    config::UpstreamServer server = line(host, resolve);
    server.written = std::string(host) + ":80";
    return server;
  };
  lines({named("b", false), named("a", false), named("b", false), named("follows", true), named("localhost", false)});
  EXPECT_THAT(names_resolved_once(model_), ElementsAre("b:80", "a:80"));
  EXPECT_TRUE(resolves_once(model_));
  lines({named("follows", true), named("x.localhost", false)});
  EXPECT_FALSE(resolves_once(model_));
}

TEST_F(NameBookTest, retries_an_unresolved_name_every_five_seconds) {
  lines({line("app"), line("late")});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  now_ += 5000;
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_THAT(asked_, ElementsAre("late"));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  now_ += 5000;
  answer("late", {peer("10.0.0.2")});
  EXPECT_TRUE(names_.refresh(model_));
  EXPECT_THAT(known(1), ElementsAre("10.0.0.2:80"));
  EXPECT_EQ(names_.next_due(model_), kNever);
}

TEST_F(NameBookTest, refresh_asks_nothing_when_no_name_is_due) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  now_ += 29'999;
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_EQ(rounds_, 1);
}

TEST_F(NameBookTest, follows_a_resolved_name_when_its_answer_runs_out) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1"), peer("10.0.0.2")}, 7);
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), now_ + 7000);
  now_ += 7000;
  answer("app", {peer("10.0.0.2"), peer("10.0.0.3")}, 9);
  EXPECT_TRUE(names_.refresh(model_));
  EXPECT_THAT(known(), ElementsAre("10.0.0.2:80", "10.0.0.3:80"));
  EXPECT_EQ(names_.next_due(model_), now_ + 9000);
}

TEST_F(NameBookTest, bounds_a_ttl_between_a_second_and_an_hour) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")}, 0);
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), now_ + 1000);
  answer("app", {peer("10.0.0.1")}, 86'400);
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), now_ + 3'600'000);
}

TEST_F(NameBookTest, valid_overrides_the_ttl) {
  lines({line("app", true)});
  model_.upstreams[0].resolver.valid = Millis(4000);
  answer("app", {peer("10.0.0.1")}, 300);
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), now_ + 4000);
}

TEST_F(NameBookTest, order_of_an_answer_is_no_change) {
  lines({line("app", true)});
  answer("app", {peer("fd00::1"), peer("10.0.0.2"), peer("10.0.0.1")});
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"));
  now_ += 30'000;
  answer("app", {peer("10.0.0.1"), peer("fd00::1"), peer("10.0.0.2")});
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_THAT(known(), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"));
}

TEST_F(NameBookTest, weight_or_tier_of_an_answer_is_a_change) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  io::ResolvedPeer heavier = peer("10.0.0.1");
  heavier.weight = 5;
  answer("app", {heavier});
  now_ += 30'000;
  EXPECT_TRUE(names_.refresh(model_));
  heavier.backup = true;
  answer("app", {heavier});
  now_ += 30'000;
  EXPECT_TRUE(names_.refresh(model_));
}

TEST_F(NameBookTest, keeps_the_last_good_answer_and_logs_once) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  fail("app");
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    now_ = names_.next_due(model_);
    EXPECT_FALSE(names_.refresh(model_));
    EXPECT_EQ(names_.next_due(model_), now_ + 5000);
    EXPECT_THAT(known(), ElementsAre("10.0.0.1:80"));
  }
  answer("app", {peer("10.0.0.1")});
  now_ += 5000;
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_EQ(names_.next_due(model_), now_ + 30'000);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_THAT(log, HasSubstr("last addresses kept: 10.0.0.1:80"));
  EXPECT_THAT(log, HasSubstr("\"app:80\": resolved again"));
}

TEST_F(NameBookTest, partial_answer_is_used_only_without_a_better) {
  lines({line("app", true)});
  dns_["app"] = {{peer("10.0.0.1")}, 30, true};
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre("10.0.0.1:80"));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  now_ += 5000;
  answer("app", {peer("10.0.0.1"), peer("10.0.0.2")});
  EXPECT_TRUE(names_.refresh(model_));
  now_ += 30'000;
  dns_["app"] = {{peer("10.0.0.1")}, 30, true};
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_THAT(known(), ElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
}

TEST_F(NameBookTest, a_partial_answer_of_a_name_without_resolve_is_completed) {
  lines({line("app")});
  dns_["app"] = {{peer("10.0.0.1")}, 30, true};
  (void)names_.fresh(model_);
  now_ += 5000;
  fail("app");
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  now_ += 5000;
  answer("app", {peer("10.0.0.1"), peer("10.0.0.2")});
  EXPECT_TRUE(names_.refresh(model_));
  EXPECT_EQ(names_.next_due(model_), kNever);
}

TEST_F(NameBookTest, names_differ_by_resolver_and_service) {
  lines({line("app"), line("app", true), line("app")});
  model_.upstreams[0].servers[2].service = "http";
  (void)names_.fresh(model_);
  EXPECT_EQ(asked_.size(), 3U);
}

TEST_F(NameBookTest, forgets_names_of_old_configurations) {
  lines({line("old", true)});
  answer("old", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  lines({line("app")});
  answer("app", {peer("10.0.0.2")});
  (void)names_.fresh(model_);
  EXPECT_EQ(names_.next_due(model_), kNever);
  EXPECT_FALSE(names_.refresh(model_));
  lines({line("old", true)});
  EXPECT_THAT(known(), ElementsAre("host not found"));
}

TEST_F(NameBookTest, refresh_reports_answers_of_a_failed_load) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  answer("app", {peer("10.0.0.2")});
  (void)names_.fresh(model_);
  names_.not_in_force();
  EXPECT_EQ(names_.next_due(model_), now_ + 5000);
  now_ += 5000;
  EXPECT_TRUE(names_.refresh(model_));
  EXPECT_EQ(rounds_, 2);
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_EQ(names_.next_due(model_), now_ + 25'000);
}

TEST_F(NameBookTest, refresh_reports_unused_answers_again) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  answer("app", {peer("10.0.0.2")}, 3600);
  now_ += 30'000;
  EXPECT_TRUE(names_.refresh(model_));
  names_.not_in_force();
  now_ += 4999;
  EXPECT_FALSE(names_.refresh(model_));
  now_ += 1;
  EXPECT_TRUE(names_.refresh(model_));
}

TEST_F(NameBookTest, refresh_asks_together_for_answers_expiring_soon) {
  lines({line("a", true), line("b", true), line("c", true)});
  answer("a", {peer("10.0.0.1")}, 1);
  answer("b", {peer("10.0.0.2")}, 3);
  answer("c", {peer("10.0.0.3")}, 3);
  (void)names_.fresh(model_);
  now_ += 2900;
  (void)names_.refresh(model_);
  EXPECT_THAT(asked_, ElementsAre("a"));
  EXPECT_EQ(names_.next_due(model_), now_ + 250);
  now_ += 250;
  (void)names_.refresh(model_);
  EXPECT_THAT(asked_, ElementsAre("b", "c"));
}

TEST_F(NameBookTest, failed_load_without_answers_reports_no_change) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  (void)names_.fresh(model_);
  names_.not_in_force();
  EXPECT_EQ(names_.next_due(model_), now_ + 30'000);
}

TEST_F(NameBookTest, interrupted_refresh_leaves_unanswered_names_due) {
  lines({line("app", true)});
  answer("app", {peer("10.0.0.1")});
  (void)names_.fresh(model_);
  now_ += 30'000;
  while_asking_ = [this] { names_.interrupt(); };
  testing::internal::CaptureStderr();
  EXPECT_FALSE(names_.refresh(model_));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), IsEmpty());
  EXPECT_LE(names_.next_due(model_), now_);
  while_asking_ = nullptr;
  answer("app", {peer("10.0.0.2")});
  EXPECT_TRUE(names_.refresh(model_));
}

TEST_F(NameBookTest, a_load_is_not_interrupted) {
  lines({line("app")});
  answer("app", {peer("10.0.0.1")});
  names_.interrupt();
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre("10.0.0.1:80"));
}

TEST_F(NameBookTest, gets_no_answer_after_cancel) {
  lines({line("app")});
  answer("app", {peer("10.0.0.1")});
  names_.cancel();
  EXPECT_THAT(peers(names_.fresh(model_)), ElementsAre(HasSubstr("host not found")));
}

}  // namespace
}  // namespace weir::runtime
