// What the fuzz targets of both configuration readers share.
#pragma once
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/tree.h"

namespace weir::config {

inline void must(bool fact) {
  if (!fact) std::abort();
}

inline std::shared_ptr<const SourceFile> source(std::string text, Syntax syntax) {
  auto file = std::make_shared<SourceFile>();
  file->name = "f";
  file->text = std::move(text);
  file->syntax = syntax;
  return file;
}

// Whether a statement may be too long for the nginx reader once it is written: escapes make a word longer.
inline bool has_long_word(const std::vector<Directive>& directives) {
  for (const Directive& directive : directives) {
    if (directive.name.size() > 900) return true;
    size_t all = 0;
    for (const Argument& argument : directive.args) all += argument.text.size();
    if (all > 900 || (directive.block && has_long_word(*directive.block))) return true;
  }
  return false;
}

}  // namespace weir::config
