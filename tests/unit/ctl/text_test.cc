// What weir ctl prints.
#include "ctl/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PeersTable, aligns_its_columns) {
  EXPECT_EQ(peers_table(R"({"upstreams": [{"name": "myapp", "peers": [
    {"peer": "myapp/10.0.0.1:13000", "state": "up", "weight": 1, "configured_weight": 1, "requests_in_flight": 3,
     "tunnels": 12, "requests": 123456, "failures": 0,
     "checks": [{"standing": "up", "last": [{"passed": true, "micros": 2100, "ago_ms": 1250}]}]},
    {"peer": "myapp/10.0.0.22:13000", "state": "unhealthy", "detail": "status 503", "weight": 2, "configured_weight": 5,
     "requests_in_flight": 0, "tunnels": 0, "requests": 7, "failures": 4, "backup": true,
     "checks": [{"standing": "up", "last": []},
                {"standing": "down", "last": [{"passed": false, "reason": "status 503", "ago_ms": 65000}]}]},
    {"peer": "myapp/10.0.0.3:13000", "state": "ejected", "detail": "8 s left", "weight": 1, "configured_weight": 1}
  ]}, {"name": "late", "peers": []}]})"),
            "PEER                   STATE                                 WEIGHT  INFLIGHT  WS  REQUESTS  FAILED  LAST "
            "CHECK\n"
            "myapp/10.0.0.1:13000   up                                         1         3  12    123456       0  ok 2 "
            "ms, 1.2 "
            "s ago\n"
            "myapp/10.0.0.22:13000  down: status 503 (backup)          2 (not 5)         0   0         7       4  "
            "status 503, "
            "65 s ago\n"
            "myapp/10.0.0.3:13000   ejected, 8 s left                          1         0   0         0       0  -\n"
            "late/-                 no peer: its names do not resolve\n");
}

TEST(PeersTable, shows_a_single_upstream) {
  EXPECT_EQ(peers_table(R"({"name": "u", "peers": [{"peer": "u/a:1", "state": "up", "weight": 1,
                            "configured_weight": 1}]})"),
            "PEER   STATE  WEIGHT  INFLIGHT  WS  REQUESTS  FAILED  LAST CHECK\n"
            "u/a:1  up          1         0   0         0       0  -\n");
  EXPECT_EQ(peers_table(R"({"upstreams": []})"), "there is no upstream\n");
}

std::string state(const std::string& members) {
  const std::string line =
      peer_line(R"({"peer": {"peer": "u/a", "weight": 1, "configured_weight": 1, )" + members + "}}");
  return line.substr(5, line.rfind(", weight") - 5);
}

TEST(PeerLine, names_every_state) {
  EXPECT_EQ(state(R"("state": "up")"), "up");
  EXPECT_EQ(state(R"("state": "up", "detail": "slow start, 40 %")"), "up, slow start, 40 %");
  EXPECT_EQ(state(R"("state": "down", "detail": "by hand: disk")"), "down by hand: disk");
  EXPECT_EQ(state(R"("state": "down", "detail": "by configuration")"), "down by configuration");
  EXPECT_EQ(state(R"("state": "drained", "detail": "by hand: kernel")"), "drained by hand: kernel");
  EXPECT_EQ(state(R"("state": "draining", "detail": "by configuration")"), "draining by configuration");
  EXPECT_EQ(state(R"("state": "draining", "drain": {"phase": "finishing", "requests_left": 3, "tunnels_left": 1})"),
            "draining, 3 requests, 1 WebSocket open");
  EXPECT_EQ(state(R"("state": "drained", "drain": {"phase": "closing", "tunnels_left": 12})"),
            "draining, closing 12 WebSockets");
  EXPECT_EQ(state(R"("state": "drained", "drain": {"phase": "done"})"), "drained");
}

TEST(PeerLine, strips_terminal_control_bytes) {
  EXPECT_EQ(state(R"("state": "down", "detail": "by hand: \u001b[31mred\n")"), "down by hand: ?[31mred?");
}

TEST(DrainReport, follows_the_phases) {
  using End = DrainReport::End;
  const auto report = [](const std::string& drain, const std::string& state_word = "draining") {
    return drain_report(R"({"peer": {"peer": "u/a", "state": ")" + state_word + R"(", "drain": )" + drain + "}}");
  };
  const auto finishing = report(R"({"phase": "finishing", "requests_left": 1, "tunnels_left": 12})");
  EXPECT_EQ(finishing.end, End::kRunning);
  EXPECT_EQ(finishing.text, "1 request, 12 WebSockets open");
  const auto closing = report(R"({"phase": "closing", "tunnels_left": 5})", "drained");
  EXPECT_EQ(closing.end, End::kRunning);
  EXPECT_EQ(closing.text, "closing WebSockets, 5 left");
  const auto done = report(R"({"phase": "done", "overdue": 0, "summary": "drained in 1.0 s"})", "drained");
  EXPECT_EQ(done.end, End::kDone);
  EXPECT_EQ(done.text, "drained in 1.0 s");
  EXPECT_EQ(report(R"({"phase": "done", "overdue": 1, "summary": "s"})", "drained").end, End::kLate);
  EXPECT_EQ(report(R"({"phase": "done", "tunnels_left": 1, "summary": "s"})", "drained").end, End::kLate);
  EXPECT_EQ(report("null", "drained").end, End::kDone);
  EXPECT_EQ(report("null", "up").end, End::kUndone);
}

TEST(StatusText, shows_which_configuration_a_failed_reload_leaves) {
  EXPECT_THAT(
      status_text(R"({"reloads": {"ok": false, "at": "2026-01-02T03:04:05+00:00", "unverified_in_force": true}})"),
      HasSubstr("the new configuration is in force, and is not verified"));
}

TEST(StatusText, shows_version_uptime_and_reload) {
  EXPECT_EQ(
      status_text(R"({"version": "0.1.0", "pid": 17, "config": "/etc/weir/weir.conf", "uptime_ms": 7300000,
    "generation": 4, "servers": 1, "reloads": {"ok": false, "at": "2026-01-02T03:04:05+00:00", "succeeded": 2, "failed": 1},
    "workers": 2, "connections": 1, "tunnels": 3, "requests": 100, "responses_5xx": 2, "probes": 3,
    "peers": {"up": 2, "ejected": 0, "unhealthy": 1}, "log_lines_dropped": 0,
    "maintenance": [{"server": "app", "location": "/api/", "on": true, "by": "operator", "why": "upgrade"}]})"),
      "weir 0.1.0, pid 17, up 2 h\n"
      "configuration  /etc/weir/weir.conf, generation 4, 1 server\n"
      "last reload    FAILED, 2026-01-02T03:04:05+00:00: the previous configuration is in force (2 ok, 1 failed)\n"
      "traffic        2 workers, 1 connection, 3 WebSockets, 100 requests, 2 answered 5xx\n"
      "peers          2 up, 1 unhealthy; 3 active checks\n"
      "maintenance\n"
      "app/api/: on, by the operator: upgrade\n");
}

TEST(MaintenanceText, names_places_as_the_command_takes_them) {
  EXPECT_EQ(maintenance_text(R"({"maintenance": [
    {"server": "app", "location": "", "on": true, "by": "configuration"},
    {"server": "", "location": "@backend", "on": false, "by": "operator", "since": "2026-01-02T03:04:05+00:00"}]})"),
            "app: on, by the configuration\n\"\"/@backend: off, by the operator since 2026-01-02T03:04:05+00:00\n");
  EXPECT_EQ(maintenance_text(R"({"maintenance": []})"), "maintenance: off everywhere\n");
}

TEST(ErrorText, lists_known_names) {
  EXPECT_EQ(error_text(R"({"error": "no such peer", "peers": ["10.0.0.1:80", "10.0.0.2:80"]})", 404),
            "no such peer\n  10.0.0.1:80\n  10.0.0.2:80");
  EXPECT_EQ(error_text("<html>", 502), "weir answered 502");
}

TEST(WarningsIn, returns_the_warnings_of_an_answer) {
  EXPECT_THAT(warnings_in(R"({"warnings": ["a", 1, "b"]})"), ElementsAre("a", "b"));
  EXPECT_THAT(warnings_in("nonsense"), ElementsAre());
}

TEST(CtlText, survives_answers_of_another_shape) {
  for (const char* answer :
       {"", "null", "[]", "7", "\"x\"", R"({"upstreams": 1})", R"({"upstreams": [1, {"peers": [null]}]})",
        R"({"peer": []})", R"({"maintenance": [[]], "reloads": 3, "peers": []})"}) {
    peers_table(answer);
    status_text(answer);
    maintenance_text(answer);
    peer_line(answer);
    warnings_in(answer);
    error_text(answer, 500);
    drain_report(answer);
    reload_text(answer);
    upgrade_text(answer);
  }
}

TEST(UpgradeText, names_both_processes) {
  EXPECT_EQ(upgrade_text(R"({"pid": 12, "before": 11, "connections": 57})"),
            "upgraded: process 12 serves, process 11 finishes its 57 connections\n");
}

TEST(ReloadText, changes_stand_below_the_generation) {
  EXPECT_EQ(reload_text(R"({"generation": 3, "changes": ["+ upstream a", 5, "- \u001b[2J"]})"),
            "reloaded: generation 3\n  + upstream a\n  - ?[2J\n");
  EXPECT_EQ(reload_text(R"({"generation": 3, "changes": []})"), "reloaded: generation 3\n");
}

TEST(CertificatesTable, states_of_acme_are_shown) {
  const std::string table = certificates_table(R"({"certificates": [
    {"file": "/etc/a.pem", "names": ["a.test"], "key": "EC prime256v1", "serial": "0A", "days_left": 30},
    {"file": "/s/b.pem", "names": ["b.test"], "key": "EC prime256v1", "serial": "0B", "days_left": -1, "state": "failed",
     "failures": 2, "error": "refused: no", "next_try": "2026-11-28T12:00:00Z"},
    {"file": "/s/c.pem", "names": ["c.test"], "state": "waiting", "failures": 0, "error": "", "next_try": null}]})");
  EXPECT_THAT(table, testing::HasSubstr("30  0A"));
  EXPECT_THAT(table, testing::HasSubstr("expired  0B      failed (refused: no), next 2026-11-28T12:00:00Z\n"));
  EXPECT_THAT(table, testing::HasSubstr("none yet          waiting\n"));
}

}  // namespace
}  // namespace weir::ctl
