// The two tables, and the wish to read.
#include "proxy/states.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "proxy/relay.h"

namespace weir::proxy {
namespace {

using Rq = RequestState;
using Rs = ResponseState;

TEST(States, request_moves_along_its_graph_alone) {
  const std::set<std::pair<Rq, Rq>> drawn = {
      {Rq::kIdle, Rq::kReceiving},       {Rq::kIdle, Rq::kAborted},      {Rq::kReceiving, Rq::kComplete},
      {Rq::kReceiving, Rq::kDiscarding}, {Rq::kReceiving, Rq::kAborted}, {Rq::kDiscarding, Rq::kComplete},
      {Rq::kDiscarding, Rq::kAborted},   {Rq::kComplete, Rq::kAborted},
  };
  for (const Rq from : {Rq::kIdle, Rq::kReceiving, Rq::kDiscarding, Rq::kComplete, Rq::kAborted}) {
    for (const Rq to : {Rq::kIdle, Rq::kReceiving, Rq::kDiscarding, Rq::kComplete, Rq::kAborted}) {
      Rq state = from;
      const bool may = drawn.count({from, to}) != 0;
      EXPECT_EQ(advance(state, to), may) << static_cast<int>(from) << "->" << static_cast<int>(to);
      EXPECT_EQ(state, may ? to : from);
    }
  }
}

TEST(States, response_moves_along_its_graph_alone) {
  const std::set<std::pair<Rs, Rs>> drawn = {
      {Rs::kNone, Rs::kHead},  {Rs::kNone, Rs::kEnded},   {Rs::kNone, Rs::kAborted}, {Rs::kHead, Rs::kBody},
      {Rs::kHead, Rs::kEnded}, {Rs::kHead, Rs::kAborted}, {Rs::kBody, Rs::kEnded},   {Rs::kBody, Rs::kAborted},
  };
  const auto all = {Rs::kNone, Rs::kHead, Rs::kBody, Rs::kEnded, Rs::kAborted};
  for (const Rs from : all) {
    for (const Rs to : all) {
      Rs state = from;
      const bool may = drawn.count({from, to}) != 0;
      EXPECT_EQ(advance(state, to), may) << static_cast<int>(from) << "->" << static_cast<int>(to);
      EXPECT_EQ(state, may ? to : from);
    }
  }
}

TEST(Relay, pauses_at_the_high_and_resumes_at_the_low_mark) {
  Relay relay;
  EXPECT_TRUE(relay.update(0));
  EXPECT_TRUE(relay.update(Relay::kHigh - 1));
  EXPECT_FALSE(relay.update(Relay::kHigh));
  EXPECT_FALSE(relay.update(Relay::kHigh - 1));
  EXPECT_FALSE(relay.update(Relay::kLow + 1));
  EXPECT_TRUE(relay.update(Relay::kLow));
  EXPECT_TRUE(relay.update(Relay::kLow + 1));
}

TEST(Relay, refuses_a_piece_when_full) {
  Relay relay;
  for (int i = 0; i < Relay::kMost; ++i) EXPECT_TRUE(relay.add("ab"));
  EXPECT_FALSE(relay.add("ab"));
  EXPECT_EQ(relay.count(), Relay::kMost);
  relay.flushed();
  EXPECT_EQ(relay.count(), 0);
  EXPECT_TRUE(relay.add("c"));
  EXPECT_EQ(relay.pieces()[0], "c");
  EXPECT_EQ(relay.total(), 2U * Relay::kMost + 1);
  relay.reset();
  EXPECT_EQ(relay.total(), 0U);
}

}  // namespace
}  // namespace weir::proxy
