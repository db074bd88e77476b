// What the admin socket's paths mean, over a running weir.
#include "admin/api.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "admin/json.h"
#include "unit/admin/fixture.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kTwoPeers =
    "upstream myapp { server 127.0.0.1:1001 weight=3; server 127.0.0.1:1002; server 127.0.0.1:1003 down; } "
    "upstream one { server unix:/run/app.sock; } "
    "server { listen unix:front.sock; server_name app.example; location / { proxy_pass http://myapp; } "
    "location /one { proxy_pass http://one; } }";

class AdminApiTest : public AdminFixture {
 protected:
  void start(const std::string& http = kTwoPeers) {
    std::string text = http;
    if (const size_t at = text.find("front.sock"); at != std::string::npos) text.replace(at, 10, dir_ / "front.sock");
    AdminFixture::start(text);
    api_ = std::make_unique<AdminApi>(*runtime_, *reload_);
  }
  ~AdminApiTest() override { reload_->cancel(); }
  AdminReply ask(const std::string& method, const std::string& path, const std::string& body = "",
                 const std::string& type = "application/json") {
    std::optional<AdminReply> reply;
    api_->handle({method, path, type, body, "uid 7, pid 8"}, [&reply](AdminReply said) { reply = std::move(said); });
    turn_until([&reply] { return reply.has_value(); });
    return *reply;
  }
  Json get(const std::string& path) {
    const AdminReply reply = ask("GET", path);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body);
  }
  Json post(const std::string& path, const std::string& body, int status = 200) {
    const AdminReply reply = ask("POST", path, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    return Json::parse(reply.body);
  }

  std::unique_ptr<AdminApi> api_;
};

TEST_F(AdminApiTest, lists_upstreams_and_their_peers) {
  start();
  const Json all = get("/v1/upstreams");
  ASSERT_EQ(all["upstreams"].size(), 2u);
  const Json& first = all["upstreams"][0];
  EXPECT_EQ(first["name"], "myapp");
  ASSERT_EQ(first["peers"].size(), 3u);
  const Json& peer = first["peers"][0];
  EXPECT_EQ(peer["peer"], "myapp/127.0.0.1:1001");
  EXPECT_EQ(peer["state"], "up");
  EXPECT_EQ(peer["takes_requests"], true);
  EXPECT_EQ(peer["weight"], 3);
  EXPECT_EQ(peer["override"], nullptr);
  EXPECT_EQ(peer["drain"], nullptr);
  EXPECT_EQ(peer["checks"], Json::array());
  EXPECT_EQ(first["peers"][2]["state"], "down");
  EXPECT_EQ(first["peers"][2]["detail"], "by configuration");
  EXPECT_EQ(get("/v1/upstreams/one")["peers"][0]["address"], "unix:/run/app.sock");
}

TEST_F(AdminApiTest, reports_the_process) {
  start();
  const Json status = get("/v1/status");
  EXPECT_EQ(status["pid"], ::getpid());
  EXPECT_EQ(status["shutting_down"], false);
  EXPECT_EQ(status["peers"]["up"], 3);
  EXPECT_EQ(status["peers"]["down"], 1);
  EXPECT_EQ(status["reloads"]["ok"], true);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  runtime_->shutting_down = true;
  EXPECT_EQ(ask("GET", "/healthz").status, 503);
  post("/v1/reload", "", 409);
}

TEST_F(AdminApiTest, refuses_unknown_paths_methods_and_types) {
  start();
  for (const char* path : {"/", "/v1", "/v1/", "/v1/upstreams/", "/v1/peers/", "/v1/status/", "/v2/status"})
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  const AdminReply head = ask("HEAD", "/v1/status");
  EXPECT_EQ(head.status, 405);
  EXPECT_EQ(head.allow, "GET");
  EXPECT_EQ(ask("GET", "/v1/reload").allow, "POST");
  EXPECT_EQ(ask("DELETE", "/v1/peers/myapp/127.0.0.1:1001").allow, "GET, POST");
  EXPECT_EQ(ask("POST", "/v1/status", "{}").status, 405);
  EXPECT_EQ(ask("POST", "/v1/peers/myapp/127.0.0.1:1001", "{}", "text/plain").status, 415);
  EXPECT_EQ(ask("POST", "/v1/peers/myapp/127.0.0.1:1001", "{}", "").status, 415);
  EXPECT_EQ(ask("POST", "/v1/peers/myapp/127.0.0.1:1001", "{}", "Application/JSON; charset=utf-8").status, 400);
  EXPECT_EQ(ask("GET", "/v1/peers/%zz").status, 400);
  EXPECT_TRUE(runtime_->overrides.peers.empty());
}

TEST_F(AdminApiTest, lists_known_peers_when_a_peer_is_unknown) {
  start();
  const AdminReply peer = ask("GET", "/v1/peers/myapp/127.0.0.1:9");
  EXPECT_EQ(peer.status, 404);
  EXPECT_THAT(peer.body, HasSubstr("\"127.0.0.1:1001\""));
  const AdminReply upstream = ask("POST", "/v1/peers/yourapp/127.0.0.1:9", R"({"action": "up"})");
  EXPECT_EQ(upstream.status, 404);
  EXPECT_THAT(upstream.body, HasSubstr("\"myapp\""));
  EXPECT_EQ(ask("GET", "/v1/upstreams/yourapp").status, 404);
}

TEST_F(AdminApiTest, finds_peers_with_slashes_or_encoded_names) {
  start();
  EXPECT_EQ(get("/v1/peers/one/unix:/run/app.sock")["peer"]["upstream"], "one");
  EXPECT_EQ(get("/v1/peers/myapp/127%2E0.0.1%3A1001")["peer"]["address"], "127.0.0.1:1001");
}

TEST_F(AdminApiTest, takes_a_peer_out_and_back) {
  start();
  const Json down = post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "down", "why": "disk"})");
  EXPECT_EQ(down["peer"]["state"], "down");
  EXPECT_EQ(down["peer"]["detail"], "by hand: disk");
  EXPECT_EQ(down["warnings"], Json::array());
  EXPECT_TRUE(state_of("myapp").hard_down(true));
  EXPECT_THAT(dir_.read("weir.state"), HasSubstr("127.0.0.1:1001"));
  const Json last = post("/v1/peers/myapp/127.0.0.1:1002", R"({"action": "down"})");
  EXPECT_THAT(last["warnings"].dump(), HasSubstr("no peer of upstream"));
  const Json up = post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "up"})");
  EXPECT_EQ(up["peer"]["state"], "up");
  EXPECT_EQ(up["peer"]["override"], nullptr);
  EXPECT_FALSE(state_of("myapp").hard_down(false));
  EXPECT_NE(state_of("myapp").ramp_from, 0);
}

TEST_F(AdminApiTest, brings_up_a_configured_down_peer) {
  start();
  const Json up = post("/v1/peers/myapp/127.0.0.1:1003", R"({"action": "up"})");
  EXPECT_EQ(up["peer"]["state"], "up");
  EXPECT_EQ(up["peer"]["override"]["mode"], "up");
  EXPECT_FALSE(peer_of("myapp", 2).hard_down());
  const Json reset = post("/v1/peers/myapp/127.0.0.1:1003", R"({"action": "reset"})");
  EXPECT_EQ(reset["peer"]["state"], "down");
  EXPECT_TRUE(peer_of("myapp", 2).hard_down());
}

TEST_F(AdminApiTest, sets_and_resets_weights) {
  start();
  const Json changed = post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "weight", "weight": 9})");
  EXPECT_EQ(changed["peer"]["weight"], 9);
  EXPECT_EQ(changed["peer"]["configured_weight"], 3);
  EXPECT_EQ(peer_of("myapp").options.weight, 9u);
  post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "down"})");
  EXPECT_EQ(post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "up"})")["peer"]["weight"], 9);
  EXPECT_EQ(post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "weight", "weight": null})")["peer"]["weight"], 3);
  EXPECT_TRUE(runtime_->overrides.peers.empty());
}

TEST_F(AdminApiTest, drains_until_requests_have_finished) {
  start();
  policy::PeerState& state = state_of("myapp");
  state.inflight = 1;
  const Json begun = post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "drain", "why": "kernel"})", 202);
  EXPECT_EQ(begun["peer"]["state"], "draining");
  EXPECT_EQ(begun["peer"]["drain"]["phase"], "finishing");
  EXPECT_EQ(begun["peer"]["drain"]["requests_left"], 1);
  EXPECT_TRUE(state.hard_down(false));
  EXPECT_FALSE(state.hard_down(true));
  state.inflight = 0;
  const auto done = [this] { return api_->changes().drain_of("myapp", "127.0.0.1:1001"); };
  turn_until([&] { return done()->phase() == DrainJob::Phase::kDone; });
  const Json drained = get("/v1/peers/myapp/127.0.0.1:1001");
  EXPECT_EQ(drained["peer"]["state"], "drained");
  EXPECT_THAT(drained["peer"]["drain"]["summary"], HasSubstr("1 request finished"));
  EXPECT_TRUE(state.hard_down(true));
  EXPECT_EQ(runtime_->overrides.peer("myapp", "127.0.0.1:1001")->mode, runtime::PeerOverride::Mode::kDrained);
  // Again: there is nothing left to do.
  EXPECT_EQ(post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "drain"})")["peer"]["state"], "drained");
  EXPECT_EQ(post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "up"})")["peer"]["drain"], nullptr);
}

TEST_F(AdminApiTest, drain_ends_when_undone) {
  start();
  state_of("myapp").inflight = 1;
  post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "drain"})", 202);
  post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "up"})");
  EXPECT_EQ(api_->changes().drain_of("myapp", "127.0.0.1:1001"), nullptr);
  EXPECT_FALSE(state_of("myapp").hard_down(false));
  state_of("myapp").inflight = 0;
}

TEST_F(AdminApiTest, resumes_a_drain_after_a_restart) {
  start();
  runtime_->overrides.peers[{"myapp", "127.0.0.1:1001"}].mode = runtime::PeerOverride::Mode::kDrain;
  runtime_->overrides.peers[{"gone", "127.0.0.1:1"}].mode = runtime::PeerOverride::Mode::kDrain;
  api_->changes().resume_drains();
  const DrainJob* job = api_->changes().drain_of("myapp", "127.0.0.1:1001");
  ASSERT_NE(job, nullptr);
  turn_until([job] { return job->phase() == DrainJob::Phase::kDone; });
  EXPECT_EQ(runtime_->overrides.peer("myapp", "127.0.0.1:1001")->mode, runtime::PeerOverride::Mode::kDrained);
}

TEST_F(AdminApiTest, a_bad_body_changes_nothing) {
  start();
  EXPECT_THAT(post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "explode"})", 400)["error"], HasSubstr("action"));
  EXPECT_TRUE(runtime_->overrides.peers.empty());
}

TEST_F(AdminApiTest, switches_maintenance) {
  start();
  const Json on = post("/v1/maintenance", R"({"on": true, "server": "app.example", "location": "/one", "why": "w"})");
  ASSERT_EQ(on["maintenance"].size(), 1u);
  EXPECT_EQ(on["maintenance"][0]["location"], "/one");
  EXPECT_EQ(on["maintenance"][0]["by"], "operator");
  EXPECT_EQ(runtime_->site->servers[0]->locations[1]->filters.size(), 1u);
  EXPECT_EQ(runtime_->site->servers[0]->locations[0]->filters.size(), 0u);
  post("/v1/maintenance", R"({"on": true})");
  EXPECT_EQ(get("/v1/maintenance")["maintenance"][0]["location"], "");
  post("/v1/maintenance", R"({"on": null})");
  EXPECT_EQ(get("/v1/maintenance")["maintenance"].size(), 1u);
  post("/v1/maintenance", R"({"on": null, "server": "app.example", "location": "/one"})");
  EXPECT_EQ(get("/v1/maintenance")["maintenance"], Json::array());
  EXPECT_THAT(post("/v1/maintenance", R"({"on": true, "server": "x"})", 404)["error"], HasSubstr("app.example"));
}

// One that succeeds is the integration tests': it would take over this process's logs.
TEST_F(AdminApiTest, upgrade_is_answered_by_its_outcome) {
  start();
  EXPECT_EQ(post("/v1/upgrade", "", 409)["error"], "this weir cannot be upgraded");
  UpgradeChange asked;
  Result<pid_t> outcome = 4711;
  api_ = std::make_unique<AdminApi>(*runtime_, *reload_, [&](const UpgradeChange& change, const UpgradeOutcome& tell) {
    asked = change;
    tell(outcome);
  });
  EXPECT_EQ(post("/v1/upgrade", R"({"binary": "/opt/weir", "within_ms": 5})")["pid"], 4711);
  EXPECT_EQ(asked.binary, "/opt/weir");
  EXPECT_EQ(asked.within, Millis(5));
  outcome = Unexpected{std::string("one\ntwo")};
  const Json refused = post("/v1/upgrade", "", 422);
  EXPECT_EQ(refused["error"], "upgrade failed: the running weir goes on serving");
  EXPECT_EQ(refused["errors"], Json({"one", "two"}));
  post("/v1/upgrade", R"({"binary": "weir"})", 400);
  EXPECT_EQ(ask("POST", "/v1/upgrade", "{}", "text/plain").status, 415);
  EXPECT_EQ(ask("GET", "/v1/upgrade").allow, "POST");
}

TEST_F(AdminApiTest, nothing_is_changed_while_a_successor_takes_over) {
  start();
  runtime_->handing_over = true;
  post("/v1/reload", "", 409);
  post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "down"})", 409);
  get("/v1/status");
  runtime_->handing_over = false;
  post("/v1/peers/myapp/127.0.0.1:1001", R"({"action": "down"})");
}

TEST_F(AdminApiTest, reports_why_a_reload_failed) {
  start();
  write("nonsense on;");
  const Json bad = post("/v1/reload", "", 422);
  EXPECT_THAT(bad["error"], HasSubstr("the old configuration stays in force"));
  ASSERT_EQ(bad["errors"].size(), 1u);
  EXPECT_THAT(bad["errors"][0], HasSubstr("weir.conf:3:"));
  EXPECT_EQ(bad["reloads"]["failed"], 1);
  EXPECT_EQ(bad["generation"], 1);
  EXPECT_EQ(bad["reloads"]["unverified_in_force"], false);
  runtime_->reloads.unverified_in_force = true;
  const Json stuck = Json::parse(reload_json(*runtime_, {"status 503", "could not be put back"}));
  EXPECT_THAT(stuck["error"], HasSubstr("the new configuration stays in force"));
}

TEST_F(AdminApiTest, warns_when_a_change_cannot_be_saved) {
  start();
  runtime_->state = runtime::StateFile("/nonexistent/weir.state");
  const Json down = post("/v1/peers/myapp/127.0.0.1:1002", R"({"action": "down"})");
  EXPECT_EQ(down["peer"]["state"], "down");
  EXPECT_THAT(down["warnings"].dump(), HasSubstr("will not last over a restart"));
}

// A disk whose fsync hangs until the test ends.
class HungDisk {
 public:
  ~HungDisk() { go_on(); }
  Status<> write() {
    std::unique_lock lock(mutex_);
    going_on_.wait(lock, [this] { return goes_on_; });
    return Void{};
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    goes_on_ = true;
    going_on_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable going_on_;
  bool goes_on_ = false;
};

TEST_F(AdminApiTest, hung_state_file_blocks_no_change) {
  start();
  const auto disk = std::make_shared<HungDisk>();
  runtime_->state_writer = std::make_unique<runtime::StateWriter>(
      runtime_->loop, [disk](const std::string&, const runtime::Overrides&) { return disk->write(); });
  const Json down = post("/v1/peers/myapp/127.0.0.1:1002", R"({"action": "down"})");
  EXPECT_EQ(down["peer"]["state"], "down");
  EXPECT_THAT(down["warnings"].dump(), HasSubstr("not written yet"));
  EXPECT_TRUE(runtime_->state_writer->counts().pending);
  EXPECT_TRUE(state_of("myapp", 1).admin_down);
  disk->go_on();
  while (runtime_->state_writer->counts().pending) std::this_thread::yield();
  const Json up = post("/v1/peers/myapp/127.0.0.1:1002", R"({"action": "up"})");
  EXPECT_EQ(up.dump().find("not written yet"), std::string::npos);
}

TEST_F(AdminApiTest, shows_ejections_and_slow_starts) {
  start(
      "upstream u { server 127.0.0.1:1 slow_start=100s; server 127.0.0.1:2 max_fails=1 fail_timeout=100s; } "
      "server { listen unix:front.sock; location / { proxy_pass http://u; } }");
  state_of("u").ramp_from = runtime_->loop.now();
  state_of("u", 1).passive.failure(runtime_->loop.now());
  const Json peers = get("/v1/upstreams/u")["peers"];
  EXPECT_EQ(peers[0]["state"], "up");
  EXPECT_THAT(peers[0]["detail"], HasSubstr("slow start"));
  EXPECT_EQ(peers[1]["state"], "ejected");
  EXPECT_GT(peers[1]["ejected_ms"], 0);
  EXPECT_THAT(peers[1]["detail"], HasSubstr("s left"));
}

}  // namespace
}  // namespace weir::admin
