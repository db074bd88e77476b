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

constexpr Kind kInclude{.form = "FILE | PATTERN"};

const Row kRows[] = {
    {
        .name = "include",
        .contexts = kMain | kEvents | kAnywhere | kUpstream,
        .kind = kInclude,
        .help = "Takes the directives of another file, or of all that match a pattern, of either syntax.",
        .times = Times::kMany,
    },
    {
        .name = "worker_processes",
        .contexts = kMain,
        .kind = {.form = "NUMBER | auto", .apply = apply_worker_processes, .show = show_worker_processes},
        .weir_default = "auto",
        .nginx_default = "1",
        .help = "Worker threads. auto: one for each CPU of the cgroup's quota or the affinity mask.",
        .least = 1,
        .most = 512,
    },
    {
        .name = "worker_rlimit_nofile",
        .contexts = kMain,
        .kind = kNumber<&MainConfig::rlimit_nofile>,
        .weir_default = "0",
        .nginx_default = "0",
        .help = "The limit of open files of the process; 0: the soft limit is raised to the hard one.",
    },
    {
        .name = "worker_shutdown_timeout",
        .contexts = kMain,
        .kind = kTime<&MainConfig::shutdown_timeout>,
        .weir_default = "0",
        .nginx_default = "0",
        .help = "How long a graceful end may take before connections are closed; 0: as long as they take.",
    },
    {
        .name = "error_log",
        .contexts = kMain | kAnywhere,
        .kind = {.form = "FILE [LEVEL]", .most_args = 2, .apply = apply_error_log, .show = show_error_log},
        .help = "Where the error log goes: a file, stderr or syslog:, and from which level on.",
        .times = Times::kMany,
    },
    {
        .name = "pid",
        .contexts = kMain,
        .kind = kText<&MainConfig::pid>,
        .weir_default = "/run/weir.pid",
        .help = "The file with the process's id.",
    },
    {
        .name = "admin",
        .contexts = kMain,
        .kind = {.form = "unix:PATH | off", .apply = apply_admin, .show = show_admin},
        .help = "The socket of `weir ctl` and of the metrics page. Unless written: beside the pid file, .sock for its "
                ".pid.",
    },
    {
        .name = "state_file",
        .contexts = kMain,
        .kind = {.form = "FILE | off", .apply = apply_text<&MainConfig::state_file>, .show = show_state_file},
        .help = "The file that keeps operator overrides over a restart. Unless written: beside the pid file, "
                ".state for its .pid.",
    },
    // Not nginx's default, with `defaults nginx` neither: a container or a service manager would see its process end.
    {
        .name = "daemon",
        .contexts = kMain,
        .kind = kFlag<&MainConfig::daemon>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether weir runs in the background.",
    },
    {
        .name = "user",
        .contexts = kMain,
        .kind = {.form = "USER [GROUP]", .most_args = 2, .apply = apply_user, .show = show_user},
        .help = "Whom weir runs as when it is started by root.",
    },
    {
        .name = "worker_handshakes",
        .contexts = kEvents,
        .kind = kNumber<&MainConfig::worker_handshakes>,
        .weir_default = "1024",
        .help = "The most TLS handshakes under way at once in a worker; more are closed (nginx: no limit).",
        .least = 1,
    },
    {
        .name = "worker_connections",
        .contexts = kEvents,
        .kind = {.form = "NUMBER | auto", .apply = apply_worker_connections, .show = show_worker_connections},
        .weir_default = "auto",
        .nginx_default = "512",
        .help =
            "Connections of clients and to upstreams that a worker may hold, never more than the limit of open files "
            "allows (with a warning). auto: that many; half, where files are sent, as each is open beside its "
            "connection. At the limit the longest idle connection is closed for a new one; where none is idle, new "
            "clients wait.",
        .least = 1,
    },
};

}  // namespace

std::span<const Row> main_rows() {
  return kRows;
}

}  // namespace weir::config
