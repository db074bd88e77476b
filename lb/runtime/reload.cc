// The steps of a reload, in order.
#include "runtime/reload.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/start_thread.h"
#include "process/admin_socket.h"
#include "process/error_logs.h"
#include "runtime/config_changes.h"
#include "runtime/connection_cap.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {
namespace {

constexpr MonoMs kLookForLost = 2'000;  // whether names that are resolved once have moved
constexpr MonoMs kThreadless = 5'000;   // until names are asked for again

// What only a restart changes: said in the log, and to whoever asked.
void warn_of_unchangeable(const config::MainConfig& before, const config::MainConfig& now,
                          std::vector<std::string>& changes) {
  const auto warn = [&changes](const char* what) {
    const std::string text =
        std::string("directive \"") + what + "\": change not applied (takes effect at the next start)";
    log::warn(text);
    changes.push_back("! " + text);
  };
  if (before.user != now.user || before.group != now.group) warn("user");
  if (before.pid != now.pid) warn("pid");
  if (before.daemon != now.daemon) warn("daemon");
  if (before.rlimit_nofile != now.rlimit_nofile) warn("worker_rlimit_nofile");
  if (before.worker_connections != now.worker_connections) warn("worker_connections");
}

}  // namespace

Reload::Reload(Runtime& runtime, ReloadHooks hooks, StartThread start_thread)
    : runtime_(runtime),
      hooks_(std::move(hooks)),
      start_thread_(start_thread ? std::move(start_thread) : weir::start_thread) {}

Reload::~Reload() {
  load_ = {};
  rebuild_ = {};
  callbacks_.clear();
  cancel();
  if (helper_.joinable()) helper_.join();
}

void Reload::cancel(const char* why) {
  if (!cancelled_) cancelled_why_ = why;
  held_ = nullptr;
  cancelled_ = give_up_ = true;
  names_due_.cancel();
  runtime_.names.cancel();
  for (Pending* pending : {&load_, &rebuild_}) {
    std::move(pending->done.begin(), pending->done.end(), std::back_inserter(callbacks_));
    *pending = {};
  }
  for (const OnDone& done : std::exchange(callbacks_, {})) done({cancelled_why_});
}

bool Reload::ends_within(Millis most) {
  std::unique_lock lock(helper_mutex_);
  return helper_ended_.wait_for(lock, most, [this] { return !helper_works_; });
}

void Reload::note_helper(bool works) {
  const std::lock_guard lock(helper_mutex_);
  helper_works_ = works;
  if (!works) helper_ended_.notify_all();
}

void Reload::start(const BuiltSite& built, std::function<void()> serving) {
  running_ = Task::kLoad;  // a signal may be waiting already
  note_overridden(built);
  roll_out(built.site, [this, serving = std::move(serving)] {
    if (serving) serving();
    finished();
  });
}

void Reload::hold(std::function<void()> held) {
  holds_ = true;
  names_due_.cancel();
  held_ = std::move(held);
  if (running_ == Task::kNames) runtime_.names.interrupt();
  runtime_.loop.post([this] { tell_held(); });
}

void Reload::tell_held() {
  if (running_ == Task::kNone && held_) std::exchange(held_, nullptr)();
}

void Reload::go_on() {
  holds_ = false;
  held_ = nullptr;
  if (running_ == Task::kNone) next();
}

void Reload::request(OnDone done, std::vector<Verification> verifications) {
  if (!cancelled_) std::move(verifications.begin(), verifications.end(), std::back_inserter(load_.verifications));
  ask(load_, std::move(done));
}

void Reload::rebuild(OnDone done) {
  if (!cancelled_) switch_peers(*runtime_.site, runtime_.overrides);
  ask(rebuild_, std::move(done));
}

void Reload::ask(Pending& pending, OnDone done) {
  if (cancelled_) {
    if (done) runtime_.loop.post([done = std::move(done), why = cancelled_why_] { done({why}); });
    return;
  }
  pending.add(std::move(done));
  if (running_ == Task::kNames) runtime_.names.interrupt();
  if (running_ == Task::kNone && !holds_) next();
}

// The operator's word is soon done and goes before a configuration's, which may wait for host names.
void Reload::next() {
  if (holds_) return tell_held();
  if (cancelled_) return;
  if (rebuild_.any) {
    callbacks_ = std::exchange(rebuild_, {}).done;
    return build_again();
  }
  if (load_.any) {
    Pending load = std::exchange(load_, {});
    callbacks_ = std::move(load.done);
    return load_and_build(std::move(load.verifications));
  }
  MonoMs names_due = runtime_.names.next_due(*runtime_.model);
  if (resolves_once(*runtime_.model)) names_due = std::min(names_due, runtime_.loop.now() + kLookForLost);
  if (names_due != kNever) runtime_.loop.arm(names_due_, std::max(names_due, names_not_before_));
}

void Reload::begin(Task task, std::function<std::shared_ptr<Outcome>()> work, void (Reload::*then)(Outcome&),
                   std::function<void(const std::string& why)> otherwise) {
  running_ = task;
  names_due_.cancel();
  if (helper_.joinable()) helper_.join();
  note_helper(true);
  Result<std::thread> thread = start_thread_([this, work = std::move(work), then] {
    std::shared_ptr<Outcome> outcome = work();
    runtime_.loop.post([this, outcome = std::move(outcome), then] {
      if (!cancelled_) (this->*then)(*outcome);
    });
    note_helper(false);
  });
  if (thread) {
    helper_ = std::move(*thread);
    return;
  }
  note_helper(false);
  runtime_.loop.post([this, otherwise = std::move(otherwise), why = thread.error()] {
    if (!cancelled_) otherwise(why);
  });
}

void Reload::load_and_build(std::vector<Verification> verifications) {
  log::notice("configuration: reloading ", runtime_.line.config);
  if (hooks_.began) hooks_.began();
  begin(
      Task::kLoad,
      [this, overrides = runtime_.overrides, generation = runtime_.generation + 1, before = runtime_.model,
       verifications = std::move(verifications)] {
        auto outcome = std::make_shared<Outcome>();
        outcome->config = process::load_config(runtime_.line, {.self_signed = runtime_.self_signed.get()});
        if (!outcome->config.model) return outcome;
        const config::Model& model = *outcome->config.model;
        // Whom the next start would become: only it changes users, but it has to find one.
        if (runtime_.account && !model.main.user.empty())
          if (const auto account = process::find_account(model.main.user, model.main.group); !account)
            outcome->built.errors.push_back(account.error());
        for (const Verification& each : verifications) {
          Result<SelfQuestion> question = plan_self_question(each.url, model);
          if (question)
            outcome->questions.emplace_back(std::move(*question), each.within);
          else
            outcome->built.errors.push_back(question.error());
        }
        if (!outcome->built.errors.empty()) return outcome;
        outcome->built = build_site(
            {model, generation, runtime_.registry, &runtime_.log_writer, runtime_.names.fresh(model), overrides});
        if (outcome->built.site) outcome->changes = config_changes(*before, model);
        return outcome;
      },
      &Reload::put_in_force, [this](const std::string& why) { fail({why}); });
}

// What serving asks of the system, while the old configuration can still stay.
std::vector<std::string> Reload::take_sockets_and_workers(const config::Model& model) {
  const int workers = wanted_workers(model.main);
  std::vector<std::string> errors = runtime_.sockets.open(plan_listens(model), workers);
  if (!errors.empty()) return errors;
  const ConnectionCap cap = connection_cap(model, runtime_.descriptors, workers, runtime_.memory);
  if (Status<> prepared = runtime_.workers.prepare(workers, cap.each); !prepared) {
    runtime_.sockets.forget_opened();
    errors.push_back(prepared.error());
  }
  return errors;
}

// False: the reload has failed.
bool Reload::take_sockets_and_logs(const config::Model& model) {
  // The admin socket itself moves when all else is in force, and nobody could be told then that it has no place.
  const std::string admin = process::admin_socket_path(model.main);
  if (!admin.empty() && admin != process::admin_socket_path(runtime_.model->main))
    if (const Status<> there = process::check_directory_of(admin); !there) return fail({there.error()}), false;
  if (const std::vector<std::string> errors = take_sockets_and_workers(model); !errors.empty())
    return fail(errors), false;
  if (Status<> logs = process::configure_logs(runtime_.line, model.main); !logs) {
    runtime_.workers.forget_prepared();
    runtime_.sockets.forget_opened();
    return fail({logs.error()}), false;
  }
  return true;
}

void Reload::put_in_force(Outcome& outcome) {
  if (!outcome.config.model) return fail(outcome.config.errors);
  if (!outcome.built.site) return fail(outcome.built.errors);
  const config::MainConfig& main = outcome.config.model->main;
  if (!take_sockets_and_logs(*outcome.config.model)) return;
  for (const std::string& warning : outcome.config.warnings) log::warn(warning);
  for (const std::string& warning : outcome.built.warnings) log::warn(warning);
  const ConnectionCap cap =
      connection_cap(*outcome.config.model, runtime_.descriptors, wanted_workers(main), runtime_.memory);
  if (!cap.warning.empty()) log::warn(cap.warning);
  note_overridden(outcome.built);
  warn_of_unchangeable(runtime_.model->main, main, outcome.changes);
  const auto before = std::exchange(runtime_.model, outcome.config.model);
  move_state_file();
  adopt_secret(outcome.built);
  if (!outcome.questions.empty()) outcome.before = runtime_.site;
  const auto site = outcome.built.site;
  roll_out(site, [this, before, kept = std::make_shared<Outcome>(std::move(outcome))] {
    kept->questions.empty() ? loaded(std::move(kept->changes)) : verify(before, kept);
  });
}

void Reload::loaded(std::vector<std::string> changes) {
  log::notice("configuration: reloaded (generation ", runtime_.generation, ", ", runtime_.workers.count(), " workers, ",
              runtime_.sockets.addresses(), " listen addresses, ", runtime_.site->servers.size(), " servers, ",
              runtime_.site->clusters.size(), " upstreams)");
  runtime_.reloads.changes = std::move(changes);
  record(true);
  if (hooks_.loaded) hooks_.loaded();
  if (hooks_.ended) hooks_.ended();
  finished();
}

void Reload::build_again() {
  begin(
      Task::kRebuild,
      [this, model = runtime_.model, overrides = runtime_.overrides, generation = runtime_.generation + 1] {
        auto outcome = std::make_shared<Outcome>();
        outcome->built = build_site(
            {*model, generation, runtime_.registry, &runtime_.log_writer, runtime_.names.known(), overrides});
        return outcome;
      },
      &Reload::put_rebuilt_in_force,
      [this](const std::string& why) {
        log::error("operator override: not applied (", why, ")");
        finished({why});
      });
}

void Reload::put_rebuilt_in_force(Outcome& outcome) {
  if (!outcome.built.site) {
    for (const std::string& error : outcome.built.errors) log::error(error);
    log::error("operator override: not applied (snapshot build failed)");
    return finished(outcome.built.errors);
  }
  adopt_secret(outcome.built);
  roll_out(outcome.built.site, [this] {
    log::info("configuration: generation ", runtime_.generation, " in force");
    finished();
  });
}

void Reload::refresh_names() {
  begin(
      Task::kNames,
      [this, model = runtime_.model, overrides = runtime_.overrides, generation = runtime_.generation + 1] {
        auto outcome = std::make_shared<Outcome>();
        if (!runtime_.names.refresh(*model)) return outcome;
        outcome->built = build_site(
            {*model, generation, runtime_.registry, &runtime_.log_writer, runtime_.names.known(), overrides});
        return outcome;
      },
      &Reload::put_names_in_force,
      [this](const std::string& why) {
        log::warn("upstream servers: names not asked for (", why, ")");
        names_not_before_ = runtime_.loop.now() + kThreadless;
        finished();
      });
}

void Reload::put_names_in_force(Outcome& outcome) {
  if (!outcome.built.site) {
    for (const std::string& error : outcome.built.errors) log::error(error);
    if (!outcome.built.errors.empty()) runtime_.names.not_in_force();
    return finished();
  }
  adopt_secret(outcome.built);
  roll_out(outcome.built.site, [this] {
    log::notice("configuration: generation ", runtime_.generation, " in force (new addresses of upstream servers)");
    finished();
  });
}

void Reload::move_state_file() {
  const std::string path = state_file_path(runtime_.model->main);
  if (path == runtime_.state.path()) return;
  runtime_.state = StateFile(path);
  runtime_.save_overrides();
}

void Reload::adopt_secret(const BuiltSite& built) {
  if (built.sticky_secret.empty() || !runtime_.overrides.sticky_secret.empty()) return;
  runtime_.overrides.sticky_secret = built.sticky_secret;
  runtime_.save_overrides();
}

void Reload::note_overridden(const BuiltSite& built) {
  for (const std::string& text : built.contradicted) log::warn(text);
  for (const std::string& text : built.orphans)
    if (orphans_logged_.count(text) == 0) log::warn(text);
  orphans_logged_ = {built.orphans.begin(), built.orphans.end()};
}

void Reload::roll_out(const std::shared_ptr<const proxy::Site>& site, std::function<void()> done) {
  const config::MainConfig& main = runtime_.model->main;
  const int workers = wanted_workers(main);
  configure_peers(*site, runtime_.overrides);
  runtime_.registry.configure(*site);
  runtime_.spans.configure(main.otel);
  // Requests that wait in line look again: peers and limits may be others, or the queue be gone.
  std::set<std::shared_ptr<policy::WaitQueue>> queues;
  for (const proxy::Site* of : {runtime_.site.get(), site.get()})
    for (const proxy::SiteCluster& each : of->clusters)
      if (each.queue) queues.insert(each.queue);
  runtime_.generation = site->generation;
  runtime_.site = site;
  // Before the workers: who is `mandatory` is down from the first request on. Probes begin with the next turn.
  runtime_.health->reconcile(checked_upstreams(*runtime_.model, *site));
  const ConnectionCap cap = connection_cap(*runtime_.model, runtime_.descriptors, workers, runtime_.memory);
  runtime_.workers.roll_out(site, workers, cap.each, main.shutdown_timeout,
                            [queues = std::move(queues), done = std::move(done)] {
                              for (const auto& queue : queues)
                                if (queue->has_waiting()) queue->wake_all();
                              done();
                            });
}

void Reload::fail(const std::vector<std::string>& errors, InForce which) {
  for (const std::string& error : errors) log::emerg(error);
  log::error("configuration: reload failed, ", which == InForce::kOld        ? "the old one stays in force"
                                               : which == InForce::kOldAgain ? "the one before is in force again"
                                                                             : "the new one stays in force");
  runtime_.names.not_in_force();
  record(false);
  runtime_.reloads.unverified_in_force = which == InForce::kNew;
  if (hooks_.ended) hooks_.ended();
  finished(errors);
}

void Reload::record(bool ok) {
  ReloadRecord& reloads = runtime_.reloads;
  reloads.ok = ok;
  reloads.unverified_in_force = false;
  reloads.at_us = wall_us();
  ++(ok ? reloads.succeeded : reloads.failed);
}

// Who is told may ask for more: it begins afterwards.
void Reload::finished(const std::vector<std::string>& errors) {
  runtime_.registry.prune();
  for (const OnDone& done : std::exchange(callbacks_, {})) done(errors);
  running_ = Task::kNone;
  next();
}

void Reload::on_deadline(Deadline&) {
  if (running_ != Task::kNone || cancelled_) return;
  for (const auto& [question, lost] : find_lost_names(*runtime_.model, *runtime_.site))
    runtime_.names.note_lost(question, lost);
  runtime_.names.next_due(*runtime_.model) <= runtime_.loop.now() ? refresh_names() : next();
}

}  // namespace weir::runtime
