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
