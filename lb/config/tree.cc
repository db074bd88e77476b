// Small questions about the directive tree.
#include "config/tree.h"

namespace weir::config {

Syntax syntax_of(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml") ? Syntax::kYaml : Syntax::kNginx;
}

std::string Position::to_string() const {
  if (!file) return "weir";
  if (line == 0) return file->name;
  return file->name + ":" + std::to_string(line) + ":" + std::to_string(column);
}

bool same_content(const std::vector<Directive>& a, const std::vector<Directive>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].args.size() != b[i].args.size()) return false;
    for (size_t k = 0; k < a[i].args.size(); ++k)
      if (a[i].arg(k) != b[i].arg(k)) return false;
    if (a[i].block.has_value() != b[i].block.has_value()) return false;
    if (a[i].block && !same_content(*a[i].block, *b[i].block)) return false;
  }
  return true;
}

}  // namespace weir::config
