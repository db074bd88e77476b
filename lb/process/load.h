// The configuration of a command line, read and judged.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/loader.h"
#include "config/model.h"
#include "process/options.h"

namespace weir::process {

struct LoadedConfig {
  std::shared_ptr<const config::Model> model;  // null when there are errors
  std::vector<std::string> errors;             // "FILE:LINE:COL: error: TEXT"
  std::vector<std::string> warnings;
  std::string dump;  // for -T
};

// `options`: how it is read; directives of the command line are added.
LoadedConfig load_config(const CommandLine& line, config::LoadOptions options = {});

}  // namespace weir::process
