// One question to one peer: what passes, what fails and with which words, what says nothing.
#include "upstream/probe.h"

#include <gtest/gtest.h>

#include <optional>

#include "check_world.h"

namespace weir::upstream {
namespace {

using Verdict = ProbeOutcome::Verdict;

class ProbeTest : public testing::Test, public ProbeOwner {
 protected:
  ProbeTest() {
    check_.host = "app";
    check_.uri = "/health";
  }
  void wants_body(std::string text) {
    auto match = std::make_shared<Match>();
    match->statuses = {{200, 200}};
    match->bodies = {{false, std::move(text), nullptr}};
    check_.match = std::move(match);
  }
  void begin() {
    if (probe_ == nullptr) probe_ = std::make_unique<Probe>(kit_, at_, check_, *this);
    outcome_.reset();
    probe_->begin();
    EXPECT_FALSE(outcome_.has_value()) << "never from inside begin()";
    world_.serve();
  }
  const ProbeOutcome& ask() {
    begin();
    if (!outcome_) world_.advance(2'000);
    EXPECT_TRUE(outcome_.has_value());
    return *outcome_;
  }
  const ProbeOutcome& answered(std::string_view answer, bool closes = false) {
    peer().answer = answer;
    peer().closes = closes;
    return ask();
  }
  FakePeer& peer() { return world_.peer(at_); }
  void on_outcome(const ProbeOutcome& outcome) override {
    outcome_ = outcome;
    if (destroy_) probe_.reset();
  }

  CheckWorld world_;
  SocketAddress at_ = CheckWorld::address(0);
  ProbeKit kit_{world_.loop, world_.connector()};
  CheckOptions check_;
  std::unique_ptr<Probe> probe_;
  std::optional<ProbeOutcome> outcome_;
  bool destroy_ = false;
};

TEST_F(ProbeTest, passes_with_2xx_and_3xx_by_default) {
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  EXPECT_EQ(outcome_->status, 200);
  EXPECT_EQ(outcome_->reason, "");
  EXPECT_EQ(answered("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").verdict, Verdict::kPassed);
  EXPECT_EQ(world_.loop.armed(), 0U);
}

TEST_F(ProbeTest, sends_host_and_user_agent_and_no_client_field) {
  ask();
  EXPECT_EQ(peer().requests.at(0),
            "GET /health HTTP/1.1\r\nHost: app\r\nUser-Agent: weir health check\r\nConnection: close\r\n\r\n");
}

TEST_F(ProbeTest, sends_a_post_with_length_zero) {
  check_.method = "POST";
  ask();
  EXPECT_NE(peer().requests.at(0).find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_F(ProbeTest, fails_with_the_received_status) {
  EXPECT_EQ(answered("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").verdict, Verdict::kFailed);
  EXPECT_EQ(outcome_->reason, "status 503");
  EXPECT_EQ(outcome_->status, 503);
}

TEST_F(ProbeTest, skips_interim_responses) {
  EXPECT_EQ(answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + std::string(kOk)).status, 200);
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
}

TEST_F(ProbeTest, judges_the_head_alone_when_no_body_is_matched) {
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").verdict, Verdict::kPassed);
  EXPECT_EQ(world_.now, 1'000'000);
  EXPECT_TRUE(peer().wire().closed);
}

TEST_F(ProbeTest, compares_the_whole_body) {
  wants_body("ok");
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n").verdict,
            Verdict::kPassed);
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n\r\nok", true).verdict, Verdict::kPassed) << "until the end";
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n").reason, "body is not \"ok\"");
}

TEST_F(ProbeTest, takes_no_cut_body_for_a_whole_one) {
  wants_body("ok");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok", true).reason, "closed inside its answer");
  EXPECT_EQ(outcome_->verdict, Verdict::kFailed);
}

TEST_F(ProbeTest, closes_when_a_body_exceeds_its_bound) {
  auto match = std::make_shared<Match>();
  auto regex = Regex::compile("needle", false);
  match->bodies = {{false, "needle", std::make_shared<const Regex>(std::move(regex.value()))}};
  check_.match = std::move(match);
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(answered(head + "needle" + std::string(2 * Match::kMostBody, 'x')).verdict, Verdict::kPassed);
  EXPECT_TRUE(peer().wire().closed);
  EXPECT_EQ(answered(head + std::string(Match::kMostBody, 'x') + "needle").reason, "body does not match \"needle\"");
  EXPECT_EQ(world_.now, 1'000'000) << "neither waited for the end";
}

TEST_F(ProbeTest, names_a_refused_connect) {
  peer().refuses = ErrorKind::kConnectRefused;
  EXPECT_EQ(ask().reason, "connection refused");
  EXPECT_EQ(outcome_->verdict, Verdict::kFailed);
  EXPECT_EQ(outcome_->status, 0);
}

TEST_F(ProbeTest, names_an_unreachable_peer) {
  peer().refuses = ErrorKind::kConnectFailed;
  peer().code = -EHOSTUNREACH;
  EXPECT_EQ(ask().reason, "connect failed: No route to host");
}

TEST_F(ProbeTest, is_inconclusive_when_local_ports_are_exhausted) {
  peer().refuses = ErrorKind::kLocalError;
  peer().code = -EADDRNOTAVAIL;
  EXPECT_EQ(ask().verdict, Verdict::kInconclusive);
  EXPECT_FALSE(outcome_->stalled);
}

TEST_F(ProbeTest, fails_when_the_backlog_of_a_unix_peer_is_full) {
  at_ = SocketAddress::from_unix("/run/app.sock");
  peer().refuses = ErrorKind::kLocalError;
  peer().code = -EAGAIN;
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
}

TEST_F(ProbeTest, connect_times_out_when_unanswered) {
  peer().blackholed = true;
  EXPECT_EQ(ask().reason, "connect timed out after 1000 ms");
  EXPECT_LE(world_.now, 1'000'000 + 2'000);
}

TEST_F(ProbeTest, times_out_when_the_peer_does_not_answer) {
  peer().hung = true;
  begin();
  world_.advance(999);
  EXPECT_FALSE(outcome_.has_value());
  world_.advance(20);
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->reason, "no answer within 1000 ms");
  EXPECT_EQ(outcome_->verdict, Verdict::kFailed);
  EXPECT_TRUE(peer().wire().closed);
}

TEST_F(ProbeTest, times_out_when_the_peer_dribbles) {
  wants_body("ok");
  peer().hung = true;
  begin();
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x');
  for (size_t i = 0; i < answer.size() && !outcome_; ++i) {
    CheckWorld::say(peer().wire(), answer.substr(i, 1));
    world_.advance(16);
  }
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->reason, "no whole answer within 1000 ms");
  EXPECT_LE(world_.now, 1'000'000 + 1'032);
}

TEST_F(ProbeTest, names_a_peer_that_hangs_up) {
  EXPECT_EQ(answered("", true).reason, "closed before an answer");
  EXPECT_EQ(answered("HTTP/1.1 200", true).reason, "closed before an answer");
}

TEST_F(ProbeTest, names_an_answer_that_is_not_http) {
  EXPECT_EQ(answered("SSH-2.0-OpenSSH_9.2\r\n\r\n").reason.substr(0, 17), "invalid response:");
  EXPECT_EQ(outcome_->verdict, Verdict::kFailed);
}

TEST_F(ProbeTest, fails_when_a_head_does_not_end) {
  answered("HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x'));
  EXPECT_EQ(outcome_->verdict, Verdict::kFailed);
  EXPECT_EQ(world_.now, 1'000'000);
}

TEST_F(ProbeTest, passes_with_a_connect_for_tcp) {
  check_.type = CheckType::kTcp;
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  EXPECT_TRUE(peer().wire().closed);
  EXPECT_TRUE(peer().requests.empty());
  peer().refuses = ErrorKind::kConnectRefused;
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
}

TEST_F(ProbeTest, is_inconclusive_when_the_loop_stalled) {
  peer().hung = true;
  begin();
  world_.advance(500);
  world_.stall(2'000);
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->verdict, Verdict::kInconclusive);
  EXPECT_TRUE(outcome_->stalled);
}

TEST_F(ProbeTest, is_inconclusive_when_the_loop_stalled_for_a_part) {
  peer().hung = true;
  begin();
  world_.stall(600);
  EXPECT_FALSE(outcome_.has_value());
  world_.advance(450);
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->verdict, Verdict::kInconclusive);
}

TEST_F(ProbeTest, takes_an_answer_that_was_read_late) {
  begin();
  probe_.reset();
  peer().hung = true;
  begin();
  peer().wire().inbound = kOk;  // in the kernel, while the loop stands still
  world_.now += 3'000;
  peer().wire().deliver();  // the poll of the next turn comes before its deadlines
  world_.loop.turn(false);
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
}

TEST_F(ProbeTest, opens_a_connection_for_each_probe) {
  ask();
  ask();
  EXPECT_EQ(peer().connects, 2);
}

TEST_F(ProbeTest, keeps_its_connection_for_keepalive_time) {
  check_.keepalive_time = Millis(10'000);
  ask();
  EXPECT_EQ(peer().requests.at(0), "GET /health HTTP/1.1\r\nHost: app\r\nUser-Agent: weir health check\r\n\r\n");
  ask();
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
  EXPECT_EQ(peer().connects, 1);
  world_.advance(10'000);
  ask();
  EXPECT_EQ(peer().connects, 2) << "it was old enough";
}

TEST_F(ProbeTest, waits_for_the_body_of_a_connection_that_it_keeps) {
  check_.keepalive_time = Millis(10'000);
  peer().answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  begin();
  EXPECT_FALSE(outcome_.has_value());
  CheckWorld::say(peer().wire(), "ok");
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
  EXPECT_FALSE(peer().wire().closed);
  EXPECT_EQ(ask().verdict, Verdict::kPassed) << "the body is not needed, though it never comes";
  EXPECT_TRUE(peer().wire().closed);
}

TEST_F(ProbeTest, closes_a_kept_connection_that_ends_or_sends_bytes) {
  check_.keepalive_time = Millis(10'000);
  answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  EXPECT_TRUE(peer().wire().closed);
  answered(std::string(kOk) + "surplus");
  EXPECT_TRUE(peer().wire().closed);
  answered(kOk);
  EXPECT_FALSE(peer().wire().closed);
  CheckWorld::say(peer().wire(), "unasked");
  EXPECT_TRUE(peer().wire().closed);
  answered(kOk);
  CheckWorld::fin(peer().wire());
  EXPECT_TRUE(peer().wire().closed);
  EXPECT_EQ(answered(kOk).verdict, Verdict::kPassed);
}

TEST_F(ProbeTest, repeats_when_a_kept_connection_closes_during_the_request) {
  check_.keepalive_time = Millis(10'000);
  ask();
  peer().hung = true;
  begin();
  EXPECT_EQ(peer().connects, 1);
  peer().hung = false;
  CheckWorld::fin(peer().wire());
  world_.serve();
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
  EXPECT_EQ(peer().connects, 2);
}

TEST_F(ProbeTest, repeats_when_a_kept_connection_broke_before_the_request) {
  check_.keepalive_time = Millis(10'000);
  ask();
  peer().wire().break_sending();
  begin();
  peer().wire().deliver();
  world_.serve();
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->verdict, Verdict::kPassed);
  EXPECT_EQ(peer().connects, 2);
}

TEST_F(ProbeTest, repeats_only_once) {
  check_.keepalive_time = Millis(10'000);
  ask();
  peer().hung = true;
  begin();
  CheckWorld::fin(peer().wire());
  world_.serve();
  EXPECT_FALSE(outcome_.has_value());
  CheckWorld::fin(peer().wire());
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->reason, "closed before an answer");
}

TEST_F(ProbeTest, does_not_repeat_when_the_answer_is_cut) {
  check_.keepalive_time = Millis(10'000);
  ask();
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nCont", true).verdict, Verdict::kFailed);
  EXPECT_EQ(peer().connects, 1);
}

TEST_F(ProbeTest, may_be_destroyed_while_it_runs) {
  peer().blackholed = true;
  begin();
  probe_.reset();
  peer().blackholed = false;
  world_.serve();
  peer().hung = true;
  begin();
  probe_.reset();
  EXPECT_TRUE(peer().wire().closed);
  world_.advance(2'000);
  EXPECT_FALSE(outcome_.has_value());
  EXPECT_EQ(world_.loop.armed(), 0U);
}

TEST_F(ProbeTest, may_be_destroyed_inside_its_callback) {
  destroy_ = true;
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  peer().hung = true;
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
  peer().hung = false;
  peer().refuses = ErrorKind::kConnectRefused;
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
  peer().refuses = ErrorKind::kNone;
  EXPECT_EQ(answered("", true).verdict, Verdict::kFailed);
  EXPECT_EQ(probe_, nullptr);
}

}  // namespace
}  // namespace weir::upstream
