// maintenance: whom it answers, and with what.
#include "filter/maintenance.h"

#include <gtest/gtest.h>

namespace weir::filter {
namespace {

class NoVariables final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override { return {}; }
};

class Maintenance : public testing::Test {
 protected:
  Verdict ask(const MaintenanceOptions& options, const std::string& from, bool maintained = false) {
    filter_ = make_maintenance(options);
    client_ = *SocketAddress::from_ip(from, 40000);
    Context context{variables_, arena_, chunks_, {}, state_, client_, maintained};
    const Verdict verdict = filter_->on_request(context, request_);
    status_ = context.status;
    retry_after_ = context.retry_after;
    body_ = context.body;
    type_ = context.type;
    return verdict;
  }

  NoVariables variables_;
  Arena arena_;
  ChunkPool chunks_;
  State* state_ = nullptr;
  SocketAddress client_;
  http::RequestHead request_;
  std::shared_ptr<const Filter> filter_;
  int status_ = 0, retry_after_ = 0;
  std::string_view body_, type_;
};

TEST_F(Maintenance, answers_503_with_its_page_and_retry_after) {
  MaintenanceOptions options;
  options.page = "<p>back soon</p>";
  options.retry_after = 120;
  EXPECT_EQ(ask(options, "192.0.2.1"), Verdict::kAnswer);
  EXPECT_EQ(status_, 503);
  EXPECT_EQ(retry_after_, 120);
  EXPECT_EQ(body_, "<p>back soon</p>");
  EXPECT_EQ(type_, "text/html");
}

TEST_F(Maintenance, default_page_is_used_without_a_configured) {
  EXPECT_EQ(ask({}, "192.0.2.1"), Verdict::kAnswer);
  EXPECT_EQ(body_, "");
  EXPECT_EQ(retry_after_, 60);
}

TEST_F(Maintenance, passes_allowed_addresses) {
  MaintenanceOptions options;
  options.allow = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("2001:db8::/32")};
  EXPECT_EQ(ask(options, "10.1.2.3"), Verdict::kContinue);
  EXPECT_EQ(ask(options, "2001:db8::7"), Verdict::kContinue);
  EXPECT_EQ(ask(options, "11.0.0.1"), Verdict::kAnswer);
  EXPECT_EQ(ask(options, "2001:db9::7"), Verdict::kAnswer);
}

TEST_F(Maintenance, passes_its_error_page) {
  EXPECT_EQ(ask({}, "192.0.2.1", true), Verdict::kContinue);
}

}  // namespace
}  // namespace weir::filter
