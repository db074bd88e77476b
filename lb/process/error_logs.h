// Where the error log goes.
#pragma once
#include <string>
#include <vector>

#include "base/log.h"
#include "config/model.h"
#include "process/options.h"

namespace weir::process {

// error_log as configured; without one -e's file, or stderr.
std::vector<LogTarget> error_log_targets(const CommandLine& line, const config::MainConfig& main);
bool logs_to_stderr(const std::vector<LogTarget>& targets);
Status<> configure_logs(const CommandLine& line, const config::MainConfig& main);
// Files that error and access logs name; neither stderr, syslog nor devices.
std::vector<std::string> log_files(const CommandLine& line, const config::Model& model);

}  // namespace weir::process
