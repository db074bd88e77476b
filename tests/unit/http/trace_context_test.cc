// traceparent, by the rules and examples of W3C Trace Context.
#include "http/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

constexpr std::string_view kExample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, is_read_and_rendered) {
  Arena arena;
  const auto context = parse_traceparent(kExample);
  ASSERT_TRUE(context);
  EXPECT_EQ(std::string(context->trace_id.begin(), context->trace_id.end()), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(std::string(context->span_id.begin(), context->span_id.end()), "b7ad6b7169203331");
  EXPECT_EQ(context->render(arena), kExample);
}

TEST(TraceContext, malformed_values_do_not_count) {
  const std::string good(kExample);
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "0", good + "-", std::string("ff") + good.substr(2),
        std::string("0x") + good.substr(2), good.substr(0, 3) + std::string(32, '0') + good.substr(35),
        good.substr(0, 36) + std::string(16, '0') + good.substr(52), good.substr(0, 53) + "0g",
        good.substr(0, 3) + "0AF7651916CD43DD8448EB211C80319C" + good.substr(35),
        good.substr(0, 35) + "_" + good.substr(36)})
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
}

TEST(TraceContext, later_versions_may_have_more) {
  const std::string later = "cc" + std::string(kExample).substr(2);
  EXPECT_TRUE(parse_traceparent(later));
  EXPECT_TRUE(parse_traceparent(later + "-of-the-future"));
  EXPECT_FALSE(parse_traceparent(later + ".of-the-future"));
}

TEST(TraceContext, children_of_a_span_have_ids_of_their_own) {
  const auto text = [](const std::array<char, 16>& id) { return std::string(id.begin(), id.end()); };
  const auto context = parse_traceparent(kExample);
  EXPECT_EQ(text(child_span_id(context->span_id, 1)), "b7ad6b7169203332");
  EXPECT_EQ(text(child_span_id(context->span_id, 16)), "b7ad6b7169203341");
  std::array<char, 16> last;
  last.fill('f');
  EXPECT_EQ(text(child_span_id(last, 1)), "0000000000000001") << "all zeros are no id";
}

TEST(TraceContext, lowest_flag_is_sampled) {
  TraceContext context{};
  for (const char digit : std::string("13579bdf")) {
    context.flags = {'0', digit};
    EXPECT_TRUE(context.is_sampled()) << digit;
  }
  for (const char digit : std::string("02468ace")) {
    context.flags = {'0', digit};
    EXPECT_FALSE(context.is_sampled()) << digit;
  }
}

}  // namespace
}  // namespace weir::http
