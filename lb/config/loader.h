// The way in: a path to a checked model, with everything that is wrong with it.
#pragma once
#include <string>

#include "config/diagnostics.h"
#include "config/files.h"
#include "config/model.h"
#include "config/tree.h"

namespace weir::io {
class SelfSignedBook;
}

namespace weir::config {

struct LoadOptions {
  std::string globals = {};                   // directives before those of the file, as of -g
  io::SelfSignedBook* self_signed = nullptr;  // where those of before are; null: they are made anew
  // A certificate that cannot be loaded is a warning, and its server refuses handshakes, while others can serve.
  bool forgive_missing_certificates = false;
};

struct LoadedConfig {
  Tree tree;
  Model model;  // to be used only when ok()
  Diagnostics diagnostics;
  bool ok() const { return !diagnostics.failed(); }
};

// Reads and checks; touches nothing but the configuration's files and opens no logs. The names of upstreams are not
// resolved yet; those of set_real_ip_from are, which may block. Any thread.
LoadedConfig load_config(const std::string& path, FileSource& files, const LoadOptions& options = {});
LoadedConfig load_config(const std::string& path, const LoadOptions& options = {});
// One text without a disk.
LoadedConfig load_text(std::string text, const std::string& name = "weir.conf");

}  // namespace weir::config
