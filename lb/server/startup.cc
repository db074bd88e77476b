// The order of a start: configuration, background, pid lock, state, user, logs, snapshot, sockets, admin socket,
// workers, pid file.
#include "server/startup.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/root_place.h"
#include "cache/zone.h"
#include "io/pool.h"
#include "io/tls_self_signed.h"
#include "process/crash_report.h"
#include "process/error_logs.h"
#include "process/load.h"
#include "process/memory_limit.h"
#include "process/pid_file.h"
#include "process/privileges.h"
#include "process/process.h"
#include "process/supervisor.h"
#include "runtime/connection_cap.h"
#include "runtime/runtime.h"
#include "server/control.h"
#include "server/succession.h"

namespace weir::server {
namespace {

using Errors = std::vector<std::string>;

// The exit status of a start that came to nothing. A configuration that is refused is refused again (sysexits.h's
// EX_CONFIG: supervisors know it); all else may have passed at the next try.
constexpr int kFailed = 1, kRefused = 78;
// Of all workers together: so many slow looks at a disk, or slow hashes, may be under way at once.
constexpr int kPoolThreads = 16;
// At the end, with all that was to be written to caches. Supervisors kill after 10 s and more.
constexpr Millis kCachePatience{5'000};
// Beside the workers: logs, the watch, a reload, names, what is kept on disk.
constexpr int kOtherThreads = 8;
// At the end, for a reload under way.
constexpr Millis kReloadPatience{2'000};

// What went wrong at a start is said on stderr, and in the error log where that is another place.
class Reporter {
 public:
  void emerg(const std::string& text) const { say("emerg", LogLevel::kEmerg, text); }
  void warn(const std::string& text) const { say("warn", LogLevel::kWarn, text); }
  void logs_are_open(bool to_stderr) {
    logs_ = true;
    to_stderr_ = to_stderr;
  }

 private:
  void say(const char* level, LogLevel log_level, const std::string& text) const {
    if (!to_stderr_) std::fprintf(stderr, "weir: [%s] %s\n", level, text.c_str());
    if (logs_) log::line(log_level, text);
  }
  bool logs_ = false;
  bool to_stderr_ = false;
};

class Startup {
 public:
  explicit Startup(const process::CommandLine& line)
      : line_(line),
        succession_(Succession::take()),
        supervisor_(process::Supervisor::take()),
        passed_(process::take_passed_sockets()) {}

  int run() {
    ::signal(SIGPIPE, SIG_IGN);
    const process::SignalStack signal_stack;
    process::install_crash_report();
    Errors errors = prepare();
    if (errors.empty() && succession_) errors = succeed();
    if (!errors.empty()) return fail(errors);
    Control control(*runtime_, *pid_file_, supervisor_);  // whoever reads the pid file may send a signal at once
    if (Status<> published = publish(control); !published) {
      if (succession_) control.leave_admin();
      return fail({published.error()});
    }
    Status<> ready = watch_loops();
    if (ready) ready = prepare_workers();
    if (!ready) {
      if (succession_) control.leave_admin();
      return fail({ready.error()});
    }
    control.start(
        std::exchange(built_, {}), [this, &control] { return serving(control); }, succession_.get());
    control.run();
    const bool ends = control.ends_within(kReloadPatience);
    if (!ends) log::error("configuration: the reload under way does not end (a disk?), weir stops without it");
    int status = 0;
    if (!serving_error_.empty())
      status = fail({serving_error_});
    else
      log::notice("weir: stopped");
    log::flush();
    if (!ends) leave_reload(status);
    return status;
  }

 private:
  // Its thread uses nearly everything: only what others would miss is brought to an end.
  [[noreturn]] void leave_reload(int status) {
    runtime_->spans.stop();
    runtime_->state_writer.reset();
    pid_file_.reset();
    log::flush();
    ::_exit(status);
  }

  // All that can be refused. Nothing serves yet.
  Errors prepare() {
    if (succession_) {
      if (Status<> received = succession_->receive(); !received) return {received.error()};
      if (succession_->supervisor) supervisor_ = std::move(*succession_->supervisor);
    }
    // At a first start nobody serves yet: better all but one than none.
    config_ =
        process::load_config(line_, {.self_signed = self_signed_.get(), .forgive_missing_certificates = !succession_});
    is_refused_ = !config_.model;
    if (is_refused_) return config_.errors;
    for (const std::string& warning : config_.warnings) report_.warn(warning);
    for (const std::string& warning : passed_.warnings) report_.warn(warning);
    if (Status<> known = find_user(); !known) return {known.error()};
    if (Status<> background = daemonize(); !background) return {background.error()};
    pid_file_ = std::make_unique<process::PidFile>(model().main.pid);
    const bool same_pid_file = succession_ && succession_->pid_path == model().main.pid;
    if (!same_pid_file || !pid_file_->inherit(std::move(succession_->pid_file)))
      if (Status<> locked = pid_file_->prepare(); !locked) return {locked.error()};
    state_ = runtime::StateFile(runtime::state_file_path(model().main));
    runtime::StateFile::Loaded said = state_.load();  // while root may move it aside
    const uint64_t descriptors = raise_limits();
    if (Status<> switched = become_user(); !switched) return {switched.error()};
    if (Status<> pool = start_pool(); !pool) return {pool.error()};
    if (Status<> logs = process::configure_logs(line_, model().main); !logs) return {logs.error()};
    report_.logs_are_open(process::logs_to_stderr(process::error_log_targets(line_, model().main)));
    if (!said.warning.empty()) report_.warn(said.warning);
    runtime_ = std::make_unique<runtime::Runtime>(line_);
    runtime_->descriptors = descriptors;
    runtime_->memory = process::memory_limit();
    runtime_->account = privileges_.account();
    runtime_->model = config_.model;
    runtime_->self_signed = self_signed_;
    runtime_->generation = 1;
    runtime_->state = state_;
    runtime_->overrides = std::move(said.overrides);
    built_ = runtime::build_site(
        {model(), 1, runtime_->registry, &runtime_->log_writer, runtime_->names.fresh(model()), runtime_->overrides});
    if (!built_.site) return built_.errors;
    for (const std::string& warning : built_.warnings) report_.warn(warning);
    if (const runtime::ConnectionCap cap = cap_now(); !cap.warning.empty()) report_.warn(cap.warning);
    put_in_force();
    runtime_->sockets.adopt(std::move(passed_.sockets));
    if (succession_) runtime_->sockets.inherit(std::move(succession_->sockets));
    Errors bind_errors = runtime_->sockets.open(runtime::plan_listens(model()), runtime::wanted_workers(model().main));
    for (const std::string& unused : runtime_->sockets.unused_passed())
      report_.warn("passed socket " + unused + ": not used (no \"listen\" has its address)");
    return bind_errors;
  }

  void put_in_force() {
    runtime_->site = built_.site;
    if (built_.sticky_secret.empty()) return;
    runtime_->overrides.sticky_secret = built_.sticky_secret;
    runtime_->save_overrides_now();
  }

  // Everything is ready: what the weir before has learnt until now, and its word to serve.
  Errors succeed() {
    Result<runtime::HandedState> state = succession_->ready();
    if (!state) return {state.error()};
    // The file may have said something else, or there may be none.
    if (state->overrides != runtime_->overrides) {
      runtime_->overrides = state->overrides;
      built_ = runtime::build_site(
          {model(), 1, runtime_->registry, &runtime_->log_writer, runtime_->names.known(), runtime_->overrides});
      if (!built_.site) return built_.errors;
      runtime_->save_overrides_now();
      put_in_force();
    }
    runtime::restore_state(std::move(*state), *runtime_);
    for (const std::string& error :
         runtime_->sockets.take_over(runtime::plan_listens(model()), runtime::wanted_workers(model().main)))
      report_.warn(error);
    return {};
  }

  // Fed at least twice in the time that the supervisor gives.
  Status<> watch_loops() {
    runtime::LoopWatchOptions options;
    if (const Millis patience = supervisor_.watchdog(); patience.count() != 0) {
      options.beat = std::clamp(patience / 4, Millis(10), options.beat);
      options.all_turned = [this] { supervisor_.alive(); };
    }
    runtime_->watch = std::make_unique<runtime::LoopWatch>(std::move(options));
    runtime_->workers.set_watch(runtime_->watch.get());
    return runtime_->watch->start();
  }

  Status<> find_user() {
    Result<process::RunAs> run_as = process::resolve_run_as(model().main);
    if (!run_as) return Unexpected{run_as.error()};
    if (!run_as->warning.empty()) report_.warn(run_as->warning);
    if (run_as->account) privileges_ = process::Privileges(*run_as->account);
    return Void{};
  }

  Status<> daemonize() {
    if (!model().main.daemon || succession_) return Void{};
    Result<std::unique_ptr<process::Daemon>> daemon = process::Daemon::start();
    if (!daemon) return Unexpected{daemon.error()};
    daemon_ = std::move(*daemon);
    return Void{};
  }

  uint64_t raise_limits() {
    Result<uint64_t> limit = process::raise_descriptor_limit(model().main.rlimit_nofile);
    if (!limit) report_.warn(limit.error());
    return static_cast<uint64_t>(::sysconf(_SC_OPEN_MAX));
  }

  // Behind the last fork, and before any other thread.
  Status<> start_pool() {
    const Result<io::Pool> pool = io::start_pool(kPoolThreads, runtime::wanted_workers(model().main) + kOtherThreads);
    if (!pool) return Unexpected{pool.error()};
    if (pool->threads < pool->wanted)
      report_.warn("threads for files: " + std::to_string(pool->threads) + " instead of " +
                   std::to_string(pool->wanted) + " (the system gives no more)");
    return Void{};
  }

  Status<> become_user() {
    if (const auto& account = privileges_.account()) {
      const auto warn = [this](const Status<>& given) {
        if (!given) report_.warn(given.error());
      };
      for (const std::string& file : process::log_files(line_, model())) warn(process::give_file(file, *account));
      warn(state_.give_to(*account));
      if (!model().acme_certificates.empty())
        warn(make_directory_for(model().main.acme.state, account->uid, account->gid, MissingParents::kMade));
      for (const auto& cache : model().cache_zones)
        warn(make_directory_for(cache->path, account->uid, account->gid, MissingParents::kLeft));
    }
    return privileges_.enter();
  }

  // Whoever finds the pid file finds a weir that serves. Where weir becomes another user, that user may not be able to
  // make it: then it is made while root, a moment before the workers run.
  bool pid_file_comes_early() const { return succession_ != nullptr || privileges_.account().has_value(); }

  Status<> prepare_workers() {
    return runtime_->workers.prepare(runtime::wanted_workers(model().main), cap_now().each);
  }

  // Workers accept. False: the start has come to nothing.
  bool serving(Control& control) {
    if (!pid_file_comes_early())
      if (Status<> published = pid_file_->publish(); !published) {
        serving_error_ = published.error();
        control.give_up();
        return false;
      }
    announce();
    if (daemon_) daemon_->ready(process::logs_to_stderr(process::error_log_targets(line_, model().main)));
    return true;
  }

  // Every socket listens. The pid file and the admin socket may stand in a directory of root's.
  Status<> publish(Control& control) {
    if (Status<> back = privileges_.take_back(); !back) return back;
    const bool inherited = succession_ && control.inherit_admin(succession_->admin_path, std::move(succession_->admin));
    if (!inherited)
      if (Status<> admin = control.open_admin(privileges_.account()); !admin) return admin;
    if (pid_file_comes_early())
      if (Status<> published = pid_file_->publish(); !published) return published;
    if (Status<> settled = privileges_.settle(); !settled) return settled;
    if (::access(line_.config.c_str(), R_OK) != 0)
      report_.warn("configuration \"" + line_.config + "\": not readable by the user of weir, a reload will fail");
    return Void{};
  }

  runtime::ConnectionCap cap_now() const {
    return runtime::connection_cap(model(), runtime_->descriptors, runtime::wanted_workers(model().main),
                                   runtime_->memory);
  }

  void announce() const {
    const int workers = runtime::wanted_workers(model().main);
    log::notice("weir " WEIR_VERSION ": started (pid ", ::getpid(), ", ", workers, " workers of ", cap_now().each,
                " connections, ", runtime_->sockets.addresses(), " listen addresses, ", runtime_->site->servers.size(),
                " servers, ", runtime_->site->clusters.size(), " upstreams)");
  }

  int fail(const Errors& errors) {
    std::string all;
    for (const std::string& error : errors) {
      report_.emerg(error);
      all += (all.empty() ? "" : "\n") + error;
    }
    if (succession_) {  // what is the other weir's stays
      succession_->failed(all);
      if (runtime_) runtime_->sockets.hand_over();
      if (pid_file_) pid_file_->leave_inherited();
    }
    if (runtime_) runtime_->sockets.close_all();
    (void)privileges_.take_back();  // for what root has begun: the pid file
    pid_file_.reset();
    log::flush();
    return is_refused_ ? kRefused : kFailed;
  }

  const config::Model& model() const { return *config_.model; }

  const process::CommandLine& line_;
  const std::unique_ptr<Succession> succession_;  // null: this weir takes nobody's place
  process::Supervisor supervisor_;
  process::PassedSockets passed_;
  Reporter report_;
  const std::shared_ptr<io::SelfSignedBook> self_signed_ = std::make_shared<io::SelfSignedBook>();
  process::LoadedConfig config_;
  process::Privileges privileges_;
  std::unique_ptr<process::Daemon> daemon_;
  std::unique_ptr<process::PidFile> pid_file_;
  runtime::StateFile state_;
  runtime::BuiltSite built_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::string serving_error_;
  bool is_refused_ = false;
};

}  // namespace

int serve(const process::CommandLine& line) {
  const int status = Startup(line).run();
  if (cache::Zone::wait_for_ended(kCachePatience)) return status;
  log::error("caches: the last answers and purges are left undone (a disk does not answer)");
  log::flush();
  ::_exit(status);  // their threads may still use what returning would take down
}

}  // namespace weir::server
