// limit_req and limit_conn, with tables that answer as they are told to.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "filter/limit_connections.h"
#include "filter/limit_requests.h"
#include "unit/filter/fake_services.h"

namespace weir::filter {
namespace {

class FakeRates final : public policy::RateTable {
 public:
  Answer take(std::string_view key, const policy::RateLimit& limit, MonoMs) override {
    Answer answer = look(key, limit, 0);
    if (answer.passes) ++taken[std::string(key)];
    return answer;
  }
  Answer look(std::string_view, const policy::RateLimit& limit, MonoMs) override {
    return {excess, excess <= limit.burst};
  }
  int64_t count(std::string_view key, const policy::RateLimit&, MonoMs) override {
    ++taken[std::string(key)];
    return excess;
  }
  int64_t excess = 0;
  std::map<std::string, int> taken;
};

class FakeConnections final : public policy::ConnectionTable {
 public:
  bool take(std::string_view key, uint32_t most) override {
    if (taken[std::string(key)] >= most) return false;
    ++taken[std::string(key)];
    return true;
  }
  void give_back(std::string_view key) override { --taken[std::string(key)]; }
  std::map<std::string, uint32_t> taken;
};

std::shared_ptr<const LimitZone> zone(const std::string& name, const std::string& key) {
  auto made = std::make_shared<LimitZone>();
  made->name = name;
  made->key = route::Template::literal(key);
  return made;
}

class LimitsTest : public testing::Test {
 protected:
  ~LimitsTest() override { end(); }
  void end() {
    if (state_ != nullptr) state_->~State();
    state_ = nullptr;
  }
  Verdict ask(const Filter& filter) {
    Context context{variables_, arena_, chunks_, {}, state_, client_, false, &services_};
    http::RequestHead request;
    const Verdict verdict = filter.on_request(context, request);
    status_ = context.status;
    return verdict;
  }

  NoVariables variables_;
  FakeServices services_;
  Arena arena_;
  ChunkPool chunks_;
  const SocketAddress client_ = *SocketAddress::from_ip("192.0.2.1", 40000);
  State* state_ = nullptr;
  int status_ = 0;
  const std::shared_ptr<FakeRates> first_ = std::make_shared<FakeRates>(), second_ = std::make_shared<FakeRates>();
  const std::shared_ptr<FakeConnections> here_ = std::make_shared<FakeConnections>();
  const std::shared_ptr<FakeConnections> there_ = std::make_shared<FakeConnections>();
};

constexpr policy::RateLimit kTen{.rate = 10'000, .burst = 3'000, .delay = 0};

TEST_F(LimitsTest, request_within_the_rate_passes) {
  const auto filter = make_limit_requests({.limits = {{zone("a", "k"), kTen}}}, {first_});
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(services_.seen.requests, Limited::kPassed);
  EXPECT_EQ(first_->taken["k"], 1);
}

TEST_F(LimitsTest, request_beyond_the_rate_waits) {
  const auto filter = make_limit_requests({.limits = {{zone("a", "k"), kTen}}}, {first_});
  first_->excess = 2000;
  EXPECT_EQ(ask(*filter), Verdict::kSuspend);
  EXPECT_EQ(services_.armed, services_.time + 200);
  EXPECT_EQ(services_.seen.requests, Limited::kDelayed);
  services_.advance(100);
  EXPECT_EQ(ask(*filter), Verdict::kSuspend);
  services_.advance(120);
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(first_->taken["k"], 1) << "counted once";
}

TEST_F(LimitsTest, request_beyond_the_burst_is_rejected) {
  const auto filter = make_limit_requests({.limits = {{zone("a", "k"), kTen}}, .status = 429}, {first_});
  first_->excess = 3001;
  EXPECT_EQ(ask(*filter), Verdict::kAnswer);
  EXPECT_EQ(status_, 429);
  EXPECT_EQ(services_.seen.requests, Limited::kRejected);
}

TEST_F(LimitsTest, dry_run_lets_everything_pass) {
  const auto filter = make_limit_requests({.limits = {{zone("a", "k"), kTen}}, .dry_run = true}, {first_});
  first_->excess = 3001;
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(services_.seen.requests, Limited::kRejectedDryRun);
  services_.seen = {};
  first_->excess = 1000;
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(services_.seen.requests, Limited::kDelayedDryRun);
}

TEST_F(LimitsTest, rejected_request_is_counted_by_no_limit) {
  const auto filter =
      make_limit_requests({.limits = {{zone("a", "k"), kTen}, {zone("b", "k"), kTen}}}, {first_, second_});
  second_->excess = 5000;
  EXPECT_EQ(ask(*filter), Verdict::kAnswer);
  EXPECT_EQ(first_->taken["k"], 0);
  EXPECT_EQ(second_->taken["k"], 0);
}

TEST_F(LimitsTest, longest_delay_of_several_limits_holds) {
  const auto filter =
      make_limit_requests({.limits = {{zone("a", "k"), kTen}, {zone("b", "k"), kTen}}}, {first_, second_});
  first_->excess = 3000;
  second_->excess = 1000;
  EXPECT_EQ(ask(*filter), Verdict::kSuspend);
  EXPECT_EQ(services_.armed, services_.time + 300);
  EXPECT_EQ(first_->taken["k"], 1);
  EXPECT_EQ(second_->taken["k"], 1);
}

TEST_F(LimitsTest, empty_key_is_not_counted) {
  const auto filter =
      make_limit_requests({.limits = {{zone("a", "k"), kTen}, {zone("b", ""), kTen}}}, {first_, second_});
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(first_->taken["k"], 1) << "the last limit has nothing to say, the first counts";
  const auto none = make_limit_requests({.limits = {{zone("b", ""), kTen}}}, {second_});
  services_.seen = {};
  EXPECT_EQ(ask(*none), Verdict::kContinue);
  EXPECT_EQ(services_.seen.requests, Limited::kNot);
  EXPECT_TRUE(second_->taken.empty());
}

TEST_F(LimitsTest, request_is_counted_once_whatever_its_locations) {
  const auto filter = make_limit_requests({.limits = {{zone("a", "k"), kTen}}}, {first_});
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(first_->taken["k"], 1);
}

TEST_F(LimitsTest, connection_is_held_until_the_request_is_over) {
  const auto filter = make_limit_connections({.limits = {{zone("a", "k"), 1}}}, {here_});
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(services_.seen.connections, Limited::kPassed);
  EXPECT_EQ(here_->taken["k"], 1U);
  services_.seen = {};
  EXPECT_EQ(ask(*filter), Verdict::kAnswer);
  EXPECT_EQ(status_, 503);
  EXPECT_EQ(services_.seen.connections, Limited::kRejected);
  services_.held.clear();
  EXPECT_EQ(here_->taken["k"], 0U);
  services_.seen = {};
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
}

TEST_F(LimitsTest, connection_that_one_limit_rejects_is_counted_by_none) {
  const auto filter =
      make_limit_connections({.limits = {{zone("a", "k"), 1}, {zone("b", "k"), 1}}, .status = 429}, {here_, there_});
  there_->taken["k"] = 1;
  EXPECT_EQ(ask(*filter), Verdict::kAnswer);
  EXPECT_EQ(status_, 429);
  EXPECT_EQ(here_->taken["k"], 0U);
}

TEST_F(LimitsTest, connection_beyond_the_limit_passes_a_dry_run) {
  const auto filter = make_limit_connections({.limits = {{zone("a", "k"), 1}}, .dry_run = true}, {here_});
  here_->taken["k"] = 1;
  EXPECT_EQ(ask(*filter), Verdict::kContinue);
  EXPECT_EQ(services_.seen.connections, Limited::kRejectedDryRun);
  EXPECT_TRUE(services_.held.empty());
}

}  // namespace
}  // namespace weir::filter
