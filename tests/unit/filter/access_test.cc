// allow and deny: whom the first matching rule lets in.
#include "filter/access.h"

#include <gtest/gtest.h>

#include "unit/filter/fake_services.h"

namespace weir::filter {
namespace {

AccessRule rule(bool allow, const char* range) {
  return {allow, std::string_view(range) == "all" ? std::nullopt : Cidr::parse(range)};
}
AccessRule allow(const char* range) {
  return rule(true, range);
}
AccessRule deny(const char* range) {
  return rule(false, range);
}

class AccessTest : public testing::Test {
 protected:
  // The status that the client gets; 0: it is served.
  int ask(std::vector<AccessRule> rules, const SocketAddress& client) {
    std::vector<std::unique_ptr<const AccessCheck>> checks;
    checks.push_back(make_access_rules({std::move(rules)}, "location /"));
    const auto filter = make_access(std::move(checks), false, "location /");
    State* state = nullptr;
    Context context{variables_, arena_, chunks_, {}, state, client, false, &services_};
    http::RequestHead request;
    const Verdict verdict = filter->on_request(context, request);
    if (state != nullptr) state->~State();
    return verdict == Verdict::kContinue ? 0 : context.status;
  }
  int ask(std::vector<AccessRule> rules, const char* client) {
    return ask(std::move(rules), *SocketAddress::from_ip(client, 40000));
  }

  NoVariables variables_;
  Arena arena_;
  ChunkPool chunks_;
  FakeServices services_;
};

TEST_F(AccessTest, first_rule_that_matches_decides) {
  const std::vector<AccessRule> rules = {deny("10.0.0.1"), allow("10.0.0.0/8"), deny("all"), allow("192.0.2.1")};
  EXPECT_EQ(ask(rules, "10.0.0.1"), 403);
  EXPECT_EQ(ask(rules, "10.0.0.2"), 0);
  EXPECT_EQ(ask(rules, "192.0.2.1"), 403);
}

TEST_F(AccessTest, client_that_no_rule_names_is_served) {
  EXPECT_EQ(ask({deny("10.0.0.0/8")}, "11.0.0.1"), 0);
  EXPECT_EQ(ask({allow("10.0.0.0/8")}, "11.0.0.1"), 0);
}

TEST_F(AccessTest, families_are_kept_apart) {
  const std::vector<AccessRule> rules = {allow("2001:db8::/32"), allow("unix:"), deny("all")};
  EXPECT_EQ(ask(rules, "2001:db8::7"), 0);
  EXPECT_EQ(ask(rules, "2001:db9::7"), 403);
  EXPECT_EQ(ask(rules, "127.0.0.1"), 403);
  EXPECT_EQ(ask(rules, SocketAddress::from_unix("")), 0);
}

TEST_F(AccessTest, mapped_client_is_its_ipv4_address) {
  EXPECT_EQ(ask({allow("10.0.0.0/8"), deny("all")}, "::ffff:10.1.2.3"), 0);
}

// Answers as it is told to.
class Scripted final : public AccessCheck {
 public:
  Scripted(Answer answer, int status = 0, const char* field = nullptr)
      : answer_(answer), status_(status), field_(field) {}
  Answer check(Context& context, http::RequestHead&) const override {
    context.status = status_;
    if (field_ != nullptr) context.fields = context.arena.make<AnswerField>(AnswerField{"WWW-Authenticate", field_});
    return answer_;
  }

 private:
  Answer answer_;
  int status_;
  const char* field_;
};

class SatisfyTest : public testing::Test {
 protected:
  using Answer = AccessCheck::Answer;
  // The status that the client gets; 0: it is served.
  int ask(std::vector<Scripted> checks, bool any) {
    std::vector<std::unique_ptr<const AccessCheck>> made;
    for (const Scripted& each : checks) made.push_back(std::make_unique<Scripted>(each));
    const auto filter = make_access(std::move(made), any, "location /");
    State* state = nullptr;
    const SocketAddress client = *SocketAddress::from_ip("192.0.2.1", 40000);
    Context context{variables_, arena_, chunks_, {}, state, client, false, &services_};
    context.nested = nested_;
    http::RequestHead request;
    const Verdict verdict = filter->on_request(context, request);
    fields_.clear();
    for (const AnswerField* each = context.fields; each != nullptr; each = each->next)
      fields_ += std::string(fields_.empty() ? "" : ",") + std::string(each->value);
    if (state != nullptr) state->~State();
    return verdict == Verdict::kContinue ? 0 : context.status;
  }

  NoVariables variables_;
  FakeServices services_;
  Arena arena_;
  ChunkPool chunks_;
  std::string fields_;
  bool nested_ = false;
  const Scripted pass_{Answer::kPass}, silent_{Answer::kNoOpinion}, forbids_{Answer::kRefuse, 403};
  const Scripted asks_{Answer::kRefuse, 401, "Basic"}, asks_too_{Answer::kRefuse, 401, "Bearer"};
  const Scripted broken_{Answer::kRefuse, 500};
};

TEST_F(SatisfyTest, all_of_them_must_pass) {
  EXPECT_EQ(ask({pass_, silent_, pass_}, false), 0);
  EXPECT_EQ(ask({pass_, forbids_, asks_}, false), 403);
  EXPECT_EQ(ask({asks_, forbids_}, false), 401);
  EXPECT_EQ(fields_, "Basic");
}

TEST_F(SatisfyTest, any_of_them_is_enough) {
  EXPECT_EQ(ask({forbids_, asks_, pass_}, true), 0);
  EXPECT_EQ(ask({pass_, forbids_}, true), 0);
  EXPECT_EQ(ask({silent_, silent_}, true), 0);
}

TEST_F(SatisfyTest, challenge_goes_before_a_plain_refusal) {
  EXPECT_EQ(ask({forbids_, asks_}, true), 401);
  EXPECT_EQ(ask({asks_, forbids_}, true), 401);
  EXPECT_EQ(ask({forbids_, silent_}, true), 403);
}

TEST_F(SatisfyTest, challenges_of_all_are_sent) {
  EXPECT_EQ(ask({asks_, forbids_, asks_too_}, true), 401);
  EXPECT_EQ(fields_, "Basic,Bearer");
}

TEST_F(SatisfyTest, fault_of_a_check_is_not_made_good_by_another) {
  EXPECT_EQ(ask({broken_, pass_}, true), 500);
  EXPECT_EQ(ask({pass_, broken_}, true), 0);
}

TEST_F(SatisfyTest, request_of_weirs_own_is_not_asked) {
  nested_ = true;
  EXPECT_EQ(ask({forbids_}, false), 0);
}

}  // namespace
}  // namespace weir::filter
