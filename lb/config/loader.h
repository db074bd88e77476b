// The way in: a path to a checked model, with everything that is wrong with it.
#pragma once
#include <string>

#include "config/diagnostics.h"
#include "config/files.h"
#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

struct LoadOptions {
  std::string globals;  // directives before those of the file, as of -g
};

struct LoadedConfig {
  Tree tree;
  Model model;  // to be used only when ok()
  Diagnostics diagnostics;
  bool ok() const { return !diagnostics.failed(); }
};

// Reads and checks; touches nothing but the configuration's files, resolves no names and opens no logs. Any thread.
LoadedConfig load_config(const std::string& path, FileSource& files, const LoadOptions& options = {});
LoadedConfig load_config(const std::string& path, const LoadOptions& options = {});
// One text without a disk.
LoadedConfig load_text(std::string text, const std::string& name = "weir.conf");

}  // namespace weir::config
