// allow and deny: whom the first matching rule lets in.
#include "filter/access.h"

#include <gtest/gtest.h>

namespace weir::filter {
namespace {

class NoVariables final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override { return {}; }
};

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
    const auto filter = make_access({std::move(rules)}, "location /");
    Context context{variables_, arena_, chunks_, {}, state_, client, false};
    http::RequestHead request;
    return filter->on_request(context, request) == Verdict::kContinue ? 0 : context.status;
  }
  int ask(std::vector<AccessRule> rules, const char* client) {
    return ask(std::move(rules), *SocketAddress::from_ip(client, 40000));
  }

  NoVariables variables_;
  Arena arena_;
  ChunkPool chunks_;
  State* state_ = nullptr;
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

}  // namespace
}  // namespace weir::filter
