// Targets of the error log, and every file that is a log.
#include "process/error_logs.h"

#include <algorithm>

#include "process/crash_report.h"

namespace weir::process {
namespace {

void add(std::vector<std::string>& files, const std::string& path) {
  const bool is_file = !path.empty() && path != "stderr" && !path.starts_with("syslog:") && !path.starts_with("/dev/");
  if (is_file && std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
}

void add(std::vector<std::string>& files, const proxy::Location& location) {
  if (location.access_logs)
    for (const proxy::AccessLogTarget& log : *location.access_logs) add(files, log.options.path);
  if (location.limit_except) add(files, *location.limit_except->settings);
  for (const proxy::RewriteStep& step : location.rewrite)  // if
    if (step.settings) add(files, *step.settings);
}

void add(std::vector<std::string>& files, const std::vector<config::LocationModel>& locations) {
  for (const config::LocationModel& location : locations) {
    add(files, location.settings);
    add(files, location.nested);
  }
}

}  // namespace

std::vector<LogTarget> error_log_targets(const CommandLine& line, const config::MainConfig& main) {
  if (!main.error_logs.empty()) return main.error_logs;
  LogTarget target;
  if (!line.error_log.empty()) target.target = line.error_log;
  return {target};
}

bool logs_to_stderr(const std::vector<LogTarget>& targets) {
  return std::any_of(targets.begin(), targets.end(), [](const LogTarget& t) { return t.target == "stderr"; });
}

Status<> configure_logs(const CommandLine& line, const config::MainConfig& main) {
  const std::vector<LogTarget> targets = error_log_targets(line, main);
  Status<> configured = log::configure(targets);
  if (configured) move_crash_report(crash_report_path(targets));
  return configured;
}

std::vector<std::string> log_files(const CommandLine& line, const config::Model& model) {
  std::vector<std::string> files;
  for (const LogTarget& target : error_log_targets(line, model.main)) add(files, target.target);
  for (const config::ServerModel& server : model.servers) {
    add(files, server.settings);
    add(files, server.locations);
  }
  return files;
}

}  // namespace weir::process
