// The process: directives of the main level and of events{}.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

void apply_worker_processes(Call& call) {
  if (call.arg(0) == "auto") {
    call.scope.main->worker_processes = 0;
    return;
  }
  const auto value = parse_decimal(call.arg(0));
  if (!value) return call.invalid(0, "a number or \"auto\"");
  if (in_range(call, *value, print_number)) call.scope.main->worker_processes = static_cast<int>(*value);
}
std::vector<std::string> show_worker_processes(const Scope& scope) {
  const int n = scope.main->worker_processes;
  return {n == 0 ? "auto" : std::to_string(n)};
}

void apply_worker_connections(Call& call) {
  if (call.arg(0) == "auto") {
    call.scope.main->worker_connections = 0;
    return;
  }
  apply_number<&MainConfig::worker_connections>(call);
}
std::vector<std::string> show_worker_connections(const Scope& scope) {
  const uint32_t n = scope.main->worker_connections;
  return {n == 0 ? "auto" : std::to_string(n)};
}

void apply_user(Call& call) {
  call.scope.main->user = call.arg(0);
  call.scope.main->group = call.count() > 1 ? call.arg(1) : "";
}
std::vector<std::string> show_user(const Scope& scope) {
  if (scope.main->user.empty()) return {};
  return {quote_word(scope.main->user) + (scope.main->group.empty() ? "" : " " + quote_word(scope.main->group))};
}

constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kNotice, LogLevel::kWarn,
                                LogLevel::kError, LogLevel::kCrit, LogLevel::kAlert,  LogLevel::kEmerg};

void apply_error_log(Call& call) {
  static constexpr std::string_view kNames[] = {"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"};
  LogTarget target;
  target.target = call.arg(0);
  if (target.target.empty() || target.target.starts_with("memory:"))
    return call.invalid(0, "a file, stderr or syslog:");
  if (call.count() > 1) {
    bool known = false;
    for (size_t i = 0; i < std::size(kNames); ++i) {
      if (call.arg(1) != kNames[i]) continue;
      target.level = kLevels[i];
      known = true;
    }
    if (!known) return call.invalid(1, "a log level (debug, info, notice, warn, error, crit, alert or emerg)");
  }
  if (call.scope.context != kMain && call.scope.context != kHttp)
    call.warning("weir has one error log: this \"error_log\" is for the whole process");
  call.builder.model().main.error_logs.push_back(std::move(target));
}
std::vector<std::string> show_error_log(const Scope& scope) {
  std::vector<std::string> out;
  if (scope.context != kMain) return out;
  for (const LogTarget& each : scope.main->error_logs)
    out.push_back(quote_word(each.target) + " " + std::string(to_string(each.level)));
  return out;
}

// The path without its "unix:".
void apply_admin(Call& call) {
  std::string& admin = call.scope.main->admin;
  if (call.arg(0) == "off") {
    admin = "off";
    return;
  }
  if (!call.arg(0).starts_with("unix:")) return call.invalid(0, "unix:PATH or \"off\"");
  const auto socket = parse_host_port(call.arg(0), 0);
  if (!socket) return call.error_at(0, socket.error());
  admin = socket->address.path();
}
std::vector<std::string> show_admin(const Scope& scope) {
  const std::string& admin = scope.main->admin;
  if (admin.empty()) return {};
  return {admin == "off" ? admin : quote_word("unix:" + admin)};
}

// Beside the pid file unless it is written.
std::vector<std::string> show_state_file(const Scope& scope) {
  if (scope.main->state_file.empty()) return {};
  return show_text<&MainConfig::state_file>(scope);
}

// The builder has looked for it before anything else was read.
void apply_defaults(Call& call) {
  if (call.arg(0) != "nginx" && call.arg(0) != "weir") call.invalid(0, "\"weir\" or \"nginx\"");
}

constexpr Kind kInclude{"FILE | PATTERN", 1, 1, nullptr, nullptr};
constexpr Kind kPlainBlock{"{ ... }", 0, 0, nullptr, nullptr};

const Row kRows[] = {
    {"include", kMain | kEvents | kAnywhere | kUpstream, kInclude, "", "",
     "Takes the directives of another file, or of all that match a pattern, of either syntax.", Times::kMany},
    {"worker_processes",
     kMain,
     {"NUMBER | auto", 1, 1, apply_worker_processes, show_worker_processes},
     "auto",
     "1",
     "Worker threads. auto: one for each CPU of the cgroup's quota or the affinity mask.",
     Times::kOnce,
     1,
     512},
    {"worker_rlimit_nofile", kMain, kNumber<&MainConfig::rlimit_nofile>, "0", "0",
     "The limit of open files; 0: the soft limit is raised to the hard one."},
    {"worker_shutdown_timeout", kMain, kTime<&MainConfig::shutdown_timeout>, "0", "0",
     "How long a graceful end may take before connections are closed; 0: as long as they take."},
    {"error_log",
     kMain | kAnywhere,
     {"FILE [LEVEL]", 1, 2, apply_error_log, show_error_log},
     "",
     "",
     "Where the error log goes: a file, stderr or syslog:, and from which level on.",
     Times::kMany},
    {"pid", kMain, kText<&MainConfig::pid>, "/run/weir.pid", "", "The file with the process's id."},
    {"admin",
     kMain,
     {"unix:PATH | off", 1, 1, apply_admin, show_admin},
     "",
     "",
     "The socket of `weir ctl` and of the metrics page. Unless written: beside the pid file, .sock for its .pid."},
    {"state_file",
     kMain,
     {"FILE | off", 1, 1, apply_text<&MainConfig::state_file>, show_state_file},
     "",
     "",
     "Where what the operator said at run time survives a restart. Unless written: beside the pid file, .state for its "
     ".pid."},
    {"daemon", kMain, kFlag<&MainConfig::daemon>, "on", "on", "Whether weir goes to the background."},
    {"user",
     kMain,
     {"USER [GROUP]", 1, 2, apply_user, show_user},
     "",
     "",
     "Whom weir runs as when it is started by root."},
    {"events", kMain, kPlainBlock, "", "", "Directives about connections.", Times::kOnce, 0, 0, true},
    {"http", kMain, kPlainBlock, "", "", "HTTP servers. A file of http-level directives alone needs none.",
     Times::kOnce, 0, 0, true},
    {"worker_connections",
     kEvents,
     {"NUMBER | auto", 1, 1, apply_worker_connections, show_worker_connections},
     "auto",
     "512",
     "Connections of clients and to upstreams that a worker may hold. auto: what the limit of open files allows.",
     Times::kOnce,
     1},
    {"defaults",
     kHttp,
     {"weir | nginx", 1, 1, apply_defaults, nullptr},
     "weir",
     "weir",
     "Which column of defaults holds for everything that is not written.",
     Times::kOnce,
     0,
     INT64_MAX,
     false,
     true},
};

}  // namespace

std::span<const Row> main_rows() {
  return kRows;
}

}  // namespace weir::config
