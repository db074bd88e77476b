// What checks say of peers together, and what a reload keeps.
#include "upstream/health_monitor.h"

#include <gtest/gtest.h>

#include "monitor_world.h"

namespace weir::upstream {
namespace {

using Standing = policy::HealthState::Standing;

class HealthMonitorTest : public testing::Test, public MonitorWorld {
 protected:
  // Until a check has taken it down, from the moment that it refuses.
  void bring_down(int n = 0) {
    refuse(n);
    advance(6'000);
    ASSERT_TRUE(down(n));
  }
  size_t requests(int n = 0) { return peer(n).requests.size(); }
};

TEST_F(HealthMonitorTest, keeps_peers_up_until_a_check_fails) {
  reconcile(upstream("app", first(3), {check()}));
  EXPECT_FALSE(down());
  advance(4'000);
  EXPECT_FALSE(down());
  EXPECT_TRUE(changes.empty());
  EXPECT_GE(requests(), 1U);
}

// What a passing check is worth against a request's timeout: policy/peer.h.
TEST_F(HealthMonitorTest, newest_result_vouches_for_the_peer) {
  reconcile(upstream("app", {0}, {check()}));
  EXPECT_FALSE(shared_state("app", 0)->check_passes);
  advance(4'000);
  EXPECT_TRUE(shared_state("app", 0)->check_passes);
  const int before = peer().connects;
  refuse();
  while (peer().connects < before + 1) advance(kStep);
  EXPECT_FALSE(shared_state("app", 0)->check_passes);
  EXPECT_FALSE(down());
  come_back();
  advance(10'000);
  EXPECT_TRUE(shared_state("app", 0)->check_passes);
  reconcile({});
  EXPECT_FALSE(shared_state("app", 0)->check_passes);
}

TEST_F(HealthMonitorTest, takes_the_first_result_as_standing) {
  refuse();
  reconcile(upstream("app", first(2), {check()}));
  advance(2'100);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].upstream, "app");
  EXPECT_EQ(changes[0].peer, "10.0.0.1:13000");
  EXPECT_EQ(changes[0].state, shared_state("app", 0));
  EXPECT_TRUE(changes[0].down);
  EXPECT_EQ(changes[0].reason, "connection refused");
  EXPECT_TRUE(down());
  EXPECT_FALSE(down(1));
}

TEST_F(HealthMonitorTest, keeps_a_peer_up_below_fails) {
  reconcile(upstream("app", {0}, {check()}));
  advance(4'000);
  const int before = peer().connects;
  refuse();
  while (peer().connects < before + 2) advance(kStep);
  come_back();
  advance(10'000);
  EXPECT_TRUE(changes.empty());
}

TEST_F(HealthMonitorTest, probes_faster_while_the_standing_is_changing) {
  reconcile(upstream("app", {0}, {check()}));
  advance(4'000);
  refuse();
  std::vector<MonoMs> begins;
  for (int seen = peer().connects; !down();) {
    advance(kStep);
    if (peer().connects != seen) begins.push_back(now);
    seen = peer().connects;
  }
  ASSERT_EQ(begins.size(), 3U);
  EXPECT_NEAR(static_cast<double>(begins[1] - begins[0]), 500, 50 + 2 * kStep);
  EXPECT_NEAR(static_cast<double>(begins[2] - begins[1]), 500, 50 + 2 * kStep);
}

TEST_F(HealthMonitorTest, probes_a_down_peer_every_downinter) {
  CheckOptions rare = check();
  rare.health.downinter = Millis(10'000);
  reconcile(upstream("app", {0}, {rare}));
  bring_down();
  const int before = peer().connects;
  advance(60'000);
  EXPECT_GE(peer().connects - before, 5);
  EXPECT_LE(peer().connects - before, 7);
}

TEST_F(HealthMonitorTest, probes_at_once_after_an_overlong_probe) {
  CheckOptions eager = check();
  eager.health.interval = eager.health.fastinter = Millis(200);
  peer().hung = true;
  reconcile(upstream("app", {0}, {eager}));
  advance(10'000);
  EXPECT_GE(monitor->started(), 9U);
  EXPECT_LE(monitor->started(), 11U) << "one at a time";
}

TEST_F(HealthMonitorTest, raises_a_peer_after_passes) {
  reconcile(upstream("app", {0}, {check()}));
  advance(2'000);
  bring_down();
  changes.clear();
  come_back();
  const MonoMs back = now;
  while (down()) advance(kStep);
  EXPECT_LE(now - back, 3'000);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].down);
  EXPECT_EQ(changes[0].reason, "");
  EXPECT_EQ(state("app", 0).ramp_from, 0) << "no slow_start";
}

TEST_F(HealthMonitorTest, starts_slow_start_when_a_peer_is_back) {
  reconcile(upstream("app", {0}, {check()}, Millis(30'000)));
  advance(2'000);
  EXPECT_EQ(state("app", 0).ramp_from, 0) << "not at the start";
  bring_down();
  come_back();
  advance(3'000);
  EXPECT_EQ(state("app", 0).ramp_from, at.back());
}

TEST_F(HealthMonitorTest, ends_the_ejection_of_a_peer_it_raises) {
  reconcile(upstream("app", {0}, {check()}));
  advance(2'000);
  state("app", 0).passive.failure(now);
  bring_down();
  EXPECT_NE(state("app", 0).passive.ejected_until(), 0);
  come_back();
  advance(3'000);
  EXPECT_FALSE(down());
  EXPECT_EQ(state("app", 0).passive.ejected_until(), 0);
}

TEST_F(HealthMonitorTest, ends_an_ejection_when_a_failed_check_passes_again) {
  reconcile(upstream("app", {0}, {check()}));
  advance(4'000);
  state("app", 0).passive.failure(now);
  refuse();
  const int before = peer().connects;
  while (peer().connects == before) advance(kStep);
  come_back();
  advance(2'900);
  EXPECT_TRUE(changes.empty()) << "never down by check";
  EXPECT_EQ(state("app", 0).passive.ejected_until(), 0);
}

TEST_F(HealthMonitorTest, keeps_an_ejection_when_no_check_failed) {
  reconcile(upstream("app", {0}, {check()}));
  advance(4'000);
  const int before = peer().connects;
  refuse();
  while (peer().connects == before) advance(kStep);
  come_back();
  advance(5'000);
  state("app", 0).passive.failure(now);
  advance(8'000);
  EXPECT_NE(state("app", 0).passive.ejected_until(), 0);
}

TEST_F(HealthMonitorTest, keeps_a_mandatory_peer_out_until_it_passes) {
  CheckOptions mandatory = check();
  mandatory.health.mandatory = true;
  reconcile(upstream("app", {0, 1}, {mandatory}));
  EXPECT_TRUE(down(0));
  EXPECT_TRUE(changes.empty()) << "not inside reconcile()";
  refuse(1);
  advance(2'200);
  EXPECT_FALSE(down(0));
  EXPECT_TRUE(down(1));
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_TRUE(changes[0].down);
  EXPECT_EQ(changes[0].reason, "not checked yet");
  EXPECT_FALSE(changes[2].down);
}

TEST_F(HealthMonitorTest, probes_mandatory_peers_soon) {
  CheckOptions mandatory = check();
  mandatory.health.mandatory = true;
  reconcile(upstream("app", first(50), {mandatory}));
  advance(512);
  for (int n = 0; n < 50; ++n) EXPECT_FALSE(down(n)) << n;
}

TEST_F(HealthMonitorTest, logs_why_a_mandatory_peer_stays_out) {
  CheckOptions mandatory = check();
  mandatory.health.mandatory = true;
  refuse();
  testing::internal::CaptureStderr();
  reconcile(upstream("app", {0}, {mandatory}));
  advance(2'200);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("peer app/10.0.0.1:13000: down (connection refused; check http GET /health)\n"), std::string::npos)
      << log;
}

TEST_F(HealthMonitorTest, lowers_a_peer_when_any_check_fails) {
  CheckOptions tcp = check();
  tcp.type = CheckType::kTcp;
  tcp.port = 9000;
  SocketAddress other = address(0);
  other.set_port(9000);
  reconcile(upstream("app", {0}, {check(), tcp}));
  EXPECT_EQ(monitor->probes(), 2U);
  advance(4'000);
  EXPECT_FALSE(down());
  peer(other).refuses = ErrorKind::kConnectRefused;
  advance(4'000);
  EXPECT_TRUE(down());
  ASSERT_EQ(changes.size(), 1U);
  refuse();
  advance(4'000);
  peer(other).refuses = ErrorKind::kNone;
  advance(4'000);
  EXPECT_TRUE(down()) << "the other one still fails";
  EXPECT_EQ(changes.size(), 1U);
  come_back();
  advance(4'000);
  EXPECT_FALSE(down());
}

TEST_F(HealthMonitorTest, voids_a_fail_open_check_when_all_peers_fail) {
  CheckOptions deep = check("/deep");
  deep.fail_open = true;
  reconcile(upstream("app", first(3), {deep}));
  advance(4'000);
  refuse(0);
  advance(6'000);
  EXPECT_TRUE(down(0)) << "one node's fault";
  refuse(1);
  refuse(2);
  advance(6'000);
  for (int n = 0; n < 3; ++n) EXPECT_FALSE(down(n)) << n;
  for (const ProbeReport& report : monitor->report()) {
    EXPECT_TRUE(report.void_verdict);
    EXPECT_EQ(report.standing, Standing::kDown);
  }
  come_back(2);
  advance(6'000);
  EXPECT_TRUE(down(0)) << "it counts again";
  EXPECT_TRUE(down(1));
  EXPECT_FALSE(down(2));
}

TEST_F(HealthMonitorTest, keeps_a_peer_down_by_a_second_check) {
  CheckOptions deep = check("/deep");
  deep.fail_open = true;
  CheckOptions tcp = check();
  tcp.type = CheckType::kTcp;
  reconcile(upstream("app", {0, 1}, {tcp, deep}));
  refuse(0);
  peer(1).answer = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
  advance(6'000);
  EXPECT_TRUE(down(0));
  EXPECT_FALSE(down(1));
}

TEST_F(HealthMonitorTest, logs_a_void_verdict_once) {
  CheckOptions deep = check("/deep");
  deep.fail_open = true;
  refuse(0);
  refuse(1);
  testing::internal::CaptureStderr();
  reconcile(upstream("app", {0, 1}, {deep}));
  advance(10'000);
  reconcile(upstream("app", {0, 1}, {deep}));
  advance(10'000);
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string line = "upstream app: check http GET /deep void (fails on all peers";
  EXPECT_NE(log.find(line), std::string::npos) << log;
  EXPECT_EQ(log.find(line), log.rfind(line)) << log;
}

TEST_F(HealthMonitorTest, shares_a_probe_between_upstreams_with_equal_questions) {
  reconcile(upstream("app", {0}, {check()}), upstream("ws", {0}, {check()}));
  EXPECT_EQ(monitor->probes(), 1U);
  advance(2'000);
  EXPECT_EQ(peer().connects, 1);
  refuse();
  advance(6'000);
  EXPECT_TRUE(down(0, "app"));
  EXPECT_TRUE(down(0, "ws"));
  EXPECT_EQ(changes.size(), 2U);
  EXPECT_EQ(monitor->report().size(), 2U);
}

TEST_F(HealthMonitorTest, probes_each_host_port_and_question_apart) {
  CheckOptions no_host = check();
  no_host.host.clear();
  CheckOptions port = check();
  port.port = 9000;
  reconcile(upstream("app", {0}, {no_host, port}), upstream("ws", {0}, {no_host, check("/other")}));
  EXPECT_EQ(monitor->probes(), 4U);
  advance(2'000);
  std::string all;
  for (const std::string& request : peer().requests) all += request;
  EXPECT_NE(all.find("Host: app\r\n"), std::string::npos) << "the upstream's name";
  EXPECT_NE(all.find("Host: ws\r\n"), std::string::npos);
}

TEST_F(HealthMonitorTest, applies_a_known_standing_to_a_new_upstream) {
  reconcile(upstream("app", {0}, {check()}));
  bring_down();
  reconcile(upstream("app", {0}, {check()}), upstream("ws", {0}, {check()}));
  EXPECT_TRUE(down(0, "ws"));
  EXPECT_EQ(changes.size(), 1U);
  advance(kStep);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[1].upstream, "ws");
  EXPECT_EQ(changes[1].reason, "connection refused");
}

TEST_F(HealthMonitorTest, keeps_schedule_standing_history_and_counts_over_a_reload) {
  reconcile(upstream("app", {0}, {check()}));
  advance(1'900);
  bring_down();
  const auto before = monitor->report();
  const uint64_t started = monitor->started();
  const size_t told = changes.size();
  for (int i = 0; i < 200; ++i) {
    reconcile(upstream("app", {0}, {check()}));
    EXPECT_TRUE(down());
    advance(kStep);
  }
  const auto after = monitor->report();
  EXPECT_EQ(monitor->started(), started + 1) << "1.6 s of 2 s";
  EXPECT_EQ(after[0].changed_at, before[0].changed_at);
  EXPECT_EQ(after[0].passed, before[0].passed);
  EXPECT_EQ(after[0].last[1].reason, before[0].last[0].reason);
  EXPECT_EQ(changes.size(), told);
}

TEST_F(HealthMonitorTest, goes_on_with_the_standings_of_another_process) {
  reconcile(upstream("app", first(2), {check()}));
  bring_down();
  const std::vector<ProbeStanding> said = monitor->standings();
  ASSERT_EQ(said.size(), 2U);
  MonitorWorld other;
  other.monitor->restore(said);
  other.reconcile(other.upstream("app", first(3), {check()}));
  EXPECT_TRUE(other.down(0)) << "before any probe";
  EXPECT_FALSE(other.down(1));
  EXPECT_EQ(other.monitor->report()[0].failed, monitor->report()[0].failed);
  EXPECT_EQ(other.monitor->report()[2].standing, Standing::kChecking);
  other.advance(10'000);
  EXPECT_FALSE(other.down(0)) << "there it answers";
  other.reconcile({});
  other.reconcile(other.upstream("app", first(1), {check("/other")}));
  EXPECT_FALSE(other.down(0)) << "said of that question, and once";
}

TEST_F(HealthMonitorTest, keeps_the_standing_when_only_the_rhythm_changes) {
  reconcile(upstream("app", {0, 1}, {check()}));
  advance(2'000);
  bring_down();
  CheckOptions slow = check();
  slow.health.interval = Millis(5'000);
  reconcile(upstream("app", {0, 1}, {slow}));
  EXPECT_EQ(monitor->probes(), 2U);
  EXPECT_TRUE(down(0));
  EXPECT_EQ(monitor->report()[0].standing, Standing::kDown);
  EXPECT_EQ(monitor->report()[1].standing, Standing::kUp);
  const int seen = peer(1).connects;
  refuse(1);
  while (peer(1).connects == seen) advance(kStep);
  advance(kStep);
  EXPECT_FALSE(down(1)) << "one failure of three";
}

TEST_F(HealthMonitorTest, keeps_a_peer_down_until_a_new_question_is_answered) {
  reconcile(upstream("app", {0}, {check()}));
  bring_down();
  reconcile(upstream("app", {0}, {check("/other")}));
  EXPECT_TRUE(down());
  EXPECT_EQ(monitor->report()[0].standing, Standing::kChecking);
  come_back();
  advance(2'200);
  EXPECT_FALSE(down());
}

TEST_F(HealthMonitorTest, forgets_peers_without_checks) {
  reconcile(upstream("app", {0, 1}, {check()}));
  bring_down(0);
  bring_down(1);
  changes.clear();
  reconcile(upstream("app", {0}, {check()}));
  EXPECT_TRUE(down(0));
  EXPECT_FALSE(down(1));
  EXPECT_EQ(monitor->probes(), 1U);
  reconcile(upstream("app", {0}, {}));
  EXPECT_FALSE(down(0));
  EXPECT_EQ(monitor->probes(), 0U);
  EXPECT_TRUE(changes.empty());
  const uint64_t started = monitor->started();
  advance(10'000);
  EXPECT_EQ(monitor->started(), started);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_FALSE(changes[0].down);
  EXPECT_EQ(loop.armed(), 0U);
}

TEST_F(HealthMonitorTest, carries_a_standing_to_another_state_of_the_same_peer) {
  reconcile(upstream("app", {0}, {check()}));
  bring_down();
  shared_state("app", 0) = nullptr;
  reconcile(upstream("app", {0}, {check()}));
  EXPECT_TRUE(down());
  advance(kStep);
  EXPECT_EQ(changes.size(), 1U);
}

TEST_F(HealthMonitorTest, takes_an_address_twice_for_one_peer) {
  reconcile(upstream("app", {0, 0}, {check()}));
  bring_down();
  EXPECT_EQ(changes.size(), 1U);
}

TEST_F(HealthMonitorTest, survives_reconciles_in_the_middle_of_a_probe) {
  peer(0).hung = true;
  peer(1).blackholed = true;
  reconcile(upstream("app", {0, 1}, {check()}));
  while (monitor->started() < 2) advance(kStep);
  reconcile(upstream("app", {0, 1}, {check()}));
  EXPECT_FALSE(peer(0).wire().closed) << "it goes on";
  advance(1'100);
  EXPECT_EQ(changes.size(), 2U);
  while (monitor->started() < 4) advance(kStep);
  reconcile(upstream("app", {}, {check()}));
  EXPECT_TRUE(peer(0).wire().closed);
  peer(1).blackholed = false;
  advance(10'000);
  EXPECT_EQ(monitor->started(), 4U);
  EXPECT_EQ(loop.armed(), 0U);
}

TEST_F(HealthMonitorTest, may_be_reconciled_inside_its_callback) {
  on_change = [this](const HealthChange&) { reconcile(upstream("app", {2}, {check()})); };
  for (const auto fault : {0, 1, 2}) {
    const int n = 3 + fault;
    if (fault == 0) refuse(n);
    peer(n).hung = fault == 1;
    peer(n).closes = fault == 2;
    if (fault == 2) peer(n).answer = "nonsense\r\n\r\n";
    changes.clear();
    reconcile(upstream("app", {2, n}, {check()}));
    while (changes.empty()) advance(kStep);
    EXPECT_EQ(monitor->probes(), 1U);
    EXPECT_FALSE(down(n));
  }
  advance(4'000);
  EXPECT_GE(requests(2), 2U);
}

TEST_F(HealthMonitorTest, may_be_destroyed_inside_its_callback) {
  on_change = [this](const HealthChange&) { monitor.reset(); };
  refuse(0);
  refuse(1);
  reconcile(upstream("app", {0, 1}, {check()}));
  advance(4'000);
  EXPECT_EQ(monitor, nullptr);
  EXPECT_EQ(loop.armed(), 0U);
}

TEST_F(HealthMonitorTest, stops_every_probe_when_it_is_destroyed) {
  for (int n = 0; n < 10; ++n) peer(n).hung = true;
  reconcile(upstream("app", first(10), {check()}));
  advance(2'500);
  monitor.reset();
  EXPECT_EQ(loop.armed(), 0U);
  for (int n = 0; n < 10; ++n) EXPECT_TRUE(peer(n).wire().closed);
}

TEST_F(HealthMonitorTest, reports_the_last_ten_results_newest_first) {
  reconcile(upstream("app", {0}, {check()}));
  advance(30'000);
  refuse();
  advance(2'300);
  const auto reports = monitor->report();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].upstream, "app");
  EXPECT_EQ(reports[0].peer, "10.0.0.1:13000");
  EXPECT_EQ(reports[0].check, "http GET /health");
  EXPECT_EQ(reports[0].passed + reports[0].failed, monitor->started());
  ASSERT_EQ(reports[0].last.size(), 10U);
  EXPECT_FALSE(reports[0].last[0].passed);
  EXPECT_EQ(reports[0].last[0].reason, "connection refused");
  EXPECT_TRUE(reports[0].last[9].passed);
  EXPECT_EQ(reports[0].last[9].status, 200);
  EXPECT_GE(reports[0].last[0].wall_us, reports[0].last[9].wall_us);
}

TEST_F(HealthMonitorTest, declares_no_peer_down_while_its_loop_stalls) {
  reconcile(upstream("app", first(20), {check()}));
  advance(4'000);
  for (int n = 0; n < 20; ++n) peer(n).hung = true;  // as all seem to be while we stand
  for (int i = 0; i < 20; ++i) {
    advance(200);
    stall(3'000);
  }
  for (int n = 0; n < 20; ++n) peer(n).hung = false;
  advance(4'000);
  EXPECT_TRUE(changes.empty());
  uint64_t inconclusive = 0;
  for (const ProbeReport& report : monitor->report()) inconclusive += report.inconclusive;
  EXPECT_GT(inconclusive, 0U);
}

TEST_F(HealthMonitorTest, repeats_inconclusive_probes_soon_after_a_stall) {
  peer().hung = true;
  reconcile(upstream("app", {0}, {check()}));
  while (monitor->started() == 0) advance(kStep);
  stall(2'000);
  ASSERT_EQ(monitor->report()[0].inconclusive, 1U);
  advance(520);
  EXPECT_EQ(monitor->started(), 2U);
}

TEST_F(HealthMonitorTest, ignores_failures_of_the_local_machine) {
  peer().refuses = ErrorKind::kLocalError;
  peer().code = -EMFILE;
  testing::internal::CaptureStderr();
  reconcile(upstream("app", {0}, {check()}));
  advance(20'000);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(changes.empty());
  EXPECT_GE(monitor->report()[0].inconclusive, 8U);
  const std::string line = "peer app/10.0.0.1:13000: check inconclusive (cannot connect: Too many open files";
  EXPECT_NE(log.find(line), std::string::npos) << log;
  EXPECT_EQ(log.find(line), log.rfind(line)) << "one line a minute";
}

TEST_F(HealthMonitorTest, logs_each_change_once) {
  testing::internal::CaptureStderr();
  reconcile(upstream("app", {0}, {check()}));
  advance(60'000);
  peer().answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  advance(20'000);
  peer().answer = kOk;
  advance(20'000);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_NE(log.find("[warn]"), std::string::npos);
  EXPECT_NE(log.find("peer app/10.0.0.1:13000: down (status 503; check http GET /health; was up for "),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("peer app/10.0.0.1:13000: up again after "), std::string::npos) << log;
}

TEST_F(HealthMonitorTest, limits_log_of_a_flapping_peer_and_logs_its_end) {
  CheckOptions nervous = check();
  nervous.health.interval = nervous.health.fastinter = Millis(100);
  nervous.health.fails = nervous.health.passes = 1;
  testing::internal::CaptureStderr();
  reconcile(upstream("app", {0}, {nervous}));
  for (int i = 0; i < 100; ++i) {
    peer().refuses = i % 2 == 0 ? ErrorKind::kConnectRefused : ErrorKind::kNone;
    advance(200);
  }
  advance(60'000);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_GE(changes.size(), 90U);
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 7) << log;
  EXPECT_NE(log.find("flapping"), std::string::npos) << log;
  EXPECT_NE(log.find("peer app/10.0.0.1:13000: up now ("), std::string::npos) << log;
}

}  // namespace
}  // namespace weir::upstream
