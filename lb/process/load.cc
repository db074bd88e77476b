// config's loader, in the words of the command line.
#include "process/load.h"

#include <utility>

#include "config/dump.h"
#include "config/loader.h"

namespace weir::process {

LoadedConfig load_config(const CommandLine& line, config::LoadOptions options) {
  options.globals = line.globals;
  config::LoadedConfig loaded = config::load_config(line.config, options);
  LoadedConfig out;
  for (const config::Diagnostic& each : loaded.diagnostics.in_order()) {
    // Without a place it is about the file itself: it cannot be opened.
    const std::string text = each.at.file != nullptr ? each.to_string() : line.config + ": error: " + each.text;
    (each.severity == config::Severity::kError ? out.errors : out.warnings).push_back(text);
  }
  if (loaded.diagnostics.errors() > out.errors.size())
    out.errors.push_back("and " + std::to_string(loaded.diagnostics.errors() - out.errors.size()) + " more errors");
  if (!loaded.ok()) return out;
  if (loaded.tree.directives.empty()) {  // cut off by a full disk: in force it would close every listener
    out.errors.push_back(line.config + ": error: no directive is in the file");
    return out;
  }
  if (line.command == Command::kDump) {
    const bool globals = !line.globals.empty() && !line.effective;
    out.dump = globals ? "# directives of -g:\n" + line.globals + "\n" : "";
    out.dump += line.effective ? config::dump_effective(loaded.model, true) : config::dump_files(loaded.tree);
  }
  out.model = std::make_shared<const config::Model>(std::move(loaded.model));
  return out;
}

}  // namespace weir::process
