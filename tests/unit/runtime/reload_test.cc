// Snapshots put in force over real workers: by a reload, by the operator's word, and who is told what.
#include "runtime/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "base/start_thread.h"
#include "unit/temp_dir.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Errors = std::vector<std::string>;

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() {
    write("server 10.0.0.1:80; server 10.0.0.2:80;");
    process::CommandLine line;
    line.config = dir_ / "weir.conf";
    runtime_ = std::make_unique<Runtime>(line);
    const process::LoadedConfig config = process::load_config(line);
    EXPECT_THAT(config.errors, IsEmpty());
    runtime_->model = config.model;
    runtime_->generation = 1;
    runtime_->state = StateFile(state_file_path(config.model->main));
    BuiltSite built = build_site({*config.model, 1, runtime_->registry, &runtime_->log_writer,
                                  runtime_->names.fresh(*config.model), runtime_->overrides});
    EXPECT_THAT(built.errors, IsEmpty());
    runtime_->site = built.site;
    EXPECT_THAT(runtime_->sockets.open(plan_listens(*config.model), 1), IsEmpty());
    reload_ = std::make_unique<Reload>(*runtime_, ReloadHooks{.loaded = [this] { ++loaded_; }},
                                       [this](std::function<void()> work) -> Result<std::thread> {
                                         if (threads_left_-- <= 0) return Unexpected{"no thread: there are too many"};
                                         return start_thread([this, work = std::move(work)] {
                                           const std::lock_guard disk(disk_);
                                           work();
                                         });
                                       });
    reload_->start(built);
  }
  ~ReloadTest() override {
    reload_->cancel();
    runtime_->workers.stop();
    reload_.reset();
  }

  void write(const std::string& upstream) {
    dir_.write("weir.conf", "daemon off; worker_processes 1; pid " + (dir_ / "weir.pid") + "; error_log " +
                                (dir_ / "error.log") + " warn;\n" + "http { access_log off; upstream app { " +
                                upstream + " }\nserver { listen unix:" + (dir_ / "front.sock") +
                                "; location / { proxy_pass http://app; } } }\n");
  }
  Reload::OnDone done(std::string name) {
    return [this, name = std::move(name)](const Errors& errors) {
      callbacks_.push_back(name);
      errors_ = errors;
    };
  }
  void turn_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done() && std::chrono::steady_clock::now() < end) {
      runtime_->loop.turn(false);
      ::poll(nullptr, 0, 1);
    }
    ASSERT_TRUE(done());
  }
  void turn_until_written() {
    turn_until([&] { return !runtime_->state_writer->counts().pending; });
  }
  void turn_until_told(size_t times) {
    turn_until([&] { return callbacks_.size() == times; });
  }
  const policy::Peer& peer(size_t i) const { return runtime_->site->clusters[0].cluster->primaries()[i]; }

  TempDir dir_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Reload> reload_;
  int loaded_ = 0;
  int threads_left_ = 1'000;
  std::mutex disk_;  // held: it does not answer
  std::vector<std::string> callbacks_;
  Errors errors_;
};

TEST_F(ReloadTest, reports_when_a_configuration_is_in_force) {
  write("server 10.0.0.7:80;");
  reload_->request(done("reload"));
  EXPECT_THAT(callbacks_, IsEmpty());
  turn_until_told(1);
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(peer(0).options.name, "10.0.0.7:80");
  EXPECT_EQ(loaded_, 1);
  EXPECT_TRUE(runtime_->reloads.ok);
  EXPECT_EQ(runtime_->reloads.succeeded, 1U);
  EXPECT_GT(runtime_->reloads.at_us, 0);
}

TEST_F(ReloadTest, reports_why_the_old_configuration_stays) {
  write("sarver 10.0.0.7:80;");
  reload_->request(done("reload"));
  turn_until_told(1);
  EXPECT_THAT(errors_, ::testing::Contains(HasSubstr("sarver")));
  EXPECT_EQ(peer(0).options.name, "10.0.0.1:80");
  EXPECT_EQ(loaded_, 0);
  EXPECT_FALSE(runtime_->reloads.ok);
  EXPECT_EQ(runtime_->reloads.failed, 1U);
}

TEST_F(ReloadTest, hung_reload_does_not_hold_up_the_end) {
  {
    const std::lock_guard dead(disk_);
    reload_->request(done("reload"));
    turn_until([&] { return threads_left_ < 1'000; });
    reload_->cancel();
    EXPECT_THAT(callbacks_, ElementsAre("reload"));
    EXPECT_FALSE(reload_->ends_within(Millis(1)));
  }
  EXPECT_TRUE(reload_->ends_within(Millis(60'000)));
}

TEST_F(ReloadTest, merges_queued_requests) {
  turn_until([&] { return runtime_->workers.count() == 1; });
  for (int i = 0; i < 5; ++i) reload_->request(done("reload"));
  turn_until_told(5);
  EXPECT_LE(loaded_, 2);  // the one that ran, and one for all that asked meanwhile
}

TEST_F(ReloadTest, applies_overrides_at_once_and_builds_with_them) {
  PeerOverride& said = runtime_->overrides.peers[{"app", "10.0.0.1:80"}];
  said.mode = PeerOverride::Mode::kDown;
  said.weight = 9;
  reload_->rebuild(done("rebuild"));
  EXPECT_TRUE(peer(0).state->admin_down);
  EXPECT_EQ(peer(0).options.weight, 1U);
  turn_until_told(1);
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(peer(0).options.weight, 9U);
  EXPECT_TRUE(peer(0).state->admin_down);
  EXPECT_EQ(runtime_->generation, 2U);
  EXPECT_EQ(loaded_, 0);
}

TEST_F(ReloadTest, keeps_overrides_and_warns_of_contradictions) {
  runtime_->overrides.peers[{"app", "10.0.0.1:80"}].weight = 9;
  runtime_->overrides.peers[{"app", "10.0.0.99:80"}].weight = 9;
  write("server 10.0.0.1:80 weight=3;");
  reload_->request(done("reload"));
  turn_until_told(1);
  EXPECT_EQ(peer(0).options.weight, 9U);
  reload_->request(done("again"));
  turn_until_told(2);
  log::flush();
  const std::string log = dir_.read("error.log");
  const std::string orphan = "peer app/10.0.0.99:80: operator override kept unused (no such peer)";
  EXPECT_THAT(log, HasSubstr("operator override \"weight 9\" in force over \"weight=3\" of the configuration"));
  EXPECT_THAT(log, HasSubstr(orphan));
  EXPECT_EQ(log.find(orphan, log.find(orphan) + 1), std::string::npos) << log;  // once
}

TEST_F(ReloadTest, applies_overrides_before_a_waiting_configuration) {
  turn_until([&] { return runtime_->workers.count() == 1; });
  reload_->request(done("first"));
  reload_->request(done("second"));
  reload_->rebuild(done("rebuild"));
  turn_until_told(3);
  EXPECT_EQ(callbacks_.back(), "second");
}

TEST_F(ReloadTest, accepts_a_request_inside_its_callback) {
  reload_->rebuild([this](const Errors&) { reload_->request(done("reload")); });
  turn_until_told(1);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ReloadTest, nothing_begins_while_it_is_held) {
  int held = 0;
  reload_->request(done("runs"));
  reload_->hold([&held] { ++held; });
  EXPECT_EQ(held, 0);
  turn_until([&held] { return held == 1; });
  EXPECT_THAT(callbacks_, SizeIs(0)) << "it was asked for while the start was rolled out";
  const uint64_t generation = runtime_->generation;
  reload_->rebuild(done("waits"));
  for (int i = 0; i < 20; ++i) runtime_->loop.turn(false);
  EXPECT_EQ(runtime_->generation, generation);
  reload_->go_on();
  turn_until_told(2);
  EXPECT_THAT(callbacks_, ElementsAre("waits", "runs"));
  EXPECT_EQ(held, 1);
}

TEST_F(ReloadTest, refuses_waiting_and_new_requests_at_shutdown) {
  reload_->request(done("waits"));
  reload_->cancel();
  EXPECT_THAT(callbacks_, ElementsAre("waits"));
  EXPECT_THAT(errors_, ElementsAre(HasSubstr("shutting down")));
  reload_->rebuild(done("late"));
  EXPECT_THAT(callbacks_, SizeIs(1));
  turn_until_told(2);
  EXPECT_THAT(errors_, SizeIs(1));
}

TEST_F(ReloadTest, fails_without_a_thread_and_works_again) {
  turn_until([&] { return runtime_->workers.count() == 1; });
  write("server 10.0.0.7:80;");
  threads_left_ = 0;
  reload_->request(done("reload"));
  EXPECT_THAT(callbacks_, IsEmpty());
  turn_until_told(1);
  EXPECT_THAT(errors_, ElementsAre(HasSubstr("no thread: ")));
  EXPECT_EQ(peer(0).options.name, "10.0.0.1:80");
  EXPECT_EQ(runtime_->reloads.failed, 1U);
  runtime_->overrides.peers[{"app", "10.0.0.1:80"}].weight = 9;
  reload_->rebuild(done("rebuild"));
  turn_until_told(2);
  EXPECT_THAT(errors_, ElementsAre(HasSubstr("no thread: ")));
  threads_left_ = 1'000;
  reload_->request(done("again"));
  turn_until_told(3);
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(peer(0).options.name, "10.0.0.7:80");
}

TEST_F(ReloadTest, names_wait_for_a_thread) {
  reload_->rebuild(done("rebuild"));
  turn_until_told(1);
  write("server no-such-name.invalid:80;");
  runtime_->model = process::load_config(runtime_->line).model;  // a name that nobody has asked for
  ASSERT_NE(runtime_->model, nullptr);
  threads_left_ = 0;
  reload_->go_on();
  turn_until([&] { return threads_left_ < 0; });
  for (int i = 0; i < 50; ++i) runtime_->loop.turn(false);
  EXPECT_EQ(threads_left_, -1) << "not in each turn";
  threads_left_ = 1'000;
  write("server 10.0.0.7:80;");
  reload_->request(done("reload"));
  turn_until_told(2);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(ReloadTest, moves_the_state_file_to_its_configured_place) {
  runtime_->overrides.peers[{"app", "10.0.0.1:80"}].weight = 9;
  const std::string text = dir_.read("weir.conf");
  dir_.write("weir.conf", "state_file " + (dir_ / "other.state") + ";\n" + text);
  reload_->request(done("reload"));
  turn_until_told(1);
  ASSERT_THAT(errors_, IsEmpty());
  turn_until_written();
  EXPECT_EQ(StateFile(dir_ / "other.state").load().overrides, runtime_->overrides);
}

TEST_F(ReloadTest, creates_and_keeps_a_secret_for_sticky_cookies) {
  write("server 10.0.0.1:80; sticky cookie peer;");
  reload_->request(done("reload"));
  turn_until_told(1);
  ASSERT_THAT(errors_, IsEmpty());
  const std::string secret = runtime_->overrides.sticky_secret;
  EXPECT_THAT(secret, SizeIs(64));
  turn_until_written();
  EXPECT_EQ(runtime_->state.load().overrides.sticky_secret, secret);
  reload_->request(done("again"));
  turn_until_told(2);
  EXPECT_EQ(runtime_->overrides.sticky_secret, secret);
}

TEST_F(ReloadTest, begins_and_ends_checks_with_the_configuration) {
  turn_until([&] { return runtime_->workers.count() == 1; });
  EXPECT_EQ(runtime_->health->probes(), 0U);
  write("server 10.0.0.1:80; server 10.0.0.2:80; health_check interval=1h mandatory;");
  reload_->request(done("reload"));
  turn_until_told(1);
  ASSERT_THAT(errors_, IsEmpty());
  EXPECT_EQ(runtime_->health->probes(), 2U);
  EXPECT_TRUE(peer(0).state->check_down);
  write("server 10.0.0.1:80;");
  reload_->request(done("without"));
  turn_until_told(2);
  EXPECT_EQ(runtime_->health->probes(), 0U);
  EXPECT_FALSE(peer(0).state->check_down);
}

TEST_F(ReloadTest, wakes_queued_requests) {
  write("server 10.0.0.1:80 max_conns=1; queue 5;");
  reload_->request(done("reload"));
  turn_until_told(1);
  ASSERT_THAT(errors_, IsEmpty());
  const auto queue = runtime_->site->clusters[0].queue;
  ASSERT_NE(queue, nullptr);
  int calls = 0;
  const auto ticket = queue->enter([&calls] { ++calls; });
  calls = 0;
  write("server 10.0.0.1:80; queue 5;");
  reload_->request(done("roomier"));
  turn_until_told(2);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(runtime_->site->clusters[0].queue, queue);
}

}  // namespace
}  // namespace weir::runtime
