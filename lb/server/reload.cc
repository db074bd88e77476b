// The steps of a reload, in order.
#include "server/reload.h"

#include <utility>

#include "base/log.h"
#include "server/error_logs.h"

namespace weir::server {
namespace {

// What only a restart changes.
void warn_of_unchangeable(const config::MainConfig& before, const config::MainConfig& now) {
  const auto warn = [](const char* what) {
    log::warn("\"", what, "\" was changed: it takes effect at the next start");
  };
  if (before.user != now.user || before.group != now.group) warn("user");
  if (before.pid != now.pid) warn("pid");
  if (before.daemon != now.daemon) warn("daemon");
  if (before.rlimit_nofile != now.rlimit_nofile) warn("worker_rlimit_nofile");
  if (before.worker_connections != now.worker_connections) warn("worker_connections");
}

}  // namespace

Reload::Reload(Runtime& runtime) : runtime_(runtime) {}

Reload::~Reload() {
  cancel();
  if (helper_.joinable()) helper_.join();
}

void Reload::cancel() {
  cancelled_ = true;
  again_ = false;
  names_due_.cancel();
  runtime_.names.cancel();
}

void Reload::start() {
  busy_ = true;  // a signal may be waiting already
  roll_out(runtime_.site, [this] { finished(); });
}

void Reload::request(Told) {
  if (cancelled_) return;
  if (busy_) {
    again_ = true;
    return;
  }
  load_and_build();
}

void Reload::begin(std::function<std::shared_ptr<Outcome>()> work, void (Reload::*then)(Outcome&)) {
  busy_ = true;
  names_due_.cancel();
  if (helper_.joinable()) helper_.join();
  helper_ = std::thread([this, work = std::move(work), then] {
    std::shared_ptr<Outcome> outcome = work();
    runtime_.loop.post([this, outcome = std::move(outcome), then] {
      if (!cancelled_) (this->*then)(*outcome);
    });
  });
}

void Reload::load_and_build() {
  log::notice("reloading ", runtime_.line.config);
  begin(
      [this, generation = runtime_.generation + 1] {
        auto outcome = std::make_shared<Outcome>();
        outcome->config = load_config(runtime_.line);
        if (outcome->config.model)
          outcome->built = build_site({*outcome->config.model, generation, runtime_.registry, runtime_.log_writer,
                                       runtime_.names.fresh(*outcome->config.model)});
        return outcome;
      },
      &Reload::put_in_force);
}

void Reload::put_in_force(Outcome& outcome) {
  if (!outcome.config.model) return fail(outcome.config.errors);
  if (!outcome.built.site) return fail(outcome.built.errors);
  const config::MainConfig& main = outcome.config.model->main;
  const std::vector<std::string> bind_errors =
      runtime_.sockets.open(plan_listens(*outcome.config.model), wanted_workers(main));
  if (!bind_errors.empty()) return fail(bind_errors);
  if (Status<> logs = configure_logs(runtime_.line, main); !logs) {
    runtime_.sockets.forget_opened();
    return fail({logs.error()});
  }
  for (const std::string& warning : outcome.config.warnings) log::warn(warning);
  for (const std::string& warning : outcome.built.warnings) log::warn(warning);
  warn_of_unchangeable(runtime_.model->main, main);
  runtime_.model = outcome.config.model;
  roll_out(outcome.built.site, [this] {
    log::notice("configuration reloaded: generation ", runtime_.generation, ", ", runtime_.workers.count(),
                " workers, ", runtime_.sockets.addresses(), " listen addresses, ", runtime_.site->servers.size(),
                " servers, ", runtime_.site->clusters.size(), " upstreams");
    finished();
  });
}

void Reload::retry_names() {
  begin(
      [this, model = runtime_.model, generation = runtime_.generation + 1] {
        auto outcome = std::make_shared<Outcome>();
        if (!runtime_.names.refresh(*model)) return outcome;
        outcome->built =
            build_site({*model, generation, runtime_.registry, runtime_.log_writer, runtime_.names.known()});
        return outcome;
      },
      &Reload::put_names_in_force);
}

void Reload::put_names_in_force(Outcome& outcome) {
  if (!outcome.built.site) return finished();
  roll_out(outcome.built.site, [this] {
    log::notice("new addresses of upstream servers: generation ", runtime_.generation);
    finished();
  });
}

void Reload::roll_out(const std::shared_ptr<const proxy::Site>& site, std::function<void()> done) {
  const config::MainConfig& main = runtime_.model->main;
  const int workers = wanted_workers(main);
  configure_peers(*site);
  runtime_.generation = site->generation;
  runtime_.site = site;
  runtime_.workers.roll_out(site, workers, wanted_connections(main, runtime_.descriptors, workers),
                            main.shutdown_timeout, std::move(done));
}

void Reload::fail(const std::vector<std::string>& errors) {
  for (const std::string& error : errors) log::emerg(error);
  log::error("reload failed: the old configuration stays in force");
  runtime_.names.load_failed();
  finished();
}

void Reload::finished() {
  busy_ = false;
  runtime_.registry.prune();
  if (std::exchange(again_, false)) return load_and_build();
  const MonoMs names_due = runtime_.names.next_due(*runtime_.model);
  if (names_due != kNever) runtime_.loop.arm(names_due_, names_due);
}

void Reload::on_deadline(Deadline&) {
  if (!busy_ && !cancelled_) retry_names();
}

}  // namespace weir::server
