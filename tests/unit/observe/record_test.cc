// The record of an exchange: attempts and the $upstream_* lists.
#include "observe/record.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::observe {
namespace {

class AttemptLists : public testing::Test {
 protected:
  std::string render(AttemptColumn column) { return std::string(render_attempts(attempts_, column, arena_)); }
  Attempt& add() { return attempts_.add(arena_); }

  Arena arena_;
  AttemptList attempts_;
};

TEST_F(AttemptLists, no_attempt_is_empty) {
  EXPECT_EQ(render(AttemptColumn::kAddr), "");
  EXPECT_EQ(render(AttemptColumn::kStatus), "");
  EXPECT_EQ(render(AttemptColumn::kReason), "");
}

TEST_F(AttemptLists, single_attempt_is_listed) {
  Attempt& a = add();
  a.peer = "10.0.0.1:13000";
  a.status = 200;
  a.started_us = 1'000'000;
  a.connected_us = 1'000'900;
  a.header_us = 1'004'999;
  a.ended_us = 3'050'000;
  a.bytes_sent = 120;
  a.bytes_received = 1500;
  a.response_length = 1234;
  EXPECT_EQ(render(AttemptColumn::kAddr), "10.0.0.1:13000");
  EXPECT_EQ(render(AttemptColumn::kStatus), "200");
  EXPECT_EQ(render(AttemptColumn::kConnectTime), "0.000");
  EXPECT_EQ(render(AttemptColumn::kHeaderTime), "0.004");
  EXPECT_EQ(render(AttemptColumn::kResponseTime), "2.050");
  EXPECT_EQ(render(AttemptColumn::kBytesSent), "120");
  EXPECT_EQ(render(AttemptColumn::kBytesReceived), "1500");
  EXPECT_EQ(render(AttemptColumn::kResponseLength), "1234");
  EXPECT_EQ(render(AttemptColumn::kReason), "ok");
}

TEST_F(AttemptLists, missing_values_of_an_attempt_are_dashes) {
  Attempt& refused = add();
  refused.peer = "10.0.0.1:13000";
  refused.started_us = 0;
  refused.ended_us = 1'000;
  refused.error = ErrorKind::kConnectRefused;
  Attempt& good = add();
  good.peer = "10.0.0.2:13000";
  good.started_us = 1'000;
  good.connected_us = 2'000;
  good.header_us = 12'000;
  good.ended_us = 23'000;
  good.status = 200;
  good.response_length = 5;
  Attempt& none = add();
  none.peer = "myapp";
  none.error = ErrorKind::kNoPeer;
  EXPECT_EQ(render(AttemptColumn::kAddr), "10.0.0.1:13000, 10.0.0.2:13000, myapp");
  EXPECT_EQ(render(AttemptColumn::kStatus), "502, 200, 503");
  EXPECT_EQ(render(AttemptColumn::kConnectTime), "-, 0.001, -");
  EXPECT_EQ(render(AttemptColumn::kHeaderTime), "-, 0.011, -");
  EXPECT_EQ(render(AttemptColumn::kResponseTime), "0.001, 0.022, -");
  EXPECT_EQ(render(AttemptColumn::kBytesSent), "0, 0, 0");
  EXPECT_EQ(render(AttemptColumn::kResponseLength), "-, 5, -");
  EXPECT_EQ(render(AttemptColumn::kReason), "connect_refused, ok, no_peer");
}

TEST_F(AttemptLists, keep_their_content_while_growing) {
  for (int i = 0; i < 20; ++i) add().status = 200 + i;
  ASSERT_EQ(attempts_.size(), 20);
  EXPECT_EQ(attempts_[0].status, 200);
  EXPECT_EQ(attempts_.back().status, 219);
  EXPECT_EQ(attempts_.back().connected_us, -1);
  attempts_.clear();
  EXPECT_EQ(attempts_.size(), 0);
}

TEST_F(AttemptLists, status_of_a_failure_is_that_of_a_gateway) {
  for (const ErrorKind kind : {ErrorKind::kConnectTimeout, ErrorKind::kHeaderTimeout, ErrorKind::kResetBeforeResponse,
                               ErrorKind::kInvalidResponse, ErrorKind::kClientClosed, ErrorKind::kNone})
    add().error = kind;
  EXPECT_EQ(render(AttemptColumn::kStatus), "504, 504, 502, 502, -, -");
  attempts_.clear();
  Attempt& broken = add();
  broken.status = 200;
  broken.error = ErrorKind::kResetMidResponse;
  EXPECT_EQ(render(AttemptColumn::kStatus), "200") << "an answer had begun";
}

TEST_F(AttemptLists, the_largest_numbers_fit) {
  Attempt& a = add();
  a.bytes_sent = UINT64_MAX;
  a.started_us = 0;
  a.ended_us = INT64_MAX;
  EXPECT_EQ(render(AttemptColumn::kBytesSent), "18446744073709551615");
  EXPECT_EQ(render(AttemptColumn::kResponseTime), "9223372036854.775");
}

TEST(RenderSeconds, cuts_to_milliseconds) {
  Arena arena;
  EXPECT_EQ(render_seconds(0, arena), "0.000");
  EXPECT_EQ(render_seconds(999, arena), "0.000");
  EXPECT_EQ(render_seconds(4'999, arena), "0.004");
  EXPECT_EQ(render_seconds(61'023'000, arena), "61.023");
  EXPECT_EQ(render_seconds(-5, arena), "0.000");
}

}  // namespace
}  // namespace weir::observe
