// A running weir without listeners for tests of the admin side: control's loop is turned by the test.
#pragma once
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "acme/service.h"
#include "runtime/reload.h"
#include "runtime/runtime.h"
#include "runtime/site_builder.h"
#include "unit/temp_dir.h"

namespace weir::admin {

class AdminFixture : public ::testing::Test {
 protected:
  AdminFixture() { ::signal(SIGPIPE, SIG_IGN); }  // as startup does: clients leave before they are answered
  // `http` stands inside http{}.
  void start(const std::string& http) {
    write(http);
    process::CommandLine line;
    line.config = dir_ / "weir.conf";
    process::LoadedConfig config = process::load_config(line);
    ASSERT_TRUE(config.model) << config.errors.front();
    runtime_ = std::make_unique<runtime::Runtime>(line);
    runtime_->model = config.model;
    runtime_->generation = 1;
    runtime_->state = runtime::StateFile(dir_ / "weir.state");
    runtime::BuiltSite built = runtime::build_site({*config.model, 1, runtime_->registry, &runtime_->log_writer,
                                                    runtime_->names.fresh(*config.model), runtime_->overrides});
    ASSERT_TRUE(built.site);
    ASSERT_TRUE(runtime_->sockets.open(runtime::plan_listens(*config.model), 1).empty());
    runtime_->site = built.site;
    reload_ = std::make_unique<runtime::Reload>(*runtime_);
    reload_->start(built);
  }
  void write(const std::string& http) {
    dir_.write(
        "weir.conf",
        "daemon off; pid " + dir_ / "weir.pid" +
            "; worker_processes 1; error_log stderr;\nevents { worker_connections 64; }\nhttp { access_log off; " +
            http + " }\n");
  }
  ~AdminFixture() override {
    if (!runtime_) return;
    reload_->cancel();
    runtime_->automatic_certificates->stop();  // in the order of Control::run
    runtime_->workers.stop();
    reload_.reset();
  }
  // Control's loop until `done`, or far too long.
  void turn_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done() && std::chrono::steady_clock::now() < end) {
      runtime_->loop.turn(false);
      ::poll(nullptr, 0, 1);
    }
    ASSERT_TRUE(done());
  }
  policy::PeerState& state_of(const std::string& upstream, size_t index = 0) {
    const int cluster = runtime_->site->cluster_by_name.at(upstream);
    return *runtime_->site->clusters[static_cast<size_t>(cluster)].cluster->primaries()[index].state;
  }
  const policy::Peer& peer_of(const std::string& upstream, size_t index = 0) {
    const int cluster = runtime_->site->cluster_by_name.at(upstream);
    return runtime_->site->clusters[static_cast<size_t>(cluster)].cluster->primaries()[index];
  }

  TempDir dir_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::unique_ptr<runtime::Reload> reload_;
};

}  // namespace weir::admin
