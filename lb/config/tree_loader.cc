// Follows includes.
#include "config/tree_loader.h"

#include <algorithm>
#include <map>

#include "config/builtin_files.h"
#include "config/nginx_reader.h"
#include "config/yaml_reader.h"

namespace weir::config {
namespace {

constexpr size_t kDeepestInclude = 16;
constexpr int kMostIncludes = 10'000;

class TreeLoader {
 public:
  TreeLoader(FileSource& files, Diagnostics& diagnostics) : files_(files), diagnostics_(diagnostics) {}

  Tree load(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (slash != std::string::npos) directory_ = path.substr(0, slash + 1);
    read_file(path, Position{}, tree_.directives);
    return std::move(tree_);
  }

 private:
  void read_file(const std::string& path, const Position& from, std::vector<Directive>& into);
  void expand(std::vector<Directive>&& from, std::vector<Directive>& into);
  void include(const Directive& directive, std::vector<Directive>& into);
  std::shared_ptr<const SourceFile> open(const std::string& path, const std::string& canonical, const Position& from);

  FileSource& files_;
  Diagnostics& diagnostics_;
  std::string directory_;
  Tree tree_;
  std::map<std::string, std::shared_ptr<const SourceFile>> read_;  // by canonical name
  std::vector<std::string> open_;  // canonical names of the files being read, outermost first
  int includes_ = 0;
};

std::shared_ptr<const SourceFile> TreeLoader::open(const std::string& path, const std::string& canonical,
                                                   const Position& from) {
  if (const auto known = read_.find(canonical); known != read_.end()) return known->second;
  auto text = files_.read(path);
  if (!text && !builtin_file(path).empty()) text = std::string(builtin_file(path));
  if (!text) {
    diagnostics_.error(from, text.error());
    return nullptr;
  }
  auto file = std::make_shared<SourceFile>();
  file->name = path;
  file->text = std::move(*text);
  file->syntax = syntax_of(path);
  file->order = static_cast<int>(tree_.files.size());
  tree_.files.push_back(file);
  read_[canonical] = file;
  return file;
}

void TreeLoader::read_file(const std::string& path, const Position& from, std::vector<Directive>& into) {
  const std::string canonical = files_.canonical(path);
  if (std::find(open_.begin(), open_.end(), canonical) != open_.end()) {
    diagnostics_.error(from, "\"" + path + "\" includes itself");
    return;
  }
  const std::shared_ptr<const SourceFile> file = open(path, canonical, from);
  if (!file) return;
  open_.push_back(canonical);
  expand(read_directives(file, diagnostics_), into);
  open_.pop_back();
}

void TreeLoader::expand(std::vector<Directive>&& from, std::vector<Directive>& into) {
  for (Directive& directive : from) {
    if (directive.name == "include") {
      include(directive, into);
      continue;
    }
    if (directive.block) {
      std::vector<Directive> inner = std::move(*directive.block);
      directive.block->clear();
      expand(std::move(inner), *directive.block);
    }
    into.push_back(std::move(directive));
  }
}

void TreeLoader::include(const Directive& directive, std::vector<Directive>& into) {
  if (directive.block) {
    diagnostics_.error(directive.at, "directive \"include\" is not terminated by \";\"");
    return;
  }
  if (directive.args.size() != 1 || directive.arg(0).empty()) {
    diagnostics_.error(directive.at, "invalid number of arguments in \"include\" directive");
    return;
  }
  if (open_.size() > kDeepestInclude) {
    diagnostics_.error(directive.at, "includes are nested more than " + std::to_string(kDeepestInclude) + " deep");
    return;
  }
  std::string path = directive.arg(0);
  if (path.front() != '/') path.insert(0, directory_);
  std::vector<std::string> paths{path};
  if (path.find_first_of("*?[") != std::string::npos) paths = files_.glob(path);
  for (const std::string& each : paths) {
    if (++includes_ == kMostIncludes + 1) diagnostics_.error(directive.at, "too many included files");
    if (includes_ > kMostIncludes) return;
    read_file(each, directive.args[0].at, into);
  }
}

}  // namespace

Tree load_tree(const std::string& path, FileSource& files, Diagnostics& diagnostics) {
  return TreeLoader(files, diagnostics).load(path);
}

std::vector<Directive> read_directives(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics) {
  return file->syntax == Syntax::kYaml ? read_yaml(file, diagnostics) : read_nginx(file, diagnostics);
}

}  // namespace weir::config
