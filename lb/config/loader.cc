// Tree, then model.
#include "config/loader.h"

#include <iterator>
#include <map>

#include "config/builder.h"
#include "config/preset.h"
#include "config/tree_loader.h"

namespace weir::config {

LoadedConfig load_config(const std::string& path, FileSource& files, const LoadOptions& options) {
  LoadedConfig out;
  out.tree = load_tree(path, files, out.diagnostics);
  if (out.tree.files.empty()) return out;
  if (!options.globals.empty()) {
    auto source = std::make_shared<SourceFile>();
    source->name = "-g";
    source->text = options.globals;
    source->order = -1;
    std::vector<Directive> all = read_directives(source, out.diagnostics);
    all.insert(all.end(), std::make_move_iterator(out.tree.directives.begin()),
               std::make_move_iterator(out.tree.directives.end()));
    out.tree.directives = std::move(all);
  }
  expand_presets(out.tree);
  // As of include: relative to the main file's directory.
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const auto read_file = [&](const std::string& name) {
    return files.read(name.starts_with('/') ? name : directory + name);
  };
  const auto find_host = [&](const std::string& name) { return files.addresses_of(name); };
  Builder builder(out.model, out.diagnostics, read_file, find_host, directory);
  builder.keep_certificates_in(options.self_signed);
  if (options.forgive_missing_certificates) builder.forgive_missing_certificates();
  builder.build(out.tree.directives);
  return out;
}

LoadedConfig load_config(const std::string& path, const LoadOptions& options) {
  DiskFiles files;
  return load_config(path, files, options);
}

LoadedConfig load_text(std::string text, const std::string& name) {
  std::map<std::string, std::string> files;
  files.emplace(name, std::move(text));
  MemoryFiles source(std::move(files));
  return load_config(name, source);
}

}  // namespace weir::config
